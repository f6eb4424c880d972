"""How engines are measured against each other: which recordings, under which conditions, and one run after another.

All engines hear a recording one after the other in one process, so that what they share (the encoder's states) is made
once; the time that is reported is each engine's own, with shared work counted in full. Nothing is averaged here: every
run is a record, and tables are made of records.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engines.audio.conditions import Condition
from engines.audio.noise import Noise
from engines.catalog import Catalogue, EngineDescription
from engines.contract import Task, Utterance
from engines.evaluation import corpora, kept
from engines.evaluation.following import LACKING
from engines.evaluation.readback import Listener, Listens
from engines.evaluation.records import Key, Record, Records
from engines.evaluation.runs import INTO_ENGLISH, Case, Outcome, hear_out, heard, recorded
from engines.host import Host

NOISE: Final[Noise] = "babble"
LEVELS: Final = (20.0, 10.0, 5.0, 0.0)


@dataclass(frozen=True)
class Sizes:
    """How many recordings of each kind are run; None for all there are.

    Attributes:
        prompts: held-out English prompts as they are.
        unseen: recordings of unseen people, as they are and under every noise.
        noisy: held-out English prompts under every noise.
        translated: held-out prompts of each other language, translated into English.
    """

    prompts: int | None = 52
    unseen: int | None = None
    noisy: int | None = 16
    translated: int | None = 24


STANDARD: Final = Sizes()
"""So many that seven engines take no more than fifteen minutes on two quiet cores."""
EVERYTHING: Final = Sizes(None, None, None, None)
SPOKEN_BY: Final = {"token-semantic": ("vocoder",)}
"""Trained weights that an engine speaks with, beyond those that its description names."""


def cases(prompts: Path | None, sizes: Sizes = STANDARD, levels: Sequence[float] = LEVELS) -> list[Case]:
    """All cases of the protocol.

    Args:
        prompts: folder of the telephone prompts; without it only unseen people are heard, and nothing is translated.
        sizes: how many.
        levels: signal-to-noise ratios in dB.

    Raises:
        BadInput: the folder is not what it should be.
    """
    english = corpora.prompts(prompts, "en") if prompts is not None else []
    unseen = corpora.evenly(corpora.unseen(), sizes.unseen)
    clean = Condition()
    found = [Case(clip, clean) for clip in (*corpora.evenly(english, sizes.prompts), *unseen)]
    for level in levels:
        condition = Condition(NOISE, level)
        found += [Case(clip, condition) for clip in (*corpora.evenly(english, sizes.noisy), *unseen)]
    for language in ("es", "fr") if prompts is not None else ():
        assert prompts is not None
        spoken = [clip for clip in corpora.prompts(prompts, language) if clip.english]
        found += [Case(clip, clean, Task.TRANSLATE) for clip in corpora.evenly(spoken, sizes.translated)]
    return found


def version(description: EngineDescription) -> str:
    """Digest of an engine's description and trained weights; measurements of another version are not taken for its own.

    Weights of the models that it is composed of are fixed by the program's manifest and are not looked at.
    """
    adapters = dict.fromkeys((description.id, *description.adapters, *SPOKEN_BY.get(description.id, ())))
    return kept.version(list(adapters), description.model_dump_json())


Report = Callable[[int, int, str], None]
"""Called with the runs done, the runs in all, and what runs now."""


def measure(
    host: Host,
    engines: Sequence[str],
    wanted: Sequence[Case],
    records: Records,
    *,
    catalogue: Catalogue,
    seed: int = 0,
    machine: str = "",
    report: Report | None = None,
    listen: Listens | None = None,
) -> dict[str, str]:
    """Runs every engine on every case that it can do and that was not measured before.

    What an engine that was measured cannot be asked any more, because it lacks something by now, counts as failed.

    Args:
        host: not isolated.
        engines: ids, in the order in which they run; each must be ready.
        wanted: the cases.
        records: where measurements are kept; what is there already is not run again.
        catalogue: the engines there are.
        seed: of the noise.
        machine: noted in every record.
        report: told before every run.
        listen: to what engines speak; Whisper base and DNSMOS by default.

    Returns:
        engines that lack something → a sentence; those of which nothing was measured have no records.

    Raises:
        AudioUnreadable: a recording is missing or broken.
        BadInput: a record cannot be written.
    """
    versions = {engine: version(catalogue.describe(engine)) for engine in engines}
    todo = unmeasured(versions, wanted, records, catalogue)
    measured = {record.engine for record in records if versions.get(record.engine) == record.version}
    warm, lacking = set[tuple[str, Task]](), dict[str, str]()
    utterance: tuple[Case, Utterance] | None = None
    listen = listen or Listener()
    for done, (case, engine) in enumerate(todo):
        if engine in lacking:
            if engine in measured:
                lost = Outcome(failure=lacking[engine])
                records.add(recorded(case, engine, versions[engine], lost, machine, seed))
            continue
        if utterance is None or utterance[0] is not case:
            utterance = case, heard(case, seed)
        if report is not None:
            report(done, len(todo), f"{engine}, {case.condition.title}, {case.clip.id}")
        try:
            if (engine, case.task) not in warm:
                hear_out(host, engine, case.task, utterance[1], listen)
                warm.add((engine, case.task))
            outcome = hear_out(host, engine, case.task, utterance[1], listen, fresh=case.repetition > 0)
        except LACKING as error:
            lacking[engine] = f"{error.message} {error.hint}".strip()
            outcome = Outcome(failure=f"{error.kind}: {error.message}")
            if engine not in measured:
                continue
        records.add(recorded(case, engine, versions[engine], outcome, machine, seed))
        measured.add(engine)
    return lacking


def unmeasured(
    versions: Mapping[str, str], wanted: Sequence[Case], records: Records, catalogue: Catalogue
) -> list[tuple[Case, str]]:
    """What is still to be run, case by case, of engines (id → version); what failed is tried again."""
    return [
        (case, engine)
        for case in wanted
        for engine in versions
        if _able(catalogue, engine, case.task) and not _done(records.get(_key(case, engine, versions[engine])))
    ]


def of_protocol(
    records: Records, engines: Sequence[str], wanted: Sequence[Case], *, catalogue: Catalogue
) -> list[Record]:
    """The records of these engines as they are now, on these cases, in the order of the cases."""
    known = {engine: version(catalogue.describe(engine)) for engine in engines}
    keys = (_key(case, engine, known[engine]) for case in wanted for engine in engines)
    return [found for found in map(records.get, keys) if found is not None]


def _done(record: Record | None) -> bool:
    """Whether a case need not be run: what failed is tried again."""
    return record is not None and not record.failure


def _able(catalogue: Catalogue, engine: str, task: Task) -> bool:
    return catalogue.describe(engine).supports(task, "en" if task in INTO_ENGLISH else None)


def _key(case: Case, engine: str, of: str) -> Key:
    return Key(engine, of, case.clip.corpus, case.clip.id, case.condition.name, case.task.value, case.repetition)
