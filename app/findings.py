"""An engine's evidence, sorted by the stretches of speech that it is on. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from engines.contract import (
    Attention,
    Correction,
    Evidence,
    FrameClock,
    NBest,
    Neighbours,
    Posteriors,
    Routing,
    Segments,
    SpeechTokens,
    TokenScores,
    TokenStream,
    UnitPhones,
)

PerSegment = TypeVar(
    "PerSegment", NBest, Correction, Attention, TokenScores, Posteriors, Neighbours, SpeechTokens, Routing, TokenStream,
    UnitPhones, FrameClock,
)  # fmt: skip


@dataclass(frozen=True)
class Findings:
    """What can be asked of evidence in the order in which it came; :class:`app.comparison.EngineRun` holds it."""

    @property
    def _all(self) -> tuple[Evidence, ...]:
        return getattr(self, "evidence", ())

    def found(self, kind: type[PerSegment]) -> tuple[PerSegment, ...]:
        """Evidence of a kind, in the order of the stretches of speech; of what came twice for one, the latest.

        Transcripts and translations, tokens and queries, and streams of different tokenisers or directions are kept
        apart.
        """
        kept: dict[tuple[int, str], PerSegment] = {}
        for evidence in self._all:
            if isinstance(evidence, kind):
                apart = (getattr(evidence, name, "") for name in ("content", "rows", "name", "direction"))
                kept[evidence.segment, " ".join(map(str, apart))] = evidence
        return tuple(kept[key] for key in sorted(kept, key=lambda key: key[0]))

    @property
    def stretches(self) -> Mapping[int, tuple[float, float]]:
        """Where the stretches of speech that there is evidence on lie: number → from and to in seconds."""
        numbers = {evidence.segment for evidence in self._all if not isinstance(evidence, Segments)}
        spans = next((e.spans for e in reversed(self._all) if isinstance(e, Segments)), ())
        places = dict(enumerate(spans)) | {n.segment: (n.start, n.end) for n in self.found(NBest)}
        for frames in self.found(Posteriors):
            end = frames.start + frames.blank.shape[0] * frames.frame_seconds
            places[frames.segment] = (frames.start, end)  # an engine may cut what was found to its own measure
        for stream in self.found(TokenStream):
            if stream.direction == "in":
                places.setdefault(
                    stream.segment, (stream.start, stream.start + stream.ids.shape[1] * stream.frame_seconds)
                )
        return {number: places[number] for number in sorted(numbers) if number in places}

    @property
    def places_per_second(self) -> float | None:
        """Places of the language model's input per second of speech; None where the engine does not say."""
        told = self.found(SpeechTokens)
        seconds = sum(one.seconds for one in told)
        return sum(one.count for one in told) / seconds if seconds > 0 else None
