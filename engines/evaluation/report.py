"""The table of adapters in words and figures; :mod:`engines.evaluation.tabular` gives the same to programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from engines.evaluation.summary import COMPARED, LEVEL, RATES, Compared, Figures, Rate, Translated
from engines.evaluation.verdict import answer

_HEAD: Final = """\
# The adapters, compared

Made by `make results` ({when}; {where}). Every figure is computed from runs of the engines as they ship; `adapters.csv`
and `adapters.json` beside this file hold the same figures. Nothing here is quoted from papers.
"""

_TESTS: Final = f"""\
Row minus column, in points; **bold** where the difference holds: p < {LEVEL} after Holm's correction over all pairs of
a matrix, by the paired bootstrap *and* by MAPSSWE (for translations by sacrebleu's paired bootstrap). In brackets the
larger of the corrected p. Under noise the bootstrap draws clips with all their levels; MAPSSWE takes stretches of
errors for independent, which those of one clip under four noises are not quite.
"""

_RECORDINGS: Final = """\
## The recordings, and how new they are

- **Held-out prompts**: every second prompt of the telephone prompts (odd positions of the manifest, counted per
  language; at least three words, at most 30 s). Never trained on, but the *speakers* are those of training
  prompts.{known}
- **Unseen speakers**: `resources/evaluation`. None of these people, recordings or sentences were trained on: in this
  sense the only truly new set. It is small, mind the intervals. Its sentences are famous, and the language model and
  Whisper may know them.
- **Babble**: eight talkers made of the bundled samples; the same noise for every engine.
- The bundled samples of the first run come from the prompts and are no test set.
"""


@dataclass(frozen=True)
class Trained:
    """What is known of how an engine's weights were made, from their card.

    Attributes:
        parameters: part → how many were trained.
        hours: of speech in the training data.
        minutes: of training.
        steps: optimiser steps.
        metrics: as the card names them.
    """

    parameters: Mapping[str, int] = field(default_factory=dict)
    hours: float = 0.0
    minutes: float = 0.0
    steps: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Summary:
    """Everything that the report tells.

    Attributes:
        engines: in the order in which they are shown.
        names: id → name for people.
        figures: per engine.
        compared: every pair on every set.
        trained: by engine, where there is a card.
        machines: where it was measured.
        measured: when, an ISO date.
        repeated: language → held-out prompts whose very text is among the training prompts, and how many there are.
    """

    engines: tuple[str, ...]
    names: Mapping[str, str]
    figures: Mapping[str, Figures]
    compared: tuple[Compared, ...]
    trained: Mapping[str, Trained] = field(default_factory=dict)
    machines: tuple[str, ...] = ()
    measured: str = ""
    repeated: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def markdown(summary: Summary, *, curves: bool = False) -> str:
    """The report.

    Args:
        summary: what it tells.
        curves: whether there is a picture of learning curves beside it.
    """
    parts = [
        _HEAD.format(when=summary.measured, where=", ".join(summary.machines) or "machine unknown"),
        *answer(summary.figures, summary.compared),
        *tables(summary),
        *training(summary.trained, "adapters-curves.svg" if curves else ""),
        recordings(summary),
    ]
    return "\n".join(parts)


def tables(summary: Summary) -> list[str]:
    """Error rates, translations, cost, and which differences are differences."""
    return [*_rates(summary), *_translations(summary), *_costs(summary), *_matrices(summary)]


def recordings(summary: Summary) -> str:
    """What was measured on."""
    return _RECORDINGS.format(known=_known(summary))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table of Markdown, all columns but the first to the right, and an empty line."""
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"


def _rates(summary: Summary) -> list[str]:
    present = [group for group in RATES if any(group.id in found.rates for found in summary.figures.values())]
    head = ["WER in % [95 % interval]"]
    for group in present:
        one = next(found.rates[group.id] for found in summary.figures.values() if group.id in found.rates)
        head.append(f"{group.title} ({one.clips} clips, {one.words} words)")
    rows = []
    for engine in summary.engines:
        rates = summary.figures[engine].rates
        if rates:
            rows.append([f"`{engine}`", *(_rate(rates.get(group.id)) for group in present)])
    if not rows:
        return []
    text = (
        "Word error rate after Whisper's English normaliser, summed over the clips of a column; intervals from 10,000 "
        "bootstrap resamples of clips. Noise is held against the active speech level (ITU-T P.56); its columns hold "
        "prompts and unseen speakers together."
    )
    return ["## Word error rate", "", *table(head, rows), text, ""]


def _rate(rate: Rate | None) -> str:
    if rate is None:
        return "–"
    failed = f", {rate.failures} failed" if rate.failures else ""
    return f"{_percent(rate.value)} [{_percent(rate.low)}–{_percent(rate.high)}]{failed}"


def _translations(summary: Summary) -> list[str]:
    found = [(engine, summary.figures[engine].translations) for engine in summary.engines]
    languages = sorted({language for _, translations in found for language in translations})
    if not languages:
        return []
    head = ["into English, held-out prompts", *(f"{language} BLEU [95 % interval] / chrF" for language in languages)]
    rows = [
        [
            f"`{engine}`",
            *(translation(had.get(name)) for name in languages),
        ]
        for engine, had in found
        if had
    ]  # fmt: skip
    one = next(
        translations[language] for _, translations in found for language in languages if language in translations
    )
    signatures = f"BLEU `{one.bleu.signature}`, chrF `{one.chrf.signature}`; {one.clips} clips a language."
    return ["## Translation", "", *table(head, rows), signatures, ""]


def translation(found: Translated | None) -> str:
    """A cell: BLEU with its interval, and chrF."""
    if found is None:
        return "–"
    failed = f", {found.failures} failed" if found.failures else ""
    return f"{found.bleu.value:.1f} [{found.low:.1f}–{found.high:.1f}] / {found.chrf.value:.1f}{failed}"


def _costs(summary: Summary) -> list[str]:
    head = ["engine", "trained parameters", "LLM places per s of speech", "work, s per s of speech", "of it by stage"]
    rows = []
    for engine in summary.engines:
        found, trained = summary.figures[engine], summary.trained.get(engine)
        parts = [f"{name} {count / 1e6:.2f} M" for name, count in trained.parameters.items()] if trained else []
        stages = [f"{name} {spent:.3f}" for name, spent in found.stages.items()]
        rows.append(
            [
                f"`{engine}`",
                ", ".join(parts) or "–",
                "–" if found.places_per_second is None else f"{found.places_per_second:.2f}",
                "–" if found.work is None else f"{found.work:.3f}",
                ", ".join(stages) or "–",
            ]
        )
    text = (
        "Work is measured on the clean English clips, one after another in one process; what engines share (the "
        "encoder's states) is counted in full for each. Clips are short and the encoder reads 30 s windows, so longer "
        "speech costs less per second."
    )
    return ["## Cost", "", *table(head, rows), text, ""]


def _matrices(summary: Summary) -> list[str]:
    if not summary.compared:
        return []
    parts = ["## Which differences are differences", "", _TESTS]
    titles = {group.id: f"WER, {group.title}" for group in COMPARED}
    for language in ("es", "fr"):
        titles[language] = f"BLEU, {language} → en"
    for group, title in titles.items():
        members = [found for found in summary.compared if found.test_set == group]
        parts += matrix(title, members, summary.engines, points=group in {"es", "fr"})
    return parts


def matrix(title: str, members: Sequence[Compared], engines: Sequence[str], *, points: bool) -> list[str]:
    """Every pair of engines on one test set: row minus column.

    Args:
        title: of the set.
        members: the pairs; nothing is made of none.
        engines: in the order in which they are shown.
        points: whether differences are points of BLEU, and not of shares.
    """
    if not members:
        return []
    order = [engine for engine in engines if any(engine in (one.first, one.second) for one in members)]
    cells = {(one.first, one.second): one for one in members}
    rows = [[f"`{row}`", *(_cell(cells, row, column, points=points) for column in order)] for row in order]
    return table([title, *(f"`{engine}`" for engine in order)], rows)


def _cell(cells: Mapping[tuple[str, str], Compared], row: str, column: str, *, points: bool) -> str:
    found, sign = cells.get((row, column)), 1
    if found is None:
        found, sign = cells.get((column, row)), -1
    if found is None:
        return ""
    value = sign * found.difference.value * (1 if points else 100)
    text = f"{value:+.1f}" if round(value, 1) else "0.0"
    return f"**{text}** ({found.p})" if found.significant else f"{text} ({found.p})"


def training(cards: Mapping[str, Trained], picture: str = "") -> list[str]:
    """How weights were made, by id; ``picture`` is the file of the learning curves beside the report, if any."""
    rows = []
    for engine, trained in cards.items():
        rows.append(
            [
                f"`{engine}`",
                f"{trained.hours:.1f}",
                f"{trained.steps:,}",
                f"{trained.minutes:.0f}",
                ", ".join(f"{name} {value:g}" for name, value in trained.metrics.items()) or "–",
            ]
        )
    if not rows and not picture:
        return []
    parts = ["## How they were trained", ""]
    if rows:
        head = ["from the cards", "hours of speech", "steps", "minutes", "development metrics"]
        parts += table(head, rows)
    if picture:
        parts += [f"![Learning curves: loss and development word error rate over minutes]({picture})", ""]
    return parts


def _known(summary: Summary) -> str:
    found = [f"{language} {count} of {total}" for language, (count, total) in summary.repeated.items() if total]
    if not found:
        return ""
    return f"\n  Their very text is also that of a prompt which may be trained on: {', '.join(found)}."
