"""A run as a file: plain text, subtitles, JSON, CSV, a page of HTML, or a session. No Qt."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from app import cues
from app.commands.document import comparison_document
from app.comparison import EngineRun
from app.keeping import replayed, utterance_of
from app.language import tr
from app.reporting import Kept, page
from app.scoring import scored
from engines.audio.wav import replacing
from engines.catalog import Catalogue
from engines.errors import BadInput, BadOption
from engines.history import session
from engines.history.store import Store
from engines.weights.files import room


@dataclass(frozen=True)
class Form:
    """A form of file.

    Attributes:
        name: for people.
        single: whether it holds the work of one engine.
    """

    name: str
    single: bool = False


FORMS: Final[Mapping[str, Form]] = MappingProxyType(
    {
        "html": Form(tr("Report with sound and pictures")),
        "triptych": Form(tr("Session, opens in Triptych elsewhere")),
        "txt": Form(tr("Plain text")),
        "srt": Form(tr("Subtitles SubRip"), single=True),
        "vtt": Form(tr("Subtitles WebVTT"), single=True),
        "json": Form(tr("JSON with all evidence")),
        "csv": Form(tr("Table CSV")),
    }
)
"""Ending → form."""


def require_form(name: str) -> str:
    """The ending of a form, from its ending or a file's name.

    Raises:
        BadOption: there is no such form.
    """
    ending = name.rpartition(".")[2].lower()
    if ending not in FORMS:
        raise BadOption(
            tr("A run cannot be exported as {name!r}.").format(name=name),
            tr("Choose one of {listed}.").format(listed=", ".join(FORMS)),
        )
    return ending


def kept_of(store: Store, uid: str, catalogue: Catalogue) -> Kept:
    """An entry of the history, to be exported.

    Raises:
        TriptychError: there is no such entry, or its sound is gone.
    """
    entry = store.get(uid)
    found = replayed(entry, utterance_of(entry, store.require_sound(entry)), catalogue)
    return Kept(entry, found.comparison, found.notes)


def export(path: Path, found: Sequence[Kept], *, engine: str | None = None) -> None:
    """Writes runs to a file in one step; its ending says how.

    Args:
        path: where to.
        found: at least one; several only for sessions, JSON, CSV and plain text.
        engine: id of the one whose subtitles are wanted; the first that wrote something by default.

    Raises:
        BadOption: the form does not exist, or does not hold several runs.
        BadInput: it cannot be written.
        DiskFull: there is no room.
    """
    ending = require_form(path.name)
    if ending == "triptych":
        session.save(path, [(kept.entry, kept.comparison.utterance.samples) for kept in found])
        return
    text = written(ending, found, engine=engine)
    try:
        with room(path), replacing(path) as part:
            part.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        message = tr("{name} could not be written: {strerror}.").format(
            name=path.name, strerror=error.strerror or error
        )
        raise BadInput(message, tr("Choose another place.")) from error


def written(ending: str, found: Sequence[Kept], *, engine: str | None = None) -> str:
    """The text of a file; see :func:`export`."""
    found = [_scored(kept) for kept in found]
    if ending in {"html", "srt", "vtt"} and len(found) != 1:
        raise BadOption(
            tr("A file of the form {ending} holds one run.").format(ending=ending),
            tr("Choose one run, or txt, csv, json or a session."),
        )
    match ending:
        case "html":
            return page(found[0])
        case "srt" | "vtt":
            return _subtitles(ending, found[0], engine)
        case "json":
            return _json(found)
        case "csv":
            return _csv(found)
        case _:
            return "\n\n".join(_plain(kept) for kept in found)


def _scored(kept: Kept) -> Kept:
    """With the scores of runs that have none yet."""
    comparison = kept.comparison
    for engine_id, run in comparison.runs.items():
        if not run.scores:
            comparison.runs[engine_id] = scored(run, comparison.utterance, comparison.target)
    return kept


def _subtitles(ending: str, kept: Kept, engine: str | None) -> str:
    run = _chosen(kept, engine)
    found = cues.cues(run, kept.comparison.utterance.seconds)
    return cues.srt(found) if ending == "srt" else cues.vtt(found)


def _chosen(kept: Kept, engine: str | None) -> EngineRun:
    wrote = {run.engine.id: run for run in kept.runs if run.main_text.strip()}
    if engine is not None and engine not in wrote:
        raise BadOption(
            tr("{engine} wrote nothing in this run.").format(engine=engine),
            tr("Choose one of {listed}.").format(listed=", ".join(wrote) or tr("no engine")),
        )
    if not wrote:
        raise BadOption(tr("No engine wrote anything in this run."), tr("There is nothing to make subtitles of."))
    return wrote[engine] if engine is not None else next(iter(wrote.values()))


def _json(found: Sequence[Kept]) -> str:
    documents = [_document(kept) for kept in found]
    whole = documents[0] if len(documents) == 1 else documents
    return json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _document(kept: Kept) -> dict[str, object]:
    document = comparison_document(kept.comparison, mode="interactive", repeats=None, speech={}, evidence=True)
    latest = kept.entry.latest
    machines = [dict(ran.machine) for ran in latest.values()]
    document["machine"] = machines[-1] if machines else document["machine"]
    document["history"] = {
        "id": kept.entry.uid,
        "at": kept.entry.at,
        "tags": list(kept.entry.tags),
        "notes": list(kept.notes),
        "runs": {
            engine: {
                "at": ran.at, "program": ran.program, "options": dict(ran.options), "weights": dict(ran.weights),
                "machine": dict(ran.machine),
            }
            for engine, ran in latest.items()
        },
    }  # fmt: skip
    return document


_COLUMNS: Final = (
    "id", "at", "source", "seconds", "task", "target", "engine", "paradigm", "status", "transcript", "translation",
    "answer", "reference", "engine_seconds", "first_text_seconds", "rtf", "wer", "cer", "bleu", "chrf", "program",
    "weights",
)  # fmt: skip


def _csv(found: Sequence[Kept]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for kept in found:
        for run in kept.runs:
            writer.writerow([_safe(value) for value in _row(kept, run)])
    return file.getvalue()


def _row(kept: Kept, run: EngineRun) -> Sequence[object]:
    entry, utterance, ran = kept.entry, kept.comparison.utterance, kept.ran(run.engine.id)
    factor = run.rtf(utterance.seconds)
    return (
        *(entry.uid, entry.at, entry.source, round(utterance.seconds, 3), entry.task, entry.target),
        *(run.engine.id, run.engine.paradigm, str(run.status), run.transcript, run.translation, run.answer),
        *(entry.reference, round(run.seconds, 4)),
        None if run.first_text_seconds is None else round(run.first_text_seconds, 4),
        None if factor is None else round(factor, 4),
        *(None if (value := run.scores.get(name)) is None else round(value, 6) for name in ("wer", "cer")),
        *(None if (value := run.scores.get(name)) is None else round(value, 6) for name in ("bleu", "chrf")),
        ran.program if ran else None,
        " ".join(f"{name}={digest[:12]}" for name, digest in ran.weights.items()) if ran else None,
    )


def _safe(value: object) -> object:
    """A cell that spreadsheets do not take for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value


def _plain(kept: Kept) -> str:
    entry = kept.entry
    target = tr(" into {language}").format(language=entry.target) if entry.target else ""
    lines = [f"{entry.source} ({kept.comparison.utterance.seconds:.1f} s), {entry.task}{target}, {entry.at}"]
    for title, text in (
        (tr("What was said"), entry.reference),
        (tr("A good translation"), entry.reference_translation),
    ):
        if text:
            lines += ["", f"{title}: {text}"]
    for run in kept.runs:
        lines += ["", run.engine.name]
        texts: tuple[tuple[str, Callable[[EngineRun], str | None]], ...] = (
            ("", lambda run: run.transcript),
            (tr("Translation: "), lambda run: run.translation),
            (tr("Answer: "), lambda run: run.answer),
        )
        lines += [f"  {title}{text}" for title, of in texts if (text := of(run))]
        if run.error is not None:
            lines.append(f"  {run.error.message}")
    return "\n".join([*lines, *(f"\n{note}" for note in kept.notes), ""])
