"""Spoken language modelling, scored as in Spoken StoryCloze (Hassid et al., arXiv 2305.13009).

A story has a beginning and two endings, one that follows and one that does not: which does a model find likelier? A
scorer gives each ending the mean log-likelihood of its items (units, or tokens of text) behind the beginning; it is
right where the ending that follows has the larger one. By chance half of the pairs are right. In the *topic* form the
wrong ending is the right one of another story, which is easier. Numbers of items differ between endings, so sums would
favour the shorter one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

import numpy as np

from engines.contract import LanguageModel, Recogniser, Samples
from engines.errors import BadInput
from engines.evaluation.stories import Story

CHANCE: Final = 0.5
Form = Literal["story", "topic"]
_Z: Final = 1.959963984540054


@dataclass(frozen=True)
class Passage:
    """A piece of a story.

    Attributes:
        text: as it is written.
        samples: as it is spoken, ``(n,)`` at 16 kHz; None where only texts are scored.
    """

    text: str
    samples: Samples | None = None


class Scorer(Protocol):
    """What gives endings a likelihood."""

    @property
    def name(self) -> str:
        """For people."""
        ...

    def score(self, beginning: Passage, endings: Sequence[Passage]) -> list[tuple[float, int]]:
        """For each ending log p(ending | beginning) in nats, summed over its items, and their number."""
        ...


@dataclass(frozen=True)
class Verdict:
    """One pair.

    Attributes:
        story: its id.
        right: mean log-likelihood per item of the ending that follows, in nats.
        wrong: that of the other one.
    """

    story: str
    right: float
    wrong: float

    @property
    def credit(self) -> float:
        """1 where the right ending is likelier, 0 where the wrong one is, a half where neither."""
        return 1.0 if self.right > self.wrong else 0.0 if self.right < self.wrong else 0.5


@dataclass(frozen=True)
class Outcome:
    """What a scorer came to.

    Attributes:
        scorer: its name.
        form: of the pairs.
        verdicts: one per story.
    """

    scorer: str
    form: Form
    verdicts: tuple[Verdict, ...]

    @property
    def accuracy(self) -> float:
        """Share of the pairs that are right, in [0, 1]."""
        return sum(verdict.credit for verdict in self.verdicts) / len(self.verdicts)

    @property
    def interval(self) -> tuple[float, float]:
        """Bounds of the 95 % confidence interval (Wilson 1927)."""
        count, share = len(self.verdicts), self.accuracy
        middle = share + _Z**2 / (2 * count)
        spread = _Z * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
        whole = 1 + _Z**2 / count
        return max(0.0, (middle - spread) / whole), min(1.0, (middle + spread) / whole)

    @property
    def p(self) -> float:
        """Two-sided probability of a share so far from chance by chance alone (sign test, ties left out)."""
        right = sum(verdict.credit == 1 for verdict in self.verdicts)
        count = right + sum(verdict.credit == 0 for verdict in self.verdicts)
        tail = sum(math.comb(count, hits) for hits in range(max(right, count - right), count + 1))
        return min(1.0, 2.0 * tail / float(2**count))


@dataclass(frozen=True)
class TextScorer:
    """The language model on texts: those that are written, or what a recogniser heard.

    Attributes:
        name: for people.
        model: scores.
        transcribe: samples to text; None scores what is written.
    """

    name: str
    model: LanguageModel
    transcribe: Callable[[Samples], str] | None = None

    def score(self, beginning: Passage, endings: Sequence[Passage]) -> list[tuple[float, int]]:
        """See :class:`Scorer`."""
        return self.model.score(self._text(beginning), [f" {self._text(ending)}" for ending in endings])

    def _text(self, passage: Passage) -> str:
        return passage.text if self.transcribe is None else self.transcribe(_sound(passage)).strip()


@dataclass(frozen=True)
class UnitScorer:
    """A token language model on units.

    Attributes:
        name: for people.
        tokenise: samples to a sequence of what the model reads, with a length of its items.
        likelihood: log p(second | first) in nats, summed, and the mean over the items of the second.
    """

    name: str
    tokenise: Callable[[Samples], Sequence[Any]]
    likelihood: Callable[[Sequence[Any], Sequence[Any]], tuple[float, float]]

    def score(self, beginning: Passage, endings: Sequence[Passage]) -> list[tuple[float, int]]:
        """See :class:`Scorer`."""
        before = self.tokenise(_sound(beginning))
        found = []
        for ending in endings:
            total, mean = self.likelihood(before, self.tokenise(_sound(ending)))
            found.append((total, max(1, round(total / mean)) if mean else 1))
        return found


def run(
    scorer: Scorer, stories: Sequence[Story], form: Form = "story", sounds: Mapping[str, Samples] | None = None
) -> Outcome:
    """Scores all stories.

    Args:
        scorer: gives likelihoods.
        stories: at least one; two for the topic form.
        form: whether the wrong ending is the story's own, or the right one of the next story.
        sounds: ``ID/beginning``, ``ID/right`` and ``ID/wrong`` to samples at 16 kHz, for scorers that listen.

    Raises:
        BadInput: there are too few stories, or a sound is missing.
    """
    return Outcome(
        scorer.name, form, tuple(verdict(scorer, stories, place, form, sounds) for place in range(len(stories)))
    )


def verdict(
    scorer: Scorer, stories: Sequence[Story], place: int, form: Form, sounds: Mapping[str, Samples] | None = None
) -> Verdict:
    """Scores one of the stories; see :func:`run`.

    Raises:
        BadInput: there are too few stories, or a sound is missing.
    """
    if len(stories) < (2 if form == "topic" else 1):
        raise BadInput("There are too few stories to score.", "Give at least two.")
    story, other = stories[place], stories[(place + 1) % len(stories)]
    wrong = (f"{other.id}/right", other.right) if form == "topic" else (f"{story.id}/wrong", story.wrong)
    beginning, *endings = (
        Passage(text, _found(sounds, key))
        for key, text in ((f"{story.id}/beginning", story.beginning), (f"{story.id}/right", story.right), wrong)
    )
    scores = [total / max(1, count) for total, count in scorer.score(beginning, endings)]
    if not np.isfinite(scores).all():
        raise BadInput(f"{scorer.name} gives the story {story.id} no likelihood.", "Use another model.")
    return Verdict(story.id, scores[0], scores[1])


def transcriber(recogniser: Recogniser) -> Callable[[Samples], str]:
    """Transcribes English speech greedily, every sound once."""
    known: dict[bytes, str] = {}

    def transcribe(samples: Samples) -> str:
        key = samples.tobytes()
        if key not in known:
            *_, last = recogniser.nbest(recogniser.encode(samples), language="en", beam=1)
            known[key] = "" if isinstance(last, str) else last.hypotheses[0].text
        return known[key]

    return transcribe


def markdown(outcomes: Sequence[Outcome]) -> str:
    """A table with chance beside every figure."""
    lines = ["| scorer | form | pairs | right | 95 % interval | by chance | p |", "|---|---|---:|---:|---:|---:|---:|"]
    for found in outcomes:
        low, high = found.interval
        lines.append(
            f"| {found.scorer} | {found.form} | {len(found.verdicts)} | {100 * found.accuracy:.1f} % | "
            f"{100 * low:.1f}–{100 * high:.1f} % | {100 * CHANCE:.0f} % | {found.p:.3f} |"
        )
    return "\n".join(lines) + "\n"


def _found(sounds: Mapping[str, Samples] | None, key: str) -> Samples | None:
    if sounds is None:
        return None
    if key not in sounds:
        raise BadInput(f"The sound {key} is missing.", "Speak the stories anew.")
    return sounds[key]


def _sound(passage: Passage) -> Samples:
    if passage.samples is None:
        raise BadInput(
            "This scorer listens, and the stories were not spoken.",
            "Give --sounds, the folder that they were spoken to.",
        )
    return passage.samples


def main(arguments: Sequence[str] | None = None) -> int:
    """Speaks stories, scores the language model on their texts and on transcripts, prints a table."""
    import argparse
    from pathlib import Path

    from engines.evaluation import stories as files
    from engines.models.components import Components

    parser = argparse.ArgumentParser(prog="python -m engines.evaluation.spoken_lm")
    parser.add_argument("--stories", type=Path, help="another file than the one that ships")
    parser.add_argument("--sounds", type=Path, help="folder that stories are spoken to")
    parser.add_argument("--speak", action="store_true", help="speak what is not spoken yet")
    parser.add_argument("--llm", default="gemma-3-270m")
    options = parser.parse_args(arguments)
    stories, components = files.read(options.stories), Components()
    spoken = None
    if options.sounds is not None:
        if options.speak:
            voices = [(components.synthesiser("en", "piper"), None), (components.synthesiser("en", "kokoro"), None)]
            files.speak(stories, options.sounds, voices, lambda text: print(text, flush=True))
        spoken = files.sounds(stories, options.sounds)
    model = components.language_model({"llm": options.llm})
    scorers: list[Scorer] = [TextScorer(f"{model.name}, texts", model)]
    if spoken is not None:
        recogniser = components.recogniser()
        scorers.append(TextScorer(f"{model.name}, transcripts of {recogniser.name}", model, transcriber(recogniser)))
    forms: tuple[Form, ...] = ("story", "topic")
    print(markdown([run(scorer, stories, form, spoken) for scorer in scorers for form in forms]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
