"""Comparisons as entries of the history, and entries as comparisons that look as they did. No Qt."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from app.commands.document import machine
from app.comparison import Comparison, EngineRun, Status
from app.language import tr
from app.needs import models_needed
from engines.audio.load import load
from engines.audio.synthetic import program
from engines.catalog import Catalogue, EngineDescription
from engines.contract import OptionValue, Request, Stamped, Task, Utterance
from engines.errors import TriptychError, UnknownEngine
from engines.evaluation import kept
from engines.history.coding import decode, encode
from engines.history.entries import Entry, Ran
from engines.weights import manifest


@dataclass(frozen=True)
class Ended:
    """A run that is over, with what it has to be kept with; plain data that a thread may take.

    Attributes:
        run: as it is on screen.
        request: what was asked.
        events: what the engine sent.
        threads: as they were asked for.
    """

    run: EngineRun
    request: Request
    events: tuple[Stamped, ...]
    threads: int = 0

    @property
    def worth_keeping(self) -> bool:
        """Whether there is more to it than that it could not begin."""
        begun = self.run.status is Status.CANCELLED and bool(self.run.main_text)
        return begun or self.run.status in {Status.OK, Status.FAILED}


def ended(comparison: Comparison, engine_id: str, threads: int = 0) -> Ended:
    """What is to be kept of an engine's run that is over."""
    events = tuple(comparison.events.get(engine_id, ()))
    return Ended(comparison.runs[engine_id], comparison.request(engine_id), events, threads)


def entry_of(comparison: Comparison, uid: str, at: str, runs: tuple[Ran, ...] = ()) -> Entry:
    """The entry of a comparison."""
    utterance = comparison.utterance
    return Entry(
        uid=uid,
        digest=utterance.digest,
        seconds=utterance.seconds,
        source=utterance.source,
        task=str(comparison.task),
        at=at,
        language=utterance.language,
        reference=utterance.reference,
        reference_translation=utterance.reference_translation,
        notes=utterance.notes,
        target=comparison.target,
        runs=runs,
    )


def ran_of(one: Ended) -> Ran:
    """A run as it is kept; takes a while for long ones."""
    run, engine = one.run, one.run.engine
    return Ran(
        engine=engine.id,
        name=engine.name,
        description=engine.model_dump_json(),
        status=str(run.status),
        options=_without_keys(one.request.options),
        program=program(),
        machine=machine(one.threads),
        weights=_weights(engine, one.request),
        transcript=run.transcript,
        translation=run.translation,
        answer=run.answer,
        seconds=run.seconds,
        events=encode(one.events),
    )


def _without_keys(options: Mapping[str, OptionValue]) -> dict[str, OptionValue]:
    """Settings without the key of a server: it stays in the settings alone."""
    return {name: value for name, value in options.items() if not name.endswith("_key")}


def _weights(engine: EngineDescription, request: Request) -> dict[str, str]:
    """Digests of the models and adapters that a run needs, by their ids."""
    found = {adapter: kept.version([adapter]) for adapter in engine.adapters}
    with contextlib.suppress(TriptychError, OSError):
        models = manifest.load()
        found |= {name: models.model(name).digest for name in models_needed(engine, request)}
    return found


# --- and back --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Restored:
    """A comparison as it was.

    Attributes:
        comparison: with its runs folded from their events.
        notes: sentences on what is not as it was.
    """

    comparison: Comparison
    notes: tuple[str, ...] = ()


def utterance_of(entry: Entry, flac: Path) -> Utterance:
    """The speech of an entry, with what was known of it.

    Raises:
        TriptychError: it cannot be read.
    """
    heard = load(flac, source=entry.source, language=entry.language)
    return replace(
        heard,
        digest=entry.digest,
        reference=entry.reference,
        reference_translation=entry.reference_translation,
        notes=entry.notes,
    )


def restored(entry: Entry, utterance: Utterance, catalogue: Catalogue) -> Restored:
    """The comparison of an entry for the window: all engines that there are, with the last run of each.

    Args:
        entry: with events.
        utterance: its speech.
        catalogue: the engines there are.
    """
    comparison = _begun(entry, utterance, catalogue.engines)
    notes = _fill(comparison, entry.latest.values())
    unknown = [ran.name for engine, ran in entry.latest.items() if engine not in comparison.runs]
    if unknown:
        notes.append(
            tr("This version has no {listed}; export the run to see them.").format(listed=tr(" and no ").join(unknown))
        )
    return Restored(comparison, tuple(notes))


def replayed(entry: Entry, utterance: Utterance, catalogue: Catalogue) -> Restored:
    """The comparison of an entry for reports: the engines that ran, as they were described then.

    Args:
        entry: with events.
        utterance: its speech.
        catalogue: describes engines whose own description cannot be read.
    """
    runs = entry.latest
    engines = [found for ran in runs.values() if (found := _description(ran, catalogue)) is not None]
    comparison = _begun(entry, utterance, engines)
    notes = _fill(comparison, runs.values())
    return Restored(comparison, tuple(notes))


def _begun(entry: Entry, utterance: Utterance, engines: Sequence[EngineDescription]) -> Comparison:
    options = {ran.engine: ran.options for ran in entry.latest.values()}
    return Comparison(utterance, Task(entry.task), entry.target, engines, options)


def _fill(comparison: Comparison, runs: Iterable[Ran]) -> list[str]:
    """Folds the events of runs in; returns sentences on what could not be."""
    notes, skipped = [], 0
    for ran in runs:
        if ran.engine not in comparison.runs:
            continue
        try:
            read = decode(ran.events, ran.engine)
        except TriptychError as error:
            comparison.fail(ran.engine, error)
            notes.append(error.message)
            continue
        skipped += read.skipped
        for stamped in read.events:
            comparison.apply(stamped)
        run, status = comparison.runs[ran.engine], Status(ran.status)
        if run.status is not status and status.over:
            comparison.runs[ran.engine] = replace(run, status=status)
    if skipped:
        notes.append(
            tr("{skipped} pieces of what engines told were written by another version and are left out.").format(
                skipped=skipped
            )
        )
    return notes


def _description(ran: Ran, catalogue: Catalogue) -> EngineDescription | None:
    with contextlib.suppress(ValidationError):
        found = EngineDescription.model_validate_json(ran.description)
        if found.id == ran.engine:
            return found
    try:
        return catalogue.describe(ran.engine)
    except UnknownEngine:
        return None
