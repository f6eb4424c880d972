"""What the parts of the report on token engines have in common: recordings, how many of them, and where figures go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from engines.contract import Recogniser
from engines.errors import AdapterMissing, TriptychError
from engines.evaluation import corpora, protocol
from engines.evaluation.corpora import Clip
from engines.evaluation.kept import Kept
from engines.evaluation.protocol import Report
from engines.evaluation.readback import Read, reader
from engines.evaluation.records import Records
from engines.models.components import Components
from engines.weights import cards


@dataclass(frozen=True)
class Sizes:
    """How much is measured; None for all there is.

    Attributes:
        hearing: recordings that engines transcribe and translate.
        texts: of held-out prompts and of unseen speakers each, that are said.
        speeches: held-out prompts of each other language, translated into English speech.
        coded: held-out prompts and recordings of unseen speakers each, sent through codecs.
        resynthesised: the same, spoken anew from their units.
        judged: the same, whose units are held against phones.
        stories: with two endings.
        seconds: of speech played into the engine that listens and speaks at once.
    """

    hearing: protocol.Sizes = protocol.STANDARD
    texts: int | None = 12
    speeches: int | None = 10
    coded: int | None = 12
    resynthesised: int | None = 10
    judged: int | None = 30
    stories: int | None = None
    seconds: float = 30.0


STANDARD: Final = Sizes()
"""So much that all token engines take about forty minutes on two quiet cores."""
EVERYTHING: Final = Sizes(protocol.EVERYTHING, None, None, None, None, None, None, 120.0)


def few(count: int) -> Sizes:
    """So many of everything, for a trial."""
    hearing = protocol.Sizes(count, count, count, count)
    return Sizes(hearing, count, count, count, count, count, max(2, count), 10.0)


@dataclass
class Bench:
    """What is measured, by what, and where it is kept.

    Attributes:
        prompts: folder of the telephone prompts; None to measure on unseen speakers only.
        sizes: how much.
        records: transcripts and what was read back.
        kept: everything else that was measured.
        components: models of this process.
        machine: noted in what is measured.
        report: told before every run.
        lacking: part → one sentence on why it could not be measured.
    """

    prompts: Path | None
    sizes: Sizes
    records: Records
    kept: Kept
    components: Components = field(default_factory=Components)
    machine: str = ""
    report: Report | None = None
    lacking: dict[str, str] = field(default_factory=dict)

    @property
    def recogniser(self) -> Recogniser:
        """Whisper base."""
        return self.components.recogniser()

    @cached_property
    def read(self) -> Read:
        """Reads English speech back."""
        return reader(self.recogniser)

    def english(self, count: int | None) -> list[Clip]:
        """So many held-out prompts, and as many recordings of unseen speakers."""
        held_out = corpora.prompts(self.prompts, "en") if self.prompts is not None else []
        return [*corpora.evenly(held_out, count), *corpora.evenly(corpora.unseen(), count)]

    def foreign(self, count: int | None) -> list[Clip]:
        """So many held-out prompts of each other language that have an English translation."""
        found: list[Clip] = []
        for language in ("es", "fr") if self.prompts is not None else ():
            assert self.prompts is not None
            clips = [clip for clip in corpora.prompts(self.prompts, language) if clip.english]
            found += corpora.evenly(clips, count)
        return found

    def tell(self, done: int, total: int, what: str) -> None:
        """Reports what runs now."""
        if self.report is not None:
            self.report(done, total, what)

    def has(self, part: str, adapters: Sequence[str]) -> bool:
        """Whether trained weights are there; where they are not, it is noted that the part is lacking."""
        try:
            cards.require(adapters)
        except TriptychError as error:
            self.lacking[part] = untrained(adapters) or f"{error.message} {error.hint}"
            return False
        return True


def untrained(adapters: Iterable[str]) -> str:
    """A sentence on which of these have no trained weights; empty where all are there."""
    missing = []
    for adapter in adapters:
        try:
            cards.read(adapter)
        except AdapterMissing:
            missing.append(f"`{adapter}`")
        except TriptychError:
            continue
    return f"Not trained yet: {', '.join(missing)}." if missing else ""
