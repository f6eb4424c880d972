"""Token language models under the score of spoken language models, and verdicts that are kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engines.contract import Recogniser, Samples
from engines.errors import BadInput
from engines.evaluation.spoken_lm import Form, Outcome, Scorer, UnitScorer, Verdict, verdict
from engines.evaluation.stories import Story
from engines.models.token_lm import TokenLM
from engines.runtime.mixed_vocabulary import Speech
from engines.tokens.semantic import SemanticTokeniser
from engines.tokens.units import collapse

FORMS: Final[tuple[Form, ...]] = ("story", "topic")


def unit_scorer(name: str, recogniser: Recogniser, tokeniser: SemanticTokeniser, tokens: TokenLM) -> UnitScorer:
    """Scores runs of units behind runs of units, every unit among all units and all text.

    Args:
        name: for people.
        recogniser: whose encoder the units are of.
        tokeniser: makes units.
        tokens: gives them a likelihood. Neither the end of speech nor durations are scored.
    """

    def tokenise(samples: Samples) -> NDArray[np.int32]:
        units = collapse(tokeniser.units_of(recogniser.encode(samples))).units
        if not units.size:
            raise BadInput("A story is too short to have a unit.", "Speak the stories anew.")
        return units

    def likelihood(first: Sequence[int], second: Sequence[int]) -> tuple[float, float]:
        before, behind = np.asarray(first, np.int64), np.asarray(second, np.int64)
        return tokens.score([Speech(before, end=False)], [Speech(behind, begin=False, end=False)])

    return UnitScorer(name, tokenise, likelihood)


class _Key(NamedTuple):
    scorer: str
    version: str
    form: Form
    story: str


class Verdicts:
    """A file of verdicts that is only ever appended to, so that a run that was killed goes on where it was.

    Args:
        file: made when the first verdict is added; a line that is no verdict is passed over and made anew.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._found: dict[_Key, Verdict] = {}
        self._gap = ""
        if file.exists():
            text = file.read_text(encoding="utf-8", errors="replace")
            self._gap = "" if not text or text.endswith("\n") else "\n"  # a kill cut the last line off
            for line in text.splitlines():
                self._take(line)

    def outcome(self, name: str, version: str, form: Form, stories: Sequence[Story]) -> Outcome | None:
        """What a scorer came to on all of these stories; None where one of them was not scored."""
        found = [self._found.get(_Key(name, version, form, story.id)) for story in stories]
        whole = tuple(one for one in found if one is not None)
        return Outcome(name, form, whole) if whole and len(whole) == len(found) else None

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
            key = _Key(scorer.name, version, form, story.id)
            if key not in self._found:
                say(f"{scorer.name}, {form}, {story.id}")
                self._add(key, verdict(scorer, stories, place, form, sounds))
        found = self.outcome(scorer.name, version, form, stories)
        if found is None:
            raise BadInput("There are no stories to score.", "Give at least one.")
        return found

    def _add(self, key: _Key, found: Verdict) -> None:
        row = {**key._asdict(), "right": found.right, "wrong": found.wrong}
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("a", encoding="utf-8") as file:
                file.write(self._gap + json.dumps(row) + "\n")
        except OSError as error:
            raise BadInput(f"{self._file} cannot be written: {error.strerror}.", "Name another file.") from error
        self._gap = ""
        self._found[key] = found

    def _take(self, line: str) -> None:
        try:
            row = json.loads(line)
            key = _Key(*(row[name] for name in _Key._fields))
            self._found[key] = Verdict(str(key.story), float(row["right"]), float(row["wrong"]))
        except (ValueError, TypeError, KeyError):
            return
