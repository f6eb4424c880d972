"""Token language models under the score of spoken language models, and verdicts that are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from engines.contract import Recogniser, Samples
from engines.errors import BadInput
from engines.evaluation.kept import Kept
from engines.evaluation.spoken_lm import Form, Outcome, Scorer, UnitScorer, Verdict, verdict
from engines.evaluation.stories import Story
from engines.models.token_lm import TokenLM
from engines.runtime.mixed_vocabulary import Speech
from engines.tokens.semantic import SemanticTokeniser
from engines.tokens.units import collapse

FORMS: Final[tuple[Form, ...]] = ("story", "topic")
KIND: Final = "verdict"


def unit_scorer(name: str, recogniser: Recogniser, tokeniser: SemanticTokeniser, tokens: TokenLM) -> UnitScorer:
    """Scores runs of units behind runs of units, every unit among all units and all text.

    Args:
        name: for people.
        recogniser: whose encoder the units are of.
        tokeniser: makes units.
        tokens: gives them a likelihood. Neither the end of speech nor durations are scored.
    """
    known: dict[bytes, list[int]] = {}

    def tokenise(samples: Samples) -> list[int]:
        key = samples.tobytes()
        if key not in known:
            known[key] = found(samples)
        return known[key]

    def found(samples: Samples) -> list[int]:
        units = collapse(tokeniser.units_of(recogniser.encode(samples))).units
        if not units.size:
            raise BadInput("A story is too short to have a unit.", "Speak the stories anew.")
        return [int(unit) for unit in units]

    def likelihood(first: Sequence[int], second: Sequence[int]) -> tuple[float, float]:
        before, behind = np.asarray(first, np.int64), np.asarray(second, np.int64)
        return tokens.score([Speech(before, end=False)], [Speech(behind, begin=False, end=False)])

    return UnitScorer(name, tokenise, likelihood)


class Verdicts:
    """Verdicts that are kept, so that none is made twice.

    Args:
        kept: where.
    """

    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    def outcome(self, name: str, version: str, form: Form, stories: Sequence[Story]) -> Outcome | None:
        """What a scorer came to on all of these stories; None where one of them was not scored."""
        rows = [self._kept.get(KIND, name, version, form, story.id) for story in stories]
        whole = tuple(
            Verdict(story.id, float(row["right"]), float(row["wrong"]))
            for story, row in zip(stories, rows, strict=True)
            if row is not None
        )
        return Outcome(name, form, whole) if whole and len(whole) == len(rows) else None

    def score(
        self,
        scorer: Scorer,
        version: str,
        form: Form,
        stories: Sequence[Story],
        sounds: Mapping[str, Samples] | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> Outcome:
        """Scores the stories that were not scored before.

        Args:
            scorer: gives likelihoods.
            version: of its weights; verdicts of others are not taken for its own.
            form: as for :func:`engines.evaluation.spoken_lm.run`.
            stories: all of them, in their order.
            sounds: likewise.
            say: told before every story.

        Raises:
            BadInput: there are too few stories, a sound is missing, or a verdict cannot be written.
        """
        for place, story in enumerate(stories):
            key = (KIND, scorer.name, version, form, story.id)
            if self._kept.get(*key) is None:
                say(f"{scorer.name}, {form}, {story.id}")
                made = verdict(scorer, stories, place, form, sounds)
                self._kept.add(*key, found={"right": made.right, "wrong": made.wrong})
        found = self.outcome(scorer.name, version, form, stories)
        if found is None:
            raise BadInput("There are no stories to score.", "Give at least one.")
        return found
