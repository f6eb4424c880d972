"""Which ending of a story is found likelier: by units, and by the language model on texts and on transcripts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from engines.contract import Samples
from engines.errors import TriptychError
from engines.evaluation import kept, stories
from engines.evaluation.spoken_lm import Form, Outcome, Scorer, TextScorer, transcriber
from engines.evaluation.stories import Story
from engines.evaluation.token_bench import Bench
from engines.evaluation.unit_scores import FORMS, Verdicts, unit_scorer
from engines.tokens.parts import LANGUAGE_MODEL, open_semantic
from engines.tokens.semantic import ADAPTER, SemanticTokeniser

WRITTEN: Final = f"{LANGUAGE_MODEL}, texts"
HEARD: Final = f"{LANGUAGE_MODEL}, transcripts of whisper-base"
UNITS: Final = "token-semantic, units"
_NEEDED: Final = ("trunk", ADAPTER, "token-semantic")


def chosen(bench: Bench) -> list[Story]:
    """The stories that are scored: the first so many."""
    return stories.read()[: bench.sizes.stories]


def measure_stories(bench: Bench, folder: Path) -> None:
    """Speaks the stories and scores them; what is lacking is noted.

    Args:
        bench: what is measured.
        folder: gets the sounds.
    """
    wanted, verdicts = chosen(bench), Verdicts(bench.kept)
    todo = [(name, form) for name, form in _kinds() if verdicts.outcome(name, _version(name), form, wanted) is None]
    if not bench.has(UNITS, _NEEDED):
        todo = [(name, form) for name, form in todo if name != UNITS]
    if not todo:
        return
    try:
        sounds = _spoken(bench, wanted, folder) if any(name != WRITTEN for name, _ in todo) else None
        scorers = {name: _scorer(bench, name) for name in dict.fromkeys(name for name, _ in todo)}
        for done, (name, form) in enumerate(todo):
            bench.tell(done, len(todo), f"stories: {name}, {form}")
            verdicts.score(scorers[name], _version(name), form, wanted, sounds)
    except TriptychError as error:
        bench.lacking["stories"] = f"{error.message} {error.hint}"


def outcomes(bench: Bench) -> tuple[Outcome, ...]:
    """What was measured with the weights as they are now; scorers that did not come to an end are missing."""
    wanted, verdicts = chosen(bench), Verdicts(bench.kept)
    found = [verdicts.outcome(name, _version(name), form, wanted) for name, form in _kinds()]
    return tuple(one for one in found if one is not None)


def _kinds() -> list[tuple[str, Form]]:
    return [(name, form) for name in (WRITTEN, HEARD, UNITS) for form in FORMS]


def _version(name: str) -> str:
    return kept.version(_NEEDED if name == UNITS else [], name)


def _scorer(bench: Bench, name: str) -> Scorer:
    if name == UNITS:
        tokens = open_semantic(bench.components).tokens
        return unit_scorer(name, bench.recogniser, SemanticTokeniser.open(), tokens)
    model = bench.components.language_model({"llm": LANGUAGE_MODEL})
    return TextScorer(name, model, transcriber(bench.recogniser) if name == HEARD else None)


def _spoken(bench: Bench, wanted: Sequence[Story], folder: Path) -> dict[str, Samples]:
    voices = [(bench.components.synthesiser("en", name), None) for name in ("piper", "kokoro")]
    done = iter(range(len(wanted)))
    stories.speak(wanted, folder, voices, lambda text: bench.tell(next(done), len(wanted), f"speaks {text}"))
    return stories.sounds(wanted, folder)
