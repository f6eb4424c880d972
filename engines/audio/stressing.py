"""An utterance made worse on purpose: another utterance, that says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from engines.audio.conditions import SCALES, Condition, apply_all, ordered, title_of
from engines.audio.load import from_samples
from engines.contract import SAMPLE_RATE, Utterance
from engines.errors import BadInput

LONGEST_SECONDS: Final = 600.0
"""Longer speech is not made worse: all of it lies in memory meanwhile."""


def stressed(utterance: Utterance, conditions: Iterable[Condition], *, seed: int = 0) -> Utterance:
    """The utterance as it is heard under some conditions; the same seed gives the same sound.

    All amounts of a kind are made of one draw, so that a sweep changes the amount alone.

    Args:
        utterance: as it was recorded.
        conditions: in any order; none gives the utterance back.
        seed: of all that is drawn.

    Returns:
        an utterance of its own, with the language and the references of the first; its source and its notes name the
        conditions.

    Raises:
        BadOption: a kind of condition is there twice.
        BadInput: the speech is longer than ten minutes.
        AudioUnusable: nothing is left of it.
        DiskFull: there is no room in the cache folder.
    """
    found = ordered(conditions)
    if not found:
        return utterance
    if utterance.seconds > LONGEST_SECONDS:
        message = f"{utterance.source} is {utterance.seconds / 60:.0f} minutes long, too long to be made worse."
        raise BadInput(message, f"Choose speech of up to {LONGEST_SECONDS / 60:.0f} minutes.")
    samples = apply_all(found, utterance.samples, utterance.digest, seed=seed, paired=True)
    title = title_of(found)
    made = from_samples(samples, SAMPLE_RATE, f"{utterance.source} · {title}", language=utterance.language)
    note = f"It was made worse on purpose: {'; '.join(map(told, found))} (seed {seed})."
    return replace(
        made,
        reference=utterance.reference,
        reference_translation=utterance.reference_translation,
        notes=(*utterance.notes, note),
    )


def told(condition: Condition) -> str:
    """A condition in words: ``other people talking, 10 dB quieter than the speech``."""
    if condition.amount is None:
        return "a telephone line (300–3400 Hz, µ-law)" if condition.kind == "telephone" else "as recorded"
    scale = SCALES[condition.kind]
    match condition.kind:
        case "room":
            return f"a room in which sound takes {condition.amount:g} s to fall by 60 dB"
        case "speed":
            return f"{condition.amount:g} times as fast, at the same pitch"
        case "gaps":
            return f"{condition.amount:g} % of the packets lost, in bursts"
        case _:
            beside = "quieter" if condition.amount >= 0 else "louder"
            return f"{scale.name}, {abs(condition.amount):g} dB {beside} than the speech"
