"""How engines are measured against each other: which recordings, under which conditions, and one run after another.

All engines hear a recording one after the other in one process, so that what they share (the encoder's states) is made
once; the time that is reported is each engine's own, with shared work counted in full. Nothing is averaged here: every
run is a record, and tables are made of records.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from engines.audio import conditions
from engines.audio.conditions import Condition
from engines.audio.noise import Noise
from engines.catalog import Catalogue, EngineDescription
from engines.contract import (
    EvidenceFound,
    Failed,
    Finished,
    Request,
    SpeechTokens,
    StageFinished,
    Stamped,
    Task,
    Utterance,
)
from engines.evaluation import corpora, kept
from engines.evaluation.corpora import Clip
from engines.evaluation.following import TOO_SLOW, follow, require_present
from engines.evaluation.metrics import Errors, word_errors
from engines.evaluation.records import Key, Record, Records
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


@dataclass(frozen=True)
class Case:
    """One recording under one condition, and what is asked.

    Attributes:
        clip: the recording.
        condition: how it is heard.
        task: transcribe, or translate into English.
    """

    clip: Clip
    condition: Condition
    task: Task = Task.TRANSCRIBE

    @property
    def reference(self) -> str:
        """What is right."""
        return self.clip.english or "" if self.task is Task.TRANSLATE else self.clip.text


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
    return kept.version(list(dict.fromkeys((description.id, *description.adapters))), description.model_dump_json())


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
) -> None:
    """Runs every engine on every case that it can do and that was not measured before.

    Args:
        host: not isolated.
        engines: ids, in the order in which they run; each must be ready.
        wanted: the cases.
        records: where measurements are kept; what is there already is not run again.
        catalogue: the engines there are.
        seed: of the noise.
        machine: noted in every record.
        report: told before every run.

    Raises:
        Unavailable: an engine lacks something; nothing is recorded for it.
        AdapterMissing: likewise its trained weights.
        AdapterMismatch: they do not fit.
        AudioUnreadable: a recording is missing or broken.
        BadInput: a record cannot be written.
    """
    versions = {engine: version(catalogue.describe(engine)) for engine in engines}
    todo = unmeasured(versions, wanted, records, catalogue)
    warm: set[str] = set()
    utterance: tuple[Case, Utterance] | None = None
    for done, (case, engine) in enumerate(todo):
        if utterance is None or utterance[0] is not case:
            utterance = case, heard(case, seed)
        if report is not None:
            report(done, len(todo), f"{engine}, {case.condition.title}, {case.clip.id}")
        if engine not in warm:
            hear_out(host, engine, case.task, utterance[1])
            warm.add(engine)
        outcome = hear_out(host, engine, case.task, utterance[1])
        records.add(recorded(case, engine, versions[engine], outcome, machine))


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
    return catalogue.describe(engine).supports(task, "en" if task is Task.TRANSLATE else None)


def _key(case: Case, engine: str, of: str) -> Key:
    return Key(engine, of, case.clip.corpus, case.clip.id, case.condition.name, case.task.value)


def heard(case: Case, seed: int) -> Utterance:
    """A recording as it is heard under a condition."""
    samples = conditions.apply(case.condition, case.clip.read(), case.clip.id, seed=seed)
    digest = hashlib.sha256(samples.tobytes()).hexdigest()
    return Utterance(samples, digest, case.clip.id, language=case.clip.language)


@dataclass
class Outcome:
    """What a run came to."""

    text: str = ""
    work: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    places: int | None = None
    place_seconds: float = 0.0
    failure: str = ""

    def hear(self, stamped: Stamped, task: Task) -> bool:
        """Takes an event in; returns whether it was the last. Raises what :func:`require_present` does."""
        self.work = stamped.at
        match stamped.event:
            case StageFinished(stage, seconds):
                self.stages[stage] = self.stages.get(stage, 0.0) + seconds
            case EvidenceFound(SpeechTokens(count=count, seconds=seconds)):
                self.places = (self.places or 0) + count
                self.place_seconds += seconds
            case Finished(result):
                self.text = (result.translation if task is Task.TRANSLATE else result.transcript) or ""
                return True
            case Failed(kind, message, hint):
                require_present(kind, message, hint)
                self.failure = f"{kind}: {message}"
                return True
        return False


def hear_out(host: Host, engine: str, task: Task, utterance: Utterance) -> Outcome:
    """Runs an engine on a recording to its end.

    Raises:
        Unavailable: it lacks something.
        AdapterMissing: its trained weights are not there.
        AdapterMismatch: they do not fit.
    """
    target = "en" if task is Task.TRANSLATE else None
    outcome = Outcome()
    if not follow(host, engine, Request(utterance, task, target), lambda found: outcome.hear(found, task)):
        outcome.failure = TOO_SLOW
    return outcome


def recorded(case: Case, engine: str, of: str, outcome: Outcome, machine: str) -> Record:
    """What is kept of a run."""
    wrong = Errors()
    if case.task is Task.TRANSCRIBE:
        wrong = word_errors(case.reference, outcome.text, case.clip.language)
    return Record(
        engine=engine,
        version=of,
        corpus=case.clip.corpus,
        clip=case.clip.id,
        speaker=case.clip.speaker,
        language=case.clip.language,
        condition=case.condition.name,
        task="translate" if case.task is Task.TRANSLATE else "transcribe",
        seconds=round(case.clip.seconds, 3),
        reference=case.reference,
        hypothesis=outcome.text,
        hits=wrong.hits,
        substitutions=wrong.substitutions,
        deletions=wrong.deletions,
        insertions=wrong.insertions,
        work=round(outcome.work, 5),
        stages={name: round(seconds, 5) for name, seconds in outcome.stages.items()},
        places=outcome.places,
        place_seconds=round(outcome.place_seconds, 3),
        failure=outcome.failure,
        machine=machine,
    )
