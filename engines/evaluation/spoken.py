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
from typing import Protocol

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
    Synthesiser,
    Task,
    Utterance,
)
from engines.errors import TextUnspeakable, TriptychError
from engines.evaluation.corpora import Clip
from engines.evaluation.metrics import Errors, word_errors
from engines.evaluation.protocol import PATIENCE_SECONDS, Report, require_present
from engines.evaluation.records import Key, Record, Records, TaskName
from engines.host import Host
from engines.models.token_lm import TokenLM
from engines.models.unit_vocoder import UnitVocoder
from engines.runtime.mixed import Bounds
from engines.stages.prompts import prompt

Read = Callable[[Samples], str]
"""What a recogniser makes of English speech, ``(n,)`` at 16 kHz."""

SECONDS_PER_PIECE = 0.6
"""Bounds units that do not end by themselves, as the engine does, with two seconds more."""


def reader(recogniser: Recogniser) -> Read:
    """Reads English speech back with beam 5, 30 s at a time at most: what is beyond is not read."""

    def read(samples: Samples) -> str:
        if not samples.size:
            return ""
        *_, found = recogniser.nbest(recogniser.encode(samples), language="en")
        return found.hypotheses[0].text if isinstance(found, Recognised) else ""

    return read


class Voice(Protocol):
    """Speaks English text."""

    @property
    def id(self) -> str:
        """For records."""
        ...

    @property
    def version(self) -> str:
        """Changes with its weights, and with what reads back."""
        ...

    def say(self, text: str) -> list[AudioChunk]:
        """Speaks a sentence.

        Raises:
            TextUnspeakable: nothing in the text can be spoken.
        """
        ...


@dataclass(frozen=True)
class Synthesised:
    """A synthesiser of the program.

    Attributes:
        id: for records.
        version: changes with its weights, and with what reads back.
        synthesiser: speaks.
    """

    id: str
    version: str
    synthesiser: Synthesiser

    def say(self, text: str) -> list[AudioChunk]:
        """See :class:`Voice`."""
        return list(self.synthesiser.speak(text, "en"))


@dataclass(frozen=True)
class UnitVoice:
    """The token language model writes units behind a text, and the vocoder speaks them.

    Attributes:
        id: for records.
        version: changes with the weights of both, and with what reads back.
        tokens: writes units.
        vocoder: speaks them.
        frame_seconds: seconds per frame of the units.
    """

    id: str
    version: str
    tokens: TokenLM
    vocoder: UnitVocoder
    frame_seconds: float = 0.04

    def say(self, text: str) -> list[AudioChunk]:
        """See :class:`Voice`; greedily, in the order in which it was trained on."""
        pieces = self.tokens.inventory.cut(text) if text.strip() else None
        if not pieces:
            raise TextUnspeakable(
                f"{text[:40]!r} cannot be spelled.", "Use letters of the languages it was trained on."
            )
        model, sequence = self.tokens.model, self.tokens.sequence()
        words = [*self.tokens.inventory.ids[pieces].tolist(), model.token_id("<eos>")]
        sequence.read(model.encode(prompt("transcript", "en")), words, model.encode(prompt("speech", "en")))
        longest = 2.0 + SECONDS_PER_PIECE * len(pieces)
        most = int(longest / self.frame_seconds)
        written = sequence.write("units", Bounds(items=most, frames=most))
        return list(self.vocoder.speak((item.id for item in written), longest=2 * longest))


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
        failure, chunks, began = "", list[AudioChunk](), time.perf_counter()
        try:
            chunks = voice.say(clip.text)
        except TriptychError as error:
            failure = f"{error.kind}: {error.message}"
        work = time.perf_counter() - began
        records.add(_record(key, clip, clip.text, chunks, read, work, failure, machine))


def measure_speech(
    host: Host,
    engines: Sequence[str],
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
        host: not isolated; every engine must be ready.
        engines: ids.
        clips: with an English translation.
        records: where measurements are kept.
        read: reads back.
        versions: of the engines and of what reads back; what was measured of others is measured anew.
        machine: noted in every record.
        report: told before every run.

    Raises:
        BadInput: a record cannot be written.
        Unavailable: an engine lacks something; nothing is recorded for it.
        AdapterMissing: likewise trained weights.
        AdapterMismatch: they do not fit.
    """
    todo = [
        (clip, engine, key)
        for clip in clips
        for engine in engines
        if _open(records, key := _key(engine, versions[engine], clip, "speak"))
    ]
    for done, (clip, engine, key) in enumerate(todo):
        if report is not None:
            report(done, len(todo), f"{engine} translates {clip.id} into speech")
        samples = clip.read()
        digest = hashlib.sha256(samples.tobytes()).hexdigest()
        utterance = Utterance(samples, digest, clip.id, language=clip.language)
        run_id = host.submit(engine, Request(utterance, Task.SPEAK, "en"))
        chunks: list[AudioChunk] = []
        work, failure = 0.0, f"Nothing came for {PATIENCE_SECONDS:.0f} s; it was cancelled."
        for found, stamped in host.events(timeout=PATIENCE_SECONDS):
            if found != run_id:
                continue
            work = stamped.at
            match stamped.event:
                case AudioChunk() as chunk:
                    chunks.append(chunk)
                case Finished():
                    failure = ""
                    break
                case Failed(kind, message, hint):
                    require_present(kind, message, hint)
                    failure = f"{kind}: {message}"
                    break
        else:
            host.cancel(run_id)
        records.add(_record(key, clip, clip.english or "", chunks, read, work, failure, machine))


def found_in(records: Records, versions: Mapping[str, str], clips: Sequence[Clip], task: TaskName) -> list[Record]:
    """What was measured of these versions (engine or voice → version) on clips, in the order of the clips."""
    keys = (_key(engine, of, clip, task) for clip in clips for engine, of in versions.items())
    return [found for found in map(records.get, keys) if found is not None]


def _record(
    key: Key,
    clip: Clip,
    reference: str,
    chunks: Sequence[AudioChunk],
    read: Read,
    work: float,
    failure: str,
    machine: str,
) -> Record:
    heard = "" if failure or not chunks else read(_at_16khz(chunks))
    wrong = word_errors(reference, heard, "en") if key.task == "say" else Errors()
    return Record(
        engine=key.engine, version=key.version, corpus=key.corpus, clip=key.clip, speaker=clip.speaker,
        language=clip.language, condition=key.condition, task="say" if key.task == "say" else "speak",
        seconds=round(clip.seconds, 3), reference=reference, hypothesis=heard,
        hits=wrong.hits, substitutions=wrong.substitutions, deletions=wrong.deletions, insertions=wrong.insertions,
        work=round(work, 5), spoken_seconds=round(sum(len(chunk.samples) / chunk.rate for chunk in chunks), 3),
        failure=failure, machine=machine,
    )  # fmt: skip


def _at_16khz(chunks: Sequence[AudioChunk]) -> Samples:
    whole = np.concatenate([chunk.samples for chunk in chunks])
    return np.asarray(from_samples(whole, chunks[0].rate, "spoken").samples) if whole.size else whole


def _key(engine: str, of: str, clip: Clip, task: TaskName) -> Key:
    return Key(engine, of, clip.corpus, clip.id, "clean", task)


def _open(records: Records, key: Key) -> bool:
    """Whether it is to be measured; what failed is tried again."""
    found = records.get(key)
    return found is None or bool(found.failure)
