"""A comparison as text for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping

from app.comparison import Comparison, EngineRun, Status

_RATES = ("wer", "cer", "o_nb", "o_cp")


def render(comparison: Comparison, speech: Mapping[str, str], width: int = 100) -> str:
    """A table with a row per engine, then each engine's texts.

    Args:
        comparison: all of its runs are over.
        speech: engine id → path of its synthesised speech.
        width: of the terminal in columns.
    """
    return "\n".join(_lines(comparison, speech, max(40, width)))


def _lines(comparison: Comparison, speech: Mapping[str, str], width: int) -> Iterator[str]:
    utterance = comparison.utterance
    target = f" to {comparison.target}" if comparison.target else ""
    yield f"{utterance.source} · {utterance.seconds:.1f} s · {comparison.task}{target}"
    yield from (f"Note: {note}" for note in utterance.notes)
    yield ""
    names = sorted({name for run in comparison.runs.values() for name in run.scores}, key=_score_order)
    rows = [["engine", "status", "total", "first text", "RTF", *names]]
    rows += [_row(run, utterance.seconds, names) for run in comparison.runs.values()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.ljust(widths[column]) if column < 2 else cell.rjust(widths[column]) for column, cell in enumerate(row)
        ]
        yield "  ".join(cells).rstrip()
    for run in comparison.runs.values():
        yield ""
        yield from _texts(run, speech.get(run.engine.id), width)


def _score_order(name: str) -> tuple[int, str]:
    order = ("wer", "cer", "bleu", "chrf", "o_nb", "o_cp")
    return (order.index(name) if name in order else len(order), name)


def _row(run: EngineRun, seconds: float, names: list[str]) -> list[str]:
    rtf = run.rtf(seconds)
    row = [
        run.engine.id,
        str(run.status),
        f"{run.seconds:.2f} s" if run.result is not None else "–",
        f"{run.first_text_seconds:.2f} s" if run.first_text_seconds is not None else "–",
        f"{rtf:.3f}" if rtf is not None else "–",
    ]
    for name in names:
        value = run.scores.get(name)
        row.append("–" if value is None else f"{value:.1%}" if name in _RATES else f"{value:.1f}")
    return row


def _texts(run: EngineRun, speech: str | None, width: int) -> Iterator[str]:
    yield f"{run.engine.name} — {run.engine.summary}"
    if run.status is not Status.OK and run.error is not None:
        yield from _wrapped("", f"{run.error.message} {run.error.hint}".strip(), width)
        return
    for label, text in (("transcript", run.transcript), ("translation", run.translation), ("answer", run.answer)):
        if text is not None:
            yield from _wrapped(f"{label}: ", text or "(nothing)", width)
    if speech is not None:
        yield f"  speech: {speech}"
    if run.result is not None:
        stages = ", ".join(f"{s.name} {s.seconds:.2f} s{' (shared)' if s.shared else ''}" for s in run.stages)
        ran = " ".join(part for part in (run.result.provider, run.result.precision) if part)
        yield from _wrapped("", f"{stages} · {ran}", width)
        yield from _wrapped("with ", ", ".join(run.result.components.values()), width)
        for note in run.result.notes:
            yield from _wrapped("note: ", note, width)


def _wrapped(label: str, text: str, width: int) -> list[str]:
    return textwrap.wrap(label + text, width - 2, initial_indent="  ", subsequent_indent="    ") or [f"  {label}"]
