"""The second challenge: how near to text the speech is that a language model reads.

Of latent engines every vector has its nearest text tokens (arXiv 2510.02569); a word of the reference counts as read
off if it is one of the five nearest tokens of any vector, or stands in the nearest tokens written one behind the other.
Of text engines it counts if a hypothesis holds it. The same words are looked for in what another recording gave: so
many are found by chance.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from engines.catalog import Catalogue
from engines.contract import (
    EvidenceFound,
    Failed,
    Finished,
    NBest,
    Neighbours,
    Paradigm,
    Request,
    Stamped,
    Utterance,
)
from engines.evaluation import protocol
from engines.evaluation.corpora import Clip
from engines.evaluation.following import follow, require_present
from engines.evaluation.kept import Kept
from engines.evaluation.normalisation import bare, normalise, units
from engines.host import Host

_PART: Final = "speech-text"


@dataclass(frozen=True)
class Aligned:
    """What an engine's input says of the words that were said.

    Attributes:
        engine: its id.
        paradigm: its paradigm.
        found: words of the references that can be read off.
        words: of the references.
        by_chance: share of them that is found in what another recording gave.
        similarity: mean cosine of vectors and their nearest tokens; None for engines whose input is words.
        low: lower bound of the share's 95 % interval (bootstrap over recordings).
        high: its upper bound.
    """

    engine: str
    paradigm: Paradigm
    found: int
    words: int
    by_chance: float
    similarity: float | None
    low: float
    high: float

    @property
    def share(self) -> float:
        """Of the words, in [0, 1]."""
        return self.found / self.words


@dataclass
class _Readable:
    """What can be read off one recording."""

    tokens: set[str] = field(default_factory=set)
    run: str = ""
    cosines: list[float] = field(default_factory=list)
    shown: bool = False

    def hear(self, stamped: Stamped) -> bool:
        match stamped.event:
            case EvidenceFound(Neighbours(tokens=tokens, similarities=similarities)):
                self.shown = True
                self.tokens |= {bare(token) for near in tokens for token in near}
                self.run += "".join(near[0] for near in tokens if near)
                self.cosines += [float(row[0]) for row in similarities]
            case EvidenceFound(NBest(hypotheses=hypotheses)):
                self.shown = True
                for one in hypotheses:
                    self.tokens |= set(units(normalise(one.text, "en"), "en"))
            case Failed(kind, message, hint):
                require_present(kind, message, hint)
                return True
            case Finished():
                return True
        return False


def measure(
    host: Host, engines: Sequence[str], clips: Sequence[Clip], found: Kept, *, catalogue: Catalogue,
    report: Callable[[int, int, str], None] | None = None,
) -> None:  # fmt: skip
    """Runs engines on English recordings that they were not run on before, and keeps what their input says.

    Raises:
        Unavailable: an engine lacks something.
        AdapterMissing: likewise its trained weights.
        AdapterMismatch: they do not fit.
    """
    versions = {engine: protocol.version(catalogue.describe(engine)) for engine in engines}
    todo = [
        (clip, engine)
        for clip in clips
        for engine in engines
        if found.get(_PART, engine, versions[engine], clip.id) is None
    ]
    for done, (clip, engine) in enumerate(todo):
        if report is not None:
            report(done, len(todo), f"{engine}, {clip.id}")
        samples = clip.read()
        utterance = Utterance(samples, hashlib.sha256(samples.tobytes()).hexdigest(), clip.id, language=clip.language)
        readable = _Readable()
        if follow(host, engine, Request(utterance), readable.hear):
            row = {"tokens": sorted(readable.tokens - {""}), "run": readable.run, "cosines": readable.cosines}
            found.add(_PART, engine, versions[engine], clip.id, found={**row, "shown": readable.shown})


def outcomes(engines: Sequence[str], clips: Sequence[Clip], found: Kept, *, catalogue: Catalogue) -> list[Aligned]:
    """What was measured of engines as they are now; those that show nothing of their input are left out."""
    made = []
    for engine in engines:
        description = catalogue.describe(engine)
        rows = [(clip, found.get(_PART, engine, protocol.version(description), clip.id)) for clip in clips]
        shown = [(clip, row) for clip, row in rows if row is not None and row["shown"]]
        if shown:
            made.append(_outcome(engine, description.paradigm, shown))
    return made


def _outcome(engine: str, paradigm: Paradigm, shown: Sequence[tuple[Clip, Mapping[str, object]]]) -> Aligned:
    references = [units(normalise(clip.text, "en"), "en") for clip, _ in shown]
    right = np.array([_held(words, row) for words, (_, row) in zip(references, shown, strict=True)])
    lengths = np.array([len(words) for words in references])
    others = [*(row for _, row in shown[1:]), shown[0][1]]
    chance = sum(_held(words, row) for words, row in zip(references, others, strict=True)) if len(shown) > 1 else 0
    cosines = [value for _, row in shown for value in _numbers(row["cosines"])]
    times = np.random.default_rng(0).multinomial(len(shown), np.full(len(shown), 1 / len(shown)), size=2000)
    low, high = np.quantile((times @ right) / np.maximum(times @ lengths, 1), [0.025, 0.975])
    return Aligned(
        engine, paradigm, int(right.sum()), int(lengths.sum()), chance / int(lengths.sum()),
        sum(cosines) / len(cosines) if cosines else None, float(low), float(high),
    )  # fmt: skip


def _held(words: Sequence[str], row: Mapping[str, object]) -> int:
    tokens = row["tokens"]
    known = set(tokens) if isinstance(tokens, list) else set()
    run = f" {normalise(str(row['run']), 'en')} "
    return sum(word in known or f" {word} " in run for word in words)


def _numbers(value: object) -> list[float]:
    return [float(one) for one in value] if isinstance(value, list) else []
