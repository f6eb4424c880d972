"""The frames of a loop that listens and speaks at once, put together from what the engine told. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from app.language import tr
from app.views.labels import readable
from app.views.table import Table
from app.widgets.numbers import seconds
from app.widgets.wavepaint import clock
from engines.contract import FrameClock, TokenStream
from engines.evidence import FrameKind

Value = TypeVar("Value")

LOST: Final = {"lost": tr("lost on the way"), "dropped": tr("dropped: too many waited")}
"""What is said of a frame that was not heard."""
_SHOWN = 8
"""Codes of a stream that are told of a frame."""


@dataclass(frozen=True)
class DuplexFrames:
    """All frames of a run, in order of time.

    Attributes:
        spans: ``(N, 2)`` from and to, in seconds.
        took: ``(N,)`` seconds of computing.
        may: ``(N,)`` seconds that each stands for.
        kinds: what became of each.
        texts: what was written in each.
        stages: what the computing consists of; empty where it is not known of all frames.
        spent: ``(stages, N)`` seconds of each.
        heard: streams that came in, of several codebooks.
        spoken: streams that were spoken.
    """

    spans: NDArray[np.float64]
    took: NDArray[np.float64]
    may: NDArray[np.float64]
    kinds: tuple[FrameKind, ...]
    texts: tuple[str, ...]
    stages: tuple[str, ...]
    spent: NDArray[np.float64]
    heard: tuple[TokenStream, ...]
    spoken: tuple[TokenStream, ...]

    @property
    def end(self) -> float:
        """Where the last frame ends, in seconds."""
        return float(self.spans[-1, 1]) if self.spans.size else 0.0

    @property
    def slowest(self) -> float:
        """Seconds of the slowest frame, or those that a frame may take if that is more."""
        return float(max(self.took.max(initial=0.0), self.may.max(initial=0.0)))

    @property
    def p95(self) -> float:
        """Seconds that 95 of 100 frames took at most."""
        return float(np.percentile(self.took, 95)) if self.took.size else 0.0

    def told(self, frame: int) -> str:
        """Time, what became of it, what was written and spoken in it, and what it took."""
        said = [clock(float(self.spans[frame, 0]), 0.01)]
        kind = self.kinds[frame]
        heard, spoken = codes(self.heard, self.spans[frame]), codes(self.spoken, self.spans[frame])
        said.append(
            LOST[kind]
            if kind in LOST
            else tr("heard {codes}").format(codes=listed(heard))
            if heard.size
            else tr("heard")
        )
        if self.texts[frame]:
            said.append(tr("wrote “{readable}”").format(readable=readable(self.texts[frame])))
        if spoken.size:
            said.append(
                tr("spoke on with the last sound")
                if (spoken < 0).all()
                else tr("spoke {codes}").format(codes=listed(spoken))
            )
        took, may = float(self.took[frame]), float(self.may[frame])
        parts = ", ".join(
            f"{name} {seconds(float(part))}" for name, part in zip(self.stages, self.spent[:, frame], strict=True)
        )
        said.append(
            (tr("{took} over {may}") if took > may else tr("{took} of {may}")).format(
                took=seconds(took), may=seconds(may)
            )
            + (f": {parts}" if parts else "")
        )
        return " · ".join(said)

    def table(self) -> Table:
        """A row per frame; codes are written codebook by codebook, ``|`` between codebooks."""
        head = ("frame", "start_s", "end_s", "kind", "text", "computing_ms", "allowed_ms")
        rows = [
            (
                str(frame),
                *(f"{value:.3f}" for value in self.spans[frame]),
                self.kinds[frame],
                self.texts[frame],
                *(f"{1000 * value:.3f}" for value in (self.took[frame], self.may[frame], *self.spent[:, frame])),
                written(codes(self.heard, self.spans[frame])),
                written(codes(self.spoken, self.spans[frame])),
            )
            for frame in range(len(self.kinds))
        ]
        return Table((*head, *(f"{stage}_ms" for stage in self.stages), "heard", "spoken"), rows)


def gather(clocks: Sequence[FrameClock], streams: Sequence[TokenStream]) -> DuplexFrames:
    """Puts the frames of some stretches together.

    Args:
        clocks: of the stretches, in order of time.
        streams: codes that came in and were spoken.
    """
    counts = [one.seconds.size for one in clocks]
    may = np.repeat([one.frame_seconds for one in clocks], counts).astype(np.float64)
    begins = np.concatenate(
        [np.zeros(0), *(one.start + np.arange(one.seconds.size) * one.frame_seconds for one in clocks)]
    )
    split = bool(clocks) and all(one.stages == clocks[0].stages and one.spent is not None for one in clocks)
    spent = [np.asarray(one.spent, np.float64) for one in clocks if one.spent is not None] if split else []
    stages = clocks[0].stages if split else ()
    return DuplexFrames(
        spans=np.stack([begins, begins + may], axis=1),
        took=np.concatenate([np.zeros(0), *(one.seconds.astype(np.float64) for one in clocks)]),
        may=may,
        kinds=tuple(kind for one in clocks for kind in _each(one.kinds, one, "heard")),
        texts=tuple(text for one in clocks for text in _each(one.texts, one, "")),
        stages=stages,
        spent=np.concatenate(spent, axis=1) if spent else np.zeros((0, sum(counts))),
        heard=tuple(one for one in streams if one.direction == "in" and len(one.sizes) > 1),
        spoken=tuple(one for one in streams if one.direction == "out" and len(one.sizes) > 1),
    )


def _each(values: tuple[Value, ...], of: FrameClock, otherwise: Value) -> tuple[Value, ...]:
    """A value per frame, where they are known."""
    return values if len(values) == of.seconds.size else (otherwise,) * of.seconds.size


def codes(streams: Sequence[TokenStream], span: NDArray[np.float64]) -> NDArray[np.int32]:
    """The codes ``(books, m)`` of some streams whose frames begin within a span; of the first that has any."""
    for stream in streams:
        first, behind = (round((at - stream.start) / stream.frame_seconds) for at in span.tolist())
        found = stream.ids[:, max(0, first) : max(0, behind)]
        if found.size:
            return found
    return np.zeros((0, 0), np.int32)


def listed(ids: NDArray[np.int32]) -> str:
    """The coarsest codes, in words."""
    return " ".join(str(int(one)) for one in ids[0][:_SHOWN])


def written(ids: NDArray[np.int32]) -> str:
    """All codes: those of a codebook beside one another, ``|`` between codebooks."""
    return "|".join(" ".join(str(int(one)) for one in row) for row in ids)
