"""The fair comparison as a report: one page of HTML, Markdown, LaTeX, CSV and JSON of the same figures."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from typing import Any, Final

from engines.evaluation import challenges, dimensions, findings, page, report, sheet, tabular, verdict
from engines.evaluation.breaking import PARADIGMS
from engines.evaluation.fair import Fair, pictures
from engines.evaluation.published import UNITS
from engines.evaluation.sheet import Block, Figure, Heading, Listing, Paragraph
from engines.evaluation.sheet_reading import read

TITLE: Final = "Speech and language models: the fair comparison"
NAME: Final = "fair-comparison"


def files(found: Fair) -> dict[str, str]:
    """Name of a file → what is in it; the page first.

    Every figure in it is computed from ``found``; what is not there is told as not measured.
    """
    blocks = told(found)
    document = json.dumps(as_json(found), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    drawn = {f"{NAME}-{block.name}.svg": block.svg for block in blocks if isinstance(block, Figure)}
    return {
        f"{NAME}.html": page.render(TITLE, blocks),
        f"{NAME}.md": sheet.markdown([Heading(TITLE, 1), *blocks], f"{NAME}-"),
        f"{NAME}.tex": sheet.latex(blocks),
        f"{NAME}.csv": rows(found),
        f"{NAME}.json": document,
        **drawn,
    }


def told(found: Fair) -> list[Block]:
    """The whole report."""
    summary = found.summary
    where = ", ".join(summary.machines) or "machine unknown"
    text = (
        f"Measured {summary.measured or 'on an unknown day'}; {where}. Every figure is computed from runs of the "
        "engines as they ship, but for tables that are marked as published by others. What was not measured says so."
    )
    return [
        Paragraph(text, "note"),
        *_findings(found),
        Heading("Quality and cost"),
        *_pictures(found),
        *read(report.tables(summary), deeper=1),
        *_dimensions(found),
        *challenges.sections(found),
        *_published(found),
        *read([report.recordings(summary)]),
    ]


def _pictures(found: Fair) -> list[Block]:
    drawn: list[Block] = [*pictures(found)]
    if not found.costs:
        text = "quality against operations, and against the time to the first text."
        drawn.append(challenges.missing(found, "costs", text))
    return drawn


def _findings(found: Fair) -> list[Block]:
    summary = found.summary
    best = findings.best(summary.figures, summary.compared, found.paradigms)
    costs = findings.costs(summary.figures, found.paradigms)
    noise = findings.noise(summary.figures, summary.compared, found.paradigms)
    order = read(verdict.answer(summary.figures, summary.compared)[1:])
    blocks: list[Block] = [Heading("What was found")]
    for title, sentences in (("Best for what", best), ("What it costs", costs), ("What breaks first", noise)):
        blocks.append(Heading(title, 3))
        blocks.append(Listing(tuple(sentences)) if sentences else challenges.missing(found, title, "too few engines."))
    blocks.append(Heading("Does Q-Former > convolution > CTC hold on equal terms?", 3))
    return [*blocks, *(order or [challenges.missing(found, "order", "fewer than two of these adapters.")])]


def _dimensions(found: Fair) -> list[Block]:
    said = {name: one.rate for name, one in found.tokens.said.items()} if found.tokens is not None else {}
    values = dimensions.of(found.summary, found.paradigms, found.probes, found.aligned, said)
    rows = [
        [
            name,
            *("not measured" if value is None else f"{value:.2f}" for value in (one.values[place] for one in values)),
        ]
        for place, name in enumerate(dimensions.NAMES)
    ]
    defined = tuple(f"**{name}**: {text}." for name, text in zip(dimensions.NAMES, dimensions.DEFINITIONS, strict=True))
    blocks: list[Block] = [Heading("The survey's five dimensions, measured")]
    if any(value is not None for one in values for value in one.values):
        caption = "Further out is more. Where a corner has no spot, nothing was measured."
        blocks.append(Figure("dimensions", dimensions.picture(values), caption))
    head = ["dimension, 0 to 1", *(dimensions.TITLES[one.paradigm] for one in values)]
    text = (
        "Every value is a mean over the engines of a paradigm. The scales are chosen, not found: compare, do not add."
    )
    return [*blocks, sheet.of(head, rows), Paragraph(text, "note"), Listing(defined)]


def _published(found: Fair) -> list[Block]:
    literature = found.literature
    disputed = literature.disputed()
    text = (
        "Other recordings, other machines and models a hundred times as large: these numbers stand beside what was "
        "measured here and cannot be ranked with it. † sources disagree; ‡ doubtful, see below the table."
    )
    blocks: list[Block] = [Heading("What others published"), Paragraph(text, "note")]
    for task in dict.fromkeys(one.task for one in literature.result):
        own = literature.of_task([task])
        rows = []
        for one in own:
            marks = ("†" if one.of in disputed else "") + ("‡" if one.doubt else "")
            unit = f" {UNITS[one.metric]}" if UNITS[one.metric] else ""
            value = f"{one.value:g}{unit}{marks}"
            source = literature.sources[one.source]
            how = f"{PARADIGMS[one.paradigm]}: {one.how}"
            rows.append([one.system, how, one.corpus, one.metric, value, f"{source.kind}: {source.address}"])
        head = ["system", "paradigm", "corpus", "metric", "value", "source"]
        blocks.append(sheet.of(head, rows, _TASKS[task], published=True))
        doubts = dict.fromkeys(f"‡ {one.system}: {one.doubt}" for one in own if one.doubt)
        blocks += [Listing(tuple(doubts))] if doubts else []
    cited = tuple(f"{one.title}. {one.address}" for one in literature.sources.values())
    return [*blocks, Heading("Sources", 3), Listing(cited)]


_TASKS: Final = {
    "transcribe": "Speech into text.",
    "translate": "Speech into text of another language.",
    "speak": "Speech into speech of another language.",
    "stories": "Which ending of a spoken story is likelier.",
    "latency": "Time to the first sound; what is so in theory and what was measured are different things.",
}


def rows(found: Fair) -> str:
    """CSV of what was measured: the columns of the table of adapters, and the same for everything else."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for late in found.lateness:
        writer.writerow(
            [late.engine, "rtf", "clean", round(late.median, 5), "", round(late.p95, 5), late.clips, "", ""]
        )
    for probe in found.probes:
        for kind, one in (("probe", probe.told), ("probe-people", probe.real)):
            if one is not None:
                low, high = (round(value, 5) for value in one.bounds)
                name = [probe.input, kind, probe.property]
                writer.writerow([*name, round(one.share, 5), low, high, one.pairs, "", ""])
    for aligned in found.aligned:
        bounds = [round(aligned.share, 5), round(aligned.low, 5), round(aligned.high, 5)]
        writer.writerow([aligned.engine, "words-read-off", "clean", *bounds, "", aligned.words, ""])
    for cost in found.costs:
        if cost.flops_per_second is not None:
            flops = round(cost.flops_per_second)
            writer.writerow([cost.engine, "flops_per_second", "clean", flops, "", "", "", "", ""])
    return tabular.rows(found.summary) + out.getvalue()


def as_json(found: Fair) -> dict[str, Any]:
    """Everything as JSON, schema 1; published numbers under a name of their own."""
    probes = [
        {**asdict(one), "share": one.told.share, "bounds": one.told.bounds, "p": one.told.p, "heard": one.told.heard}
        for one in found.probes
    ]
    return {
        "schema": 1,
        "title": TITLE,
        "paradigms": dict(found.paradigms),
        "measured": tabular.document(found.summary),
        "lateness": [asdict(one) for one in found.lateness],
        "languages": [asdict(one) for one in found.languages],
        "probes": probes,
        "aligned": [{**asdict(one), "share": one.share} for one in found.aligned],
        "costs": [asdict(one) for one in found.costs],
        "lacking": dict(found.lacking),
        "published": found.literature.model_dump(),
    }
