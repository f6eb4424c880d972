"""Prompts for base language models: translation by examples, generative error correction by examples or learnt.

The example sentences stand in ``resources/prompts``; none of them occurs in a recording that anything is measured on.
Prompts begin with what never changes, so that a language model can keep the state of that prefix.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from typing import TypedDict

from engines import paths
from engines.languages import name_of


@cache
def _sentences() -> dict[str, list[str]]:
    with (paths.resources() / "prompts" / "translation.toml").open("rb") as file:
        table: dict[str, list[str]] = tomllib.load(file)
    return table


def translation(text: str, source: str, target: str) -> str:
    """Prompt that a base model continues with the translation of ``text`` and a newline.

    Args:
        text: one or two sentences.
        source: ISO 639-1 code of its language; any that has a name.
        target: ISO 639-1 code, one of :data:`engines.languages.TARGETS`.
    """
    sentences = _sentences()
    source_name, target_name = name_of(source), name_of(target)
    # A language without example sentences still gets the pattern, shown on a language that has them.
    examples_from = source if source in sentences else ("es" if target == "en" else "en")
    examples_name = name_of(examples_from)
    shots = "".join(
        f"{examples_name}: {a}\n{target_name}: {b}\n\n"
        for a, b in zip(sentences[examples_from], sentences[target], strict=True)
    )
    return f"{shots}{source_name}: {text}\n{target_name}:"


def correction(hypotheses: Sequence[str], *, translated: bool = False) -> str:
    """Prompt that a base model continues with the corrected text and a newline.

    The form is that of HyPoradise (arXiv 2309.15701: best hypothesis, other hypotheses, response), with examples.

    Args:
        hypotheses: the N-best list, best first, at least one.
        translated: whether they are translations (GenTranslate) rather than transcripts.
    """
    table = _correction_table()
    shots = table["translation" if translated else "transcript"]
    return "".join(_entry(shot["hypotheses"], shot["response"]) for shot in shots) + _entry(list(hypotheses), None)


def learned(hypotheses: Sequence[str]) -> str:
    """Prompt that a model trained on such lists continues with the corrected text and a newline.

    The same form without examples: what they show has been learnt.

    Args:
        hypotheses: the N-best list, best first, at least one.
    """
    return _entry(list(hypotheses), None)


def _entry(hypotheses: list[str], response: str | None) -> str:
    others = "".join(f"### Other-hypothesis: {hypothesis}\n" for hypothesis in reversed(hypotheses[1:]))
    head = f"{others}### Best-hypothesis: {hypotheses[0]}\n### Response:"
    return head if response is None else f"{head} {response}\n\n"


class _Shot(TypedDict):
    hypotheses: list[str]
    response: str


@cache
def _correction_table() -> dict[str, list[_Shot]]:
    with (paths.resources() / "prompts" / "correction.toml").open("rb") as file:
        table: dict[str, list[_Shot]] = tomllib.load(file)
    return table
