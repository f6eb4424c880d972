"""Speech that engines make, measured by what a recogniser reads back: text to speech, and speech to English speech.

ASR-BLEU of translated speech is BLEU of such transcripts (Jia et al. 2019, "Direct speech-to-speech translation with a
sequence-to-sequence model"). Errors of the recogniser count as errors of the voice: next to every figure stands that of
a synthesiser that is known to be good.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engines.audio.load import from_samples
from engines.contract import (
    AudioChunk,
    Failed,
    Finished,
    Recognised,
    Recogniser,
    Request,
    Samples,
    Stamped,
    Task,
    Utterance,
)
from engines.errors import TriptychError
from engines.evaluation.corpora import Clip
from engines.evaluation.following import TOO_SLOW, follow, require_present
from engines.evaluation.metrics import Errors, word_errors
from engines.evaluation.protocol import Report
from engines.evaluation.readback import Read
from engines.evaluation.records import Key, Record, Records, TaskName
from engines.evaluation.voices import Voice
from engines.host import Host


@dataclass(frozen=True)
class Utterances:
    """What was said.

    Attributes:
        chunks: of speech, in order; none where nothing was said.
        work: seconds that it took.
        failure: why it came to nothing, one sentence; empty where it did not.
    """

    chunks: tuple[AudioChunk, ...]
    work: float
    failure: str = ""

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return sum(len(chunk.samples) / chunk.rate for chunk in self.chunks)

    def at_16khz(self) -> Samples:
        """All of it, ``(n,)`` at 16 kHz."""
        if not self.seconds:
            return np.zeros(0, np.float32)
        whole = np.concatenate([chunk.samples for chunk in self.chunks])
        return np.asarray(from_samples(whole, self.chunks[0].rate, "spoken").samples)


Translate = Callable[[Clip], Utterances]
"""English speech of speech in another language."""


def measure_voices(
    voices: Sequence[Voice],
    clips: Sequence[Clip],
    records: Records,
    read: Read,
    *,
    machine: str = "",
    report: Report | None = None,
) -> None:
    """Lets every voice say the texts of English clips, once; records have the task ``say``.

    Args:
        voices: what is measured.
        clips: whose texts are said; their sound is not heard.
        records: where measurements are kept.
        read: reads back.
        machine: noted in every record.
        report: told before every run.

    Raises:
        BadInput: a record cannot be written.
    """
    todo = [
        (clip, voice, key)
        for clip in clips
        for voice in voices
        if _open(records, key := _key(voice.id, voice.version, clip, "say"))
    ]
    for done, (clip, voice, key) in enumerate(todo):
        if report is not None:
            report(done, len(todo), f"{voice.id} says {clip.id}")
        records.add(_record(key, clip, clip.text, said(voice, clip.text), read, machine))


def said(voice: Voice, text: str) -> Utterances:
    """What a voice makes of a text."""
    began = time.perf_counter()
    try:
        return Utterances(tuple(voice.say(text)), time.perf_counter() - began)
    except TriptychError as error:
        return Utterances((), time.perf_counter() - began, f"{error.kind}: {error.message}")


def measure_speech(
    translators: Mapping[str, Translate],
    clips: Sequence[Clip],
    records: Records,
    read: Read,
    *,
    versions: Mapping[str, str],
    machine: str = "",
    report: Report | None = None,
) -> None:
    """Lets engines translate clips into English speech, once; records have the task ``speak``.

    Args:
        translators: id → what translates.
        clips: with an English translation.
        records: where measurements are kept.
        read: reads back.
        versions: of the translators and of what reads back; what was measured of others is measured anew.
        machine: noted in every record.
        report: told before every run.

    Raises:
        BadInput: a record cannot be written.
        Unavailable: an engine lacks something; nothing is recorded for it.
        AdapterMissing: likewise trained weights.
        AdapterMismatch: they do not fit.
    """
    todo = [
        (clip, name, key)
        for clip in clips
        for name in translators
        if _open(records, key := _key(name, versions[name], clip, "speak"))
    ]
    for done, (clip, name, key) in enumerate(todo):
        if report is not None:
            report(done, len(todo), f"{name} translates {clip.id} into speech")
        records.add(_record(key, clip, clip.english or "", translators[name](clip), read, machine))


def by_engine(host: Host, engine: str) -> Translate:
    """An engine of the program, which must be ready.

    Args:
        host: not isolated.
        engine: its id.
    """

    def translate(clip: Clip) -> Utterances:
        samples = clip.read()
        utterance = Utterance(samples, hashlib.sha256(samples.tobytes()).hexdigest(), clip.id, language=clip.language)
        chunks: list[AudioChunk] = []
        work, failure = 0.0, ""

        def hear(stamped: Stamped) -> bool:
            nonlocal work, failure
            work = stamped.at
            match stamped.event:
                case AudioChunk() as chunk:
                    chunks.append(chunk)
                case Finished():
                    return True
                case Failed(kind, message, hint):
                    require_present(kind, message, hint)
                    failure = f"{kind}: {message}"
                    return True
            return False

        ended = follow(host, engine, Request(utterance, Task.SPEAK, "en"), hear)
        return Utterances(tuple(chunks), work, failure if ended else TOO_SLOW)

    return translate


def by_recogniser(recogniser: Recogniser, voice: Voice) -> Translate:
    """The recogniser's own translation, said by a voice."""

    def translate(clip: Clip) -> Utterances:
        began = time.perf_counter()
        *_, found = recogniser.nbest(recogniser.encode(clip.read()), language=clip.language, task="translate")
        text = found.hypotheses[0].text if isinstance(found, Recognised) else ""
        made = said(voice, text)
        return Utterances(made.chunks, time.perf_counter() - began, made.failure)

    return translate


def found_in(records: Records, versions: Mapping[str, str], clips: Sequence[Clip], task: TaskName) -> list[Record]:
    """What was measured of these versions (engine or voice → version) on clips, in the order of the clips."""
    keys = (_key(engine, of, clip, task) for clip in clips for engine, of in versions.items())
    return [found for found in map(records.get, keys) if found is not None]


def _record(
    key: Key,
    clip: Clip,
    reference: str,
    spoken: Utterances,
    read: Read,
    machine: str,
) -> Record:
    heard = "" if spoken.failure else read(spoken.at_16khz())
    wrong = word_errors(reference, heard, "en") if key.task == "say" else Errors()
    return Record(
        engine=key.engine, version=key.version, corpus=key.corpus, clip=key.clip, speaker=clip.speaker,
        language=clip.language, condition=key.condition, task="say" if key.task == "say" else "speak",
        seconds=round(clip.seconds, 3), reference=reference, hypothesis=heard,
        hits=wrong.hits, substitutions=wrong.substitutions, deletions=wrong.deletions, insertions=wrong.insertions,
        work=round(spoken.work, 5), spoken_seconds=round(spoken.seconds, 3), failure=spoken.failure, machine=machine,
    )  # fmt: skip


def _key(engine: str, of: str, clip: Clip, task: TaskName) -> Key:
    return Key(engine, of, clip.corpus, clip.id, "clean", task)


def _open(records: Records, key: Key) -> bool:
    """Whether it is to be measured; what failed is tried again."""
    found = records.get(key)
    return found is None or bool(found.failure)
