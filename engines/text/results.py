"""What all text-based engines do with what they heard: evidence, text as it becomes final, and the result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from engines.contract import Event, EvidenceFound, Hypothesis, NBest
from engines.stages.texts import NO_SPEECH, Text, result, separator
from engines.text.recognition import Heard

__all__ = ["NO_SPEECH", "Text", "evidence", "result", "separator"]


def evidence(
    heard: Heard,
    *,
    translated: bool = False,
    hypotheses: Sequence[Hypothesis] | None = None,
    weight: float | None = None,
    normalised: bool = False,
    chosen: int = 0,
) -> Iterator[Event]:
    """The N-best list and the token scores of a stretch as events.

    Args:
        heard: the stretch.
        translated: whether the hypotheses are translations.
        hypotheses: replaces the recogniser's own list, with the language model's scores filled in.
        weight: λ, if the list was rescored.
        normalised: whether scores were divided by their token counts.
        chosen: index of the chosen hypothesis.
    """
    yield EvidenceFound(
        NBest(
            segment=heard.segment,
            start=heard.start,
            end=heard.end,
            hypotheses=tuple(hypotheses or heard.recognised.hypotheses),
            weight=weight,
            normalised=normalised,
            chosen=chosen,
            content="translation" if translated else "transcript",
        )
    )
    yield EvidenceFound(replace(heard.recognised.scores, segment=heard.segment))
