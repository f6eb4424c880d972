"""What a bench found, as a page: what is best for what, tables by task, tested differences, provenance."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Final

from engines.audio import conditions
from engines.contract import Paradigm
from engines.evaluation import calibration, findings, plots, sheet
from engines.evaluation.bench_metrics import METRICS, Metric, sure
from engines.evaluation.bench_results import FEW, Compared, Score
from engines.evaluation.breaking import BROKEN, PARADIGMS
from engines.evaluation.plots import Axis, Series, Spot
from engines.evaluation.records import Record
from engines.evaluation.sheet import Block, Figure, Heading, Listing, Paragraph

TITLE: Final = "Bench"
_TASKS: Final = {
    "transcribe": "Speech into text",
    "translate": "Speech into English text",
    "speak": "Speech into English speech",
    "say": "Text into speech",
    "respond": "Answers to speech",
}
_ADAPTERS: Final = ("latent-qformer", "latent-convolution", "latent-ctc")
Place = tuple[str, str]
"""Corpus and condition."""


def told(
    scores: Sequence[Score],
    compared: Sequence[Compared],
    problems: Sequence[str],
    paradigms: Mapping[str, Paradigm],
    records: Sequence[Record] = (),
) -> list[Block]:
    """The whole page.

    Args:
        scores: of the bench.
        compared: pairs of engines.
        problems: one sentence for everything that was left out.
        paradigms: engine → paradigm; voices have none.
        records: that words with their confidences are taken from.
    """
    days = sorted({one.measured for one in scores if one.measured})
    when = f" Measured {' to '.join(dict.fromkeys((days[0], days[-1])))}." if days else ""
    text = "Every number was measured by this program; what an engine failed on counts as missing, not as left out."
    blocks: list[Block] = [Paragraph(text + when, "note"), Heading("What was found")]
    blocks += _found(scores, compared, paradigms)
    for task, title in _TASKS.items():
        own = [one for one in scores if one.task == task]
        if own:
            blocks += [Heading(title), *_tables(own, [one for one in compared if one.task == task])]
    blocks += _reliability(records, paradigms)
    blocks += [Heading("Which differences are differences"), *_matrices(compared)]
    blocks += [Heading("Provenance"), *_provenance(scores)]
    if problems:
        blocks += [Heading("Left out"), Listing(tuple(problems))]
    return blocks


def _reliability(records: Sequence[Record], paradigms: Mapping[str, Paradigm]) -> list[Block]:
    """How sure engines are and how often they are right then, over all corpora and conditions."""
    series, rows = list[Series](), list[list[str]]()
    for engine in dict.fromkeys(one.engine for one in records if one.engine in paradigms):
        confidences, right = sure([one for one in records if one.engine == engine and not one.repetition])
        if confidences:
            found = calibration.bins(confidences, right)
            spots = tuple(Spot(100 * one.confidence, 100 * one.right) for one in found)
            series.append(Series(engine, paradigms[engine], spots, joined=True))
            error = calibration.calibration_error(confidences, right)
            mean = sum(confidences) / len(confidences)
            shares = f"{100 * mean:.1f}", f"{100 * sum(right) / len(right):.1f}"
            rows.append([f"`{engine}`", str(len(right)), *shares, f"{100 * error:.1f}"])
    if not series:
        return []
    svg = plots.over("Sure and right", series, Axis("confidence, %", top=100), Axis("words right, %", top=100))
    caption = "Words by how sure the engine was, in ten bins: on the diagonal it is right as often as it thinks."
    head = ["engine", "words", "mean confidence, %", "right, %", "calibration error, %"]
    return [Heading("Do engines know what they know?"), Figure("reliability", svg, caption), sheet.of(head, rows)]


def _place(place: Place) -> str:
    corpus, condition = place
    return corpus if condition == "clean" else f"{corpus}, {conditions.parse(condition).title}"


def _ranked(scores: Sequence[Score], metric: Metric) -> list[Score]:
    return sorted(scores, key=lambda one: one.value if metric.better == "lower" else -one.value)


def _found(
    scores: Sequence[Score], compared: Sequence[Compared], paradigms: Mapping[str, Paradigm]
) -> list[Block]:  # fmt: skip
    """One sentence for every corpus under every condition: who leads, and from whom that is told apart."""
    best: list[str] = []
    for metric in (one for one in METRICS.values() if one.ranks):
        own = [one for one in scores if one.metric == metric.name and one.engine in paradigms]
        for place in dict.fromkeys((one.corpus, one.condition) for one in own):
            ranked = _ranked([one for one in own if (one.corpus, one.condition) == place], metric)
            pairs = {
                frozenset((one.first, one.second)): (one.differs, _p(one))
                for one in compared
                if (one.corpus, one.condition, one.metric) == (*place, metric.name)
            }
            title = f"{_TASKS[ranked[0].task]}, {_place(place)}"
            values = {one.engine: metric.shown(one.value) for one in ranked}
            unit = f" {'%' if metric.unit == '%' else metric.unit} {metric.title}".replace("points ", "")
            best += findings.leader(title, list(values), values, unit, pairs, paradigms)
    lists = {
        "Best for what": best,
        "What it costs": _costs(scores, paradigms),
        "What breaks first": _breaking(scores, paradigms),
        "Does Q-Former > convolution > CTC hold?": _order(compared),
    }
    blocks: list[Block] = []
    for title, sentences in lists.items():
        if sentences:
            blocks += [Heading(title, 3), Listing(tuple(sentences))]
    return blocks or [Paragraph("Engines of fewer than two paradigms.", "lacking")]


def _costs(scores: Sequence[Score], paradigms: Mapping[str, Paradigm]) -> list[str]:
    """Work per second of clean speech that is written down, by paradigm: the least and the most of its engines."""
    made: dict[Paradigm, list[float]] = {}
    spoken = {one.corpus for one in scores if one.metric == "wer"}
    for one in scores:
        if (one.metric, one.condition) == ("rtf", "clean") and one.corpus in spoken and one.engine in paradigms:
            made.setdefault(paradigms[one.engine], []).append(one.value)
    return [
        f"**{PARADIGMS[paradigm]}**: {min(values):.2f} to {max(values):.2f} s of work per second of speech, "
        "medians of engines on corpora."
        for paradigm, values in made.items()
    ]


def _breaking(scores: Sequence[Score], paradigms: Mapping[str, Paradigm]) -> list[str]:
    """From what level of babble on one word in two is wrong, on the mean of a paradigm's engines."""
    told = []
    own = [one for one in scores if one.metric == "wer" and one.engine in paradigms and one.condition != "clean"]
    noisy = [one for one in own if one.condition.startswith("babble-")]
    for corpus in dict.fromkeys(one.corpus for one in noisy):
        parts = []
        for paradigm in dict.fromkeys(paradigms[one.engine] for one in noisy):
            rates: dict[float, list[float]] = {}
            for one in noisy:
                if one.corpus == corpus and paradigms[one.engine] == paradigm:
                    rates.setdefault(float(one.condition.removeprefix("babble-")), []).append(one.value)
            means = sorted(((level, sum(found) / len(found)) for level, found in rates.items()), reverse=True)
            broken = next((level for level, mean in means if mean >= BROKEN), None)
            where = "not down to" if broken is None else "at"
            parts.append(f"{PARADIGMS[paradigm]} {where} {means[-1][0] if broken is None else broken:g} dB")
        told.append(f"**{corpus}**, one word in two wrong under babble: {'; '.join(parts)}.")
    return told


def _order(compared: Sequence[Compared]) -> list[str]:
    """What became of the order of adapters that the literature gives, pair by pair."""
    tallies = []
    for better, worse in itertools.combinations(_ADAPTERS, 2):
        signs = [
            (1 if one.first == better else -1) * (1 if METRICS[one.metric].better == "higher" else -1) * one.difference
            for one in compared
            if {one.first, one.second} == {better, worse} and one.differs
        ]
        whole = sum({one.first, one.second} == {better, worse} for one in compared)
        if whole:
            held, other = sum(sign > 0 for sign in signs), sum(sign < 0 for sign in signs)
            tallies.append(
                f"`{better}` better than `{worse}`: so on {held} of {whole} sets, the other way on {other}, "
                f"not decided on {whole - held - other}."
            )
    return tallies


def _tables(scores: Sequence[Score], compared: Sequence[Compared]) -> list[Block]:
    """One table a metric: engines by rank on the first column, corpora and conditions in columns."""
    blocks: list[Block] = []
    for metric in METRICS.values():
        own = [one for one in scores if one.metric == metric.name]
        if not own:
            continue
        places = list(dict.fromkeys((one.corpus, one.condition) for one in own))
        first = _ranked([one for one in own if (one.corpus, one.condition) == places[0]], metric)
        engines = list(dict.fromkeys([one.engine for one in first] + [one.engine for one in own]))
        cells = {(one.engine, one.corpus, one.condition): one for one in own}
        bests = {}
        for place in places:
            ranked = _ranked([one for one in own if (one.corpus, one.condition) == place], metric)
            bests[place] = _level(ranked[0].engine, place, metric, compared)
        head = ["engine", *(f"{_place(place)} ({_count(own, place)})" for place in places)]
        rows = [
            [f"`{engine}`", *(_cell(cells.get((engine, *place)), metric, engine in bests[place]) for place in places)]
            for engine in engines
        ]
        unit = {"%": " in %", "points": "", "1–5": ", 1 to 5"}.get(metric.unit, f", {metric.unit}")
        way = "less is better" if metric.better == "lower" else "more is better"
        signature = next((f"; `{one.signature}`" for one in own if one.signature), "")
        needs = f"; needs {metric.needs}" if metric.needs else ""
        bold = "; bold: the best, and what is not told apart from it" if metric.ranks else ""
        caption = f"{metric.title}{unit} [95 % interval]: {way} ({metric.reference}{needs}{signature}){bold}."
        blocks.append(sheet.of(head, rows, caption[:1].upper() + caption[1:]))
    return blocks


def _level(leader: str, place: Place, metric: Metric, compared: Sequence[Compared]) -> set[str]:
    """The leader and all that tests do not tell from it; nobody where nothing was tested."""
    pairs = [one for one in compared if (one.corpus, one.condition, one.metric) == (*place, metric.name)]
    same = {
        name
        for one in pairs
        if not one.differs and leader in (one.first, one.second)
        for name in (one.first, one.second)
    }
    return {leader, *same} if pairs else set()


def _count(scores: Sequence[Score], place: Place) -> str:
    found = next(one for one in scores if (one.corpus, one.condition) == place)
    return f"{found.clips} recordings{', few' if found.few else ''}"


def _cell(one: Score | None, metric: Metric, best: bool) -> str:
    if one is None:
        return "–"
    digits = 2 if metric.unit in {"s", "s/s", "1–5"} else 1
    text = f"{metric.shown(one.value):.{digits}f}"
    text = f"**{text}**" if best else text
    if one.low is not None and one.high is not None:
        text += f" [{metric.shown(one.low):.{digits}f}–{metric.shown(one.high):.{digits}f}]"
    return f"{text}, {one.failures} failed" if one.failures else text


def _p(one: Compared) -> str:
    value = max(one.p, one.mapsswe or 0.0)
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _matrices(compared: Sequence[Compared]) -> list[Block]:
    text = (
        "Row minus column; **bold** where the difference holds: p < 0.05 after Holm's correction over the pairs of a "
        "matrix, by the paired bootstrap and, of words, by MAPSSWE too. In brackets the larger of the corrected p. "
        f"Columns of fewer than {FEW} recordings are marked as few above: a bootstrap draws only what it has seen."
    )
    blocks: list[Block] = [Paragraph(text, "note")]
    for (corpus, condition, name), group in itertools.groupby(
        compared, lambda one: (one.corpus, one.condition, one.metric)
    ):
        metric, members = METRICS[name], list(group)
        cells = {(one.first, one.second): (one, 1) for one in members} | {
            (one.second, one.first): (one, -1) for one in members
        }
        engines = list(dict.fromkeys(engine for one in members for engine in (one.first, one.second)))
        rows = [[f"`{row}`", *(_difference(cells.get((row, column)), metric) for column in engines)] for row in engines]
        head = [f"{metric.title}, {_place((corpus, condition))}", *(f"`{engine}`" for engine in engines)]
        blocks.append(sheet.of(head, rows))
    return blocks


def _difference(cell: tuple[Compared, int] | None, metric: Metric) -> str:
    if cell is None:
        return ""
    one, sign = cell
    value = metric.shown(sign * one.difference)
    text = f"{value:+.1f}" if round(value, 1) else "0.0"
    return f"**{text}** ({_p(one)})" if one.differs else f"{text} ({_p(one)})"


def _provenance(scores: Sequence[Score]) -> list[Block]:
    """What each engine was, and where and when it ran."""
    rows = []
    for engine in dict.fromkeys(one.engine for one in scores):
        own = [one for one in scores if one.engine == engine]
        fields = [
            "; ".join(dict.fromkeys(str(value) for one in own if (value := getattr(one, name)) != "")) or "–"
            for name in ("version", "provider", "precision", "seed", "machine", "software")
        ]
        days = sorted(one.measured for one in own)
        rows.append([f"`{engine}`", *fields, days[-1]])
    head = [
        "engine",
        "description and trained weights",
        "provider",
        "precision",
        "seed",
        "machine",
        "software",
        "last day",
    ]
    text = (
        "The second column is a digest; models that were not trained here are fixed by digest in "
        "`resources/weights.toml` of the version of triptych that is named."
    )
    return [sheet.of(head, rows), Paragraph(text, "note")]
