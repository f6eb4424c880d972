"""What token engines say: texts, next to the program's synthesisers, and translations, next to cascades."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

import numpy as np

from engines.catalog import Catalogue
from engines.contract import Request, Task, Utterance
from engines.errors import TriptychError
from engines.evaluation import kept, spoken, voices
from engines.evaluation.corpora import Clip
from engines.evaluation.protocol import SPOKEN_BY
from engines.evaluation.readback import READER
from engines.evaluation.records import Record, TaskName
from engines.evaluation.spoken import by_engine, by_recogniser, measure_speech, measure_voices
from engines.evaluation.token_bench import Bench
from engines.evaluation.voices import Synthesised, UnitVoice, Voice
from engines.host import Host
from engines.models.components import Components
from engines.tokens.parts import Parts, open_hybrid, open_semantic
from engines.tokens.speaking import StageTwoSpeaker, VocoderSpeaker

BASELINE: Final = "whisper+piper"
"""The baseline's own translation, said by Piper."""
TRANSLATORS: Final = ("cascade", "token-semantic", "token-hybrid")
"""Engines that speak a translation."""


@dataclass(frozen=True)
class Offer:
    """A voice that can be opened.

    Attributes:
        id: for records.
        adapters: trained weights that it needs.
        open: opens it; given the models of the process and the voice's version.
    """

    id: str
    adapters: tuple[str, ...]
    open: Callable[[Components, str], Voice]

    @property
    def version(self) -> str:
        """Changes with its weights, and with what reads back."""
        return kept.version(self.adapters, self.id, READER)


def _semantic(components: Components, version: str) -> Voice:
    parts = open_semantic(components)
    speaker = cast(VocoderSpeaker, _speaker(parts, components))
    return UnitVoice("token-semantic", version, parts.tokens, voices.by_vocoder(speaker.vocoder))


def _hybrid(components: Components, version: str) -> Voice:
    parts = open_hybrid(components)
    speaker = cast(StageTwoSpeaker, _speaker(parts, components))
    speak = voices.by_stage_two(speaker.stage_two, speaker.tokeniser.codec)
    return UnitVoice("token-hybrid", version, parts.tokens, speak)


def _speaker(parts: Parts, components: Components) -> object:
    assert parts.mouth is not None
    nothing = Utterance(np.zeros(0, np.float32), "", "")
    return parts.mouth(components, Request(nothing, Task.SPEAK, "en"))


OFFERS: Final = (
    Offer("piper", (), lambda found, version: Synthesised("piper", version, found.synthesiser("en", "piper"))),
    Offer("kokoro", (), lambda found, version: Synthesised("kokoro", version, found.synthesiser("en", "kokoro"))),
    Offer("token-semantic", ("trunk", "units", "token-semantic", "vocoder"), _semantic),
    Offer("token-hybrid", ("trunk", "units", "codec", "token-semantic", "token-hybrid"), _hybrid),
)
"""Voices, known ones first."""


def measure_texts(bench: Bench) -> None:
    """Lets every voice that there is say the texts; those that are lacking are noted."""
    clips = bench.english(bench.sizes.texts)
    opened = []
    for offer in OFFERS:
        if not bench.has(f"say {offer.id}", offer.adapters) or _done(bench, {offer.id: offer.version}, clips, "say"):
            continue
        try:
            opened.append(offer.open(bench.components, offer.version))
        except TriptychError as error:
            bench.lacking[f"say {offer.id}"] = f"{error.message} {error.hint}"
    measure_voices(opened, clips, bench.records, bench.read, machine=bench.machine, report=bench.report)


def texts(bench: Bench) -> list[Record]:
    """What was measured of the voices as they are now."""
    versions = {offer.id: offer.version for offer in OFFERS}
    return spoken.found_in(bench.records, versions, bench.english(bench.sizes.texts), "say")


def translator_versions(catalogue: Catalogue) -> dict[str, str]:
    """Translator → version, the baseline first."""
    found = {BASELINE: kept.version((), BASELINE, READER)}
    for engine in TRANSLATORS:
        adapters = list(dict.fromkeys((engine, *needed(engine, catalogue))))
        found[engine] = kept.version(adapters, catalogue.describe(engine).model_dump_json(), READER)
    return found


def needed(engine: str, catalogue: Catalogue) -> tuple[str, ...]:
    """Trained weights that an engine speaks with."""
    return (*catalogue.describe(engine).adapters, *SPOKEN_BY.get(engine, ()))


def measure_translations(bench: Bench, host: Callable[[], Host], catalogue: Catalogue) -> None:
    """Lets everything that there is translate into English speech; what is lacking is noted.

    Args:
        bench: what is measured.
        host: opens one for engines, not isolated.
        catalogue: the engines there are.
    """
    clips, versions = bench.foreign(bench.sizes.speeches), translator_versions(catalogue)

    def run(name: str, translate: spoken.Translate) -> None:
        try:
            measure_speech(
                {name: translate}, clips, bench.records, bench.read, versions=versions, machine=bench.machine,
                report=bench.report,
            )  # fmt: skip
        except TriptychError as error:
            bench.lacking[f"speak {name}"] = f"{error.message} {error.hint}"

    if not _done(bench, {BASELINE: versions[BASELINE]}, clips, "speak"):
        voice = Synthesised("piper", "", bench.components.synthesiser("en", "piper"))
        run(BASELINE, by_recogniser(bench.recogniser, voice))
    ready = [
        engine
        for engine in TRANSLATORS
        if bench.has(f"speak {engine}", needed(engine, catalogue))
        and not _done(bench, {engine: versions[engine]}, clips, "speak")
    ]
    if ready:
        with host() as opened:
            for engine in ready:
                run(engine, by_engine(opened, engine))


def translations(bench: Bench, catalogue: Catalogue) -> list[Record]:
    """What was measured of the translators as they are now."""
    clips = bench.foreign(bench.sizes.speeches)
    return spoken.found_in(bench.records, translator_versions(catalogue), clips, "speak")


def _done(bench: Bench, versions: Mapping[str, str], clips: Sequence[Clip], task: TaskName) -> bool:
    """Whether all of it was measured; what failed is tried again."""
    found = spoken.found_in(bench.records, versions, clips, task)
    return len(found) == len(clips) * len(versions) and not any(record.failure for record in found)
