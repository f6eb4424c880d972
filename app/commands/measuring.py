"""What the commands that measure engines have in common: making ready, showing progress, telling figures, writing."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TextIO

from app import needs
from app.commands.consent import ask_for_licence
from app.commands.progress import ProgressLine
from app.needs import models_needed
from app.preparation import Progress, Unprepared, preparing
from engines.catalog import Catalogue
from engines.contract import Request
from engines.errors import BadInput, BadOption, TriptychError
from engines.evaluation import corpora, report, summary
from engines.evaluation.machine import described
from engines.evaluation.peers import listing
from engines.evaluation.records import Record
from engines.weights import cards
from export.prepare import prepare

_REDRAW_SECONDS: Final = 0.2
_MOST_THREADS: Final = 1024


def threads(text: str, option: str = "--threads") -> int:
    """The option ``--threads``, or another count like it.

    Raises:
        BadOption: it is no number, or too large.
    """
    if not text.isdigit() or int(text) > _MOST_THREADS:
        raise BadOption(f"{option} cannot be {text!r}.", f"Give a whole number from 0 to {_MOST_THREADS}.")
    return int(text)


def prompts(given: Path | None) -> Path | None:
    """The folder of telephone prompts: as given, or TRIPTYCH_PROMPTS; says so where there is none."""
    found = given or (Path(os.environ["TRIPTYCH_PROMPTS"]) if os.environ.get("TRIPTYCH_PROMPTS") else None)
    if found is None:
        print("No folder of prompts was given (--prompts): only unseen speakers are measured on.", file=sys.stderr)
    return found


def machine(threads: int) -> str:
    """This machine, for records."""
    return described(threads)


def prepared(
    engines: Sequence[str], offered: Catalogue, requests: Sequence[Request]
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Makes models ready for all that engines can do of what is asked.

    Returns:
        the engines that can run, and why others cannot: engine → a sentence.
    """
    left_out: dict[str, str] = {}
    needed = []
    for engine in engines:
        try:
            listing.require(engine)
            for request in needs.fitting(offered.describe(engine), requests):
                for model in models_needed(offered.describe(engine), request, lambda _: True):
                    ask_for_licence(model)
                needed.append((offered.describe(engine), request))
        except TriptychError as error:
            left_out[engine] = f"{error.message} {error.hint}"
    with ProgressLine(sys.stderr) as line:
        for step in preparing(needed):
            if isinstance(step, Progress):
                line.show(step.event)
            elif isinstance(step, Unprepared):
                left_out[step.engine] = f"{step.error.message} {step.error.hint}"
    return tuple(engine for engine in engines if engine not in left_out), left_out


def fetched(models: Sequence[str]) -> dict[str, str]:
    """Makes single models ready; gives why some could not be: model → a sentence."""
    lacking: dict[str, str] = {}
    with ProgressLine(sys.stderr) as line:
        for model in models:
            try:
                ask_for_licence(model)
                for event in prepare([model]):
                    line.show(event)
            except TriptychError as error:
                lacking[model] = f"{error.message} {error.hint}"
    return lacking


@contextlib.contextmanager
def shown(stream: TextIO | None = None) -> Iterator[Callable[[int, int, str], None]]:
    """Shows runs done on one line at a terminal, elsewhere a line every hundred; says how to go on after Ctrl-C."""
    stream = stream or sys.stderr
    try:
        yield _reporter(stream)
    except KeyboardInterrupt:
        print("\nInterrupted. The same command goes on from here.", file=stream)
        raise
    finally:
        if stream.isatty():
            stream.write("\r\x1b[K")


def _reporter(stream: TextIO) -> Callable[[int, int, str], None]:
    began, drawn = time.monotonic(), 0.0

    def show(done: int, total: int, what: str) -> None:
        nonlocal began, drawn
        now = time.monotonic()
        if not done:
            began = now
        left = f", {(now - began) / done * (total - done) / 60:.0f} min left" if done > 20 else ""
        text = f"{done} of {total} runs{left}: {what}"
        if stream.isatty() and now - drawn >= _REDRAW_SECONDS:
            drawn = now
            stream.write(f"\r\x1b[K{text}"[:160])
            stream.flush()
        elif not stream.isatty() and done % 100 == 0:
            print(text, file=stream, flush=True)

    return show


def summarised(
    engines: Sequence[str], offered: Catalogue, found: Sequence[Record], prompts: Path | None
) -> report.Summary:
    """The figures of what engines heard."""
    measured = [engine for engine in engines if any(record.engine == engine for record in found)]
    repeated = {}
    for language in ("en", "es", "fr") if prompts is not None else ():
        assert prompts is not None
        repeated[language] = corpora.repeated_texts(prompts, language), len(corpora.prompts(prompts, language))
    return report.Summary(
        engines=tuple(measured),
        names={engine: offered.describe(engine).name for engine in measured},
        figures={engine: summary.figures(found, engine) for engine in measured},
        compared=summary.comparisons(found, measured),
        trained={engine: card for engine in measured if (card := trained(engine)) is not None},
        machines=tuple(dict.fromkeys(record.machine for record in found if record.machine)),
        measured=dt.datetime.now(tz=dt.UTC).date().isoformat(),
        repeated=repeated,
    )


def trained(engine: str) -> report.Trained | None:
    """What the card of an engine's weights tells; None where there is no card."""
    try:
        card = cards.read(engine)
    except TriptychError:
        return None
    parameters = {name: count for name, count in card.parameters.model_dump().items() if count}
    return report.Trained(parameters, card.data.hours, card.minutes, card.steps, card.metrics)


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Writes files of text, the report first.

    Raises:
        BadInput: one cannot be written.
    """
    for name, text in files.items():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        except OSError as error:
            reason = f"{folder / name} cannot be written: {error.strerror}."
            raise BadInput(reason, "Name another folder with --out.") from error
    print(f"{folder / next(iter(files))} was written.", file=sys.stderr)
