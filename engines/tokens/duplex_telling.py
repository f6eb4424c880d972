"""What an engine that listens and speaks at once tells of its frames: evidence, times, and sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

import numpy as np

from engines.contract import Evidence, FrameClock, Samples, TokenStream
from engines.models.codes import Codes
from engines.models.pieces import MARK
from engines.tokens.backlog import Backlog, Pace
from engines.tokens.duplex import Frame

STAGES: Final = ("codes", "think", "speak")


class Streaming(Protocol):
    """Knows what codes are."""

    def stream(self, ids: Codes, *, generated: bool = False) -> TokenStream:
        """Codes ``(k, T)`` as evidence, of speech that was heard or that a model generated."""
        ...


def losing(frames: Iterator[Samples], share: float, seed: int) -> Iterator[Samples | None]:
    """Frames of which a share is lost, each by itself."""
    random = np.random.default_rng((seed, 17))
    for frame in frames:
        yield None if share > 0 and random.random() < share else frame


def spent(frames: list[Frame]) -> tuple[float, float, float]:
    """Seconds of coding, of the model and of decoding."""
    return (
        sum(frame.listening for frame in frames),
        sum(frame.thinking for frame in frames),
        sum(frame.speaking for frame in frames),
    )


def evidence(frames: list[Frame], tokeniser: Streaming, pace: Pace) -> Iterator[Evidence]:
    """The codes that were heard and spoken, and what every frame took and wrote."""
    if not frames:
        return
    for generated in (False, True):
        codes = np.concatenate([frame.own if generated else frame.heard for frame in frames], axis=1)
        yield tokeniser.stream(codes, generated=generated)
    yield FrameClock(
        start=0.0,
        frame_seconds=pace.frame_seconds,
        seconds=np.array([frame.seconds for frame in frames], np.float32),
        texts=tuple(frame.text.replace(MARK, " ") for frame in frames),
        late=pace.late,
        kinds=tuple(frame.kind for frame in frames),
        stages=STAGES,
        spent=np.array([[f.listening, f.thinking, f.speaking] for f in frames], np.float32).T,
        behind=pace.behind,
    )


def told(frames: list[Frame], backlog: Backlog, pace: Pace) -> list[str]:
    """Sentences on how the loop kept time, and on frames that were not heard."""
    if not frames:
        return []
    milliseconds = 1000 * np.percentile([frame.seconds for frame in frames], [50, 95])
    median, most = (f"{value:.0f} ms" for value in milliseconds)
    length = f"{1000 * pace.frame_seconds:g} ms"
    found = [f"A frame of {length} took {median} to compute, and 95 of 100 took at most {most}."]
    if pace.late:
        found.append(
            f"It fell behind: {pace.late} of {len(frames)} frames were done too late, at worst by "
            f"{pace.behind - pace.frame_seconds:.2f} s."
        )
    if backlog.dropped:
        found.append(f"{_frames(backlog.dropped, pace)} dropped since too many waited, and concealed.")
    lost = sum(frame.kind == "lost" for frame in frames)
    if lost:
        found.append(f"{_frames(lost, pace)} lost on the way and not heard.")
    return found


def _frames(count: int, pace: Pace) -> str:
    seconds = f"({count * pace.frame_seconds:.1f} s)"
    return f"1 frame {seconds} was" if count == 1 else f"{count} frames {seconds} were"
