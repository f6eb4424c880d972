"""Voices in a bench: they say the texts of recordings; what is measured is what a recogniser reads back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from engines.contract import Samples, Task
from engines.errors import TriptychError
from engines.evaluation import machine, spoken
from engines.evaluation.corpora import Clip
from engines.evaluation.dnsmos import WEIGHTS as DNSMOS
from engines.evaluation.metrics import word_errors
from engines.evaluation.protocol import Report
from engines.evaluation.readback import Listener, Listens
from engines.evaluation.records import Key, Record, Records
from engines.evaluation.runs import Case, now
from engines.evaluation.token_speech import OFFERS, Offer
from engines.evaluation.voices import Voice
from engines.models import kokoro, piper
from engines.models.components import Components

VOICES: Final[Mapping[str, Offer]] = MappingProxyType({offer.id: offer for offer in OFFERS})
"""Every voice by its id; they speak English."""
_MODELS: Final = {
    "piper": piper.WEIGHTS,
    "kokoro": kokoro.WEIGHTS,
    "token-semantic": "gemma-3-270m",
    "token-hybrid": "gemma-3-270m",
}


def measure(
    voices: Sequence[str],
    texts: Sequence[Clip],
    records: Records,
    *,
    where: str = "",
    report: Report | None = None,
    listen: Listens | None = None,
) -> dict[str, str]:
    """Lets every voice say every text that it has not said before.

    Args:
        voices: names in :data:`VOICES`.
        texts: English clips; their sound is not heard.
        records: where measurements are kept.
        where: this machine, noted in every record.
        report: told before every run.
        listen: to what is said; Whisper base and DNSMOS by default.

    Returns:
        voices that lack something → a sentence; nothing is recorded for them.

    Raises:
        BadInput: a record cannot be written.
    """
    components = Components()
    listen = listen or Listener(components)
    todo = [(clip, VOICES[name]) for clip in texts for name in voices if _open(records, _key(VOICES[name], clip))]
    opened: dict[str, Voice] = {}
    lacking: dict[str, str] = {}
    for done, (clip, offer) in enumerate(todo):
        if report is not None:
            report(done, len(todo), f"{offer.id} says {clip.id}")
        try:
            if offer.id not in opened and offer.id not in lacking:
                opened[offer.id] = offer.open(components, offer.version)
                spoken.said(opened[offer.id], clip.text)  # warm-up
        except TriptychError as error:
            lacking[offer.id] = f"{error.message} {error.hint}"
        if offer.id in opened:
            records.add(_record(offer, clip, spoken.said(opened[offer.id], clip.text), listen, where))
    return lacking


def models(voices: Sequence[str], cases: Sequence[Case]) -> list[str]:
    """Ids of the models that are needed to let these voices speak and to listen to them and to engines that speak."""
    needed = [_MODELS[name] for name in voices]
    if voices or any(case.task is Task.SPEAK for case in cases):
        needed += ["whisper-base", DNSMOS]
    return list(dict.fromkeys(needed))


def found(voices: Sequence[str], texts: Sequence[Clip], records: Records) -> list[Record]:
    """What was measured of voices as they are now, in the order of the texts."""
    keys = (_key(VOICES[name], clip) for clip in texts for name in voices)
    return [one for one in map(records.get, keys) if one is not None]


def _key(offer: Offer, clip: Clip) -> Key:
    return Key(offer.id, offer.version, clip.corpus, clip.id, "clean", "say")


def _open(records: Records, key: Key) -> bool:
    """Whether it is to be measured; what failed is tried again."""
    one = records.get(key)
    return one is None or bool(one.failure)


def _record(offer: Offer, clip: Clip, said: spoken.Utterances, listen: Listens, where: str) -> Record:
    samples: Samples = said.at_16khz()
    heard = None if said.failure else listen(samples)
    text = heard.text if heard is not None else ""
    wrong = word_errors(clip.text, text, "en")
    return Record(
        engine=offer.id, version=offer.version, corpus=clip.corpus, clip=clip.id, speaker=clip.speaker,
        language=clip.language, condition="clean", task="say", seconds=round(clip.seconds, 3), reference=clip.text,
        hypothesis=text, hits=wrong.hits, substitutions=wrong.substitutions, deletions=wrong.deletions,
        insertions=wrong.insertions, work=round(said.work, 5), spoken_seconds=round(said.seconds, 3),
        opinion=heard.opinion if heard is not None else None, failure=said.failure, machine=where,
        software=machine.software(), measured=now(),
    )  # fmt: skip
