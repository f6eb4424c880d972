"""What is left of speech that went through a codec, or through units: measured clip by clip, each once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Final

from engines.errors import TriptychError
from engines.evaluation import codec_table, codecs, kept, resynthesis
from engines.evaluation.codebooks import BookUse
from engines.evaluation.codec_table import Line
from engines.evaluation.codecs import Coder, System
from engines.evaluation.corpora import Clip
from engines.evaluation.dnsmos import WEIGHTS, Dnsmos, Opinion
from engines.evaluation.metrics import Errors, word_errors
from engines.evaluation.readback import READER
from engines.evaluation.summary import Rate, rate_of
from engines.evaluation.token_bench import Bench
from engines.models.codec import ID, Codec
from engines.models.stage_two import ID as STAGE_TWO
from engines.tokens.codebook import FILE
from engines.tokens.semantic import ADAPTER, SemanticTokeniser
from engines.weights import cards

COUNTS: Final = (1, 2, 4, 6, 8)
"""Numbers of codebooks that are measured."""
LINE, BOOKS, RESYNTHESIS = "codec", "codebooks", "resynthesis"


@dataclass(frozen=True)
class CodecTable:
    """What was measured of codecs.

    Attributes:
        lines: one per codec and number of codebooks or bit rate.
        books: how our codec's codebooks are used; none where it is not there.
        notes: what is to be known.
        own: name of our codec; empty where it was not measured.
    """

    lines: tuple[Line, ...]
    books: tuple[BookUse, ...]
    notes: tuple[str, ...]
    own: str = ""

    def whole(self) -> Line | None:
        """Our codec at its full rate."""
        return max((line for line in self.lines if line.name == self.own), key=lambda line: line.books, default=None)


def measure_codecs(bench: Bench, open_codec: Callable[[], Coder] = Codec.open) -> None:
    """Sends clips through our codec, where it is there, and through what there is to compare with."""
    clips = bench.english(bench.sizes.coded)
    coder = None
    if bench.has(LINE, [ID]):
        try:
            coder = open_codec()
        except TriptychError as error:
            bench.lacking[LINE] = f"{error.message} {error.hint}"
    todo = [
        (system, clip, key)
        for system in codecs.systems(coder, COUNTS)
        for clip in clips
        if bench.kept.get(*(key := (LINE, _version(system.books), system.id, clip.corpus, clip.id))) is None
    ]
    if todo:
        dnsmos = Dnsmos.open(bench.components.store.path(WEIGHTS))
    for done, (system, clip, key) in enumerate(todo):
        bench.tell(done, len(todo), f"{system.id}, {clip.id}")
        bench.kept.add(*key, found=_row(system, clip, bench, dnsmos))
    if coder is not None and bench.kept.get(*_books_key(clips)) is None:
        used = codecs.codebook_use(coder, clips)
        bench.kept.add(*_books_key(clips), found={"name": coder.name, "books": [asdict(book) for book in used]})


def _row(system: System, clip: Clip, bench: Bench, dnsmos: Dnsmos) -> dict[str, Any]:
    return asdict(codecs.measure(system, [clip], bench.recogniser, dnsmos))


def codec_lines(bench: Bench) -> CodecTable | None:
    """What was measured of the codec as it is now and of others, on all clips; None where nothing was."""
    clips = bench.english(bench.sizes.coded)
    found: dict[tuple[str, str], dict[tuple[str, str], Line]] = {}
    for (version, name, corpus, clip), row in bench.kept.rows(LINE):
        if version == _version(int(row["books"])):
            found.setdefault((name, version), {})[corpus, clip] = _line(row)
    wanted = [(clip.corpus, clip.id) for clip in clips]
    whole = [lines for lines in found.values() if wanted and all(key in lines for key in wanted)]
    if not whole:
        return None
    lines = [codec_table.together([lines[key] for key in wanted]) for lines in whole]
    saved = bench.kept.get(*_books_key(clips))
    books = tuple(BookUse(**row) for row in saved["books"]) if saved is not None else ()
    notes = codec_table.notes(lines, books, clips)
    own = next((line.name for line in lines if line.books), "")
    return CodecTable(tuple(lines), books, tuple(notes), own)


def _version(books: int) -> str:
    """Of our codec, which is the only one that has codebooks here, and of what reads back."""
    return kept.version([ID] if books else [], READER)


def _books_key(clips: Sequence[Clip]) -> tuple[str, ...]:
    names = "\n".join(f"{clip.corpus} {clip.id}" for clip in clips)
    return BOOKS, kept.version([ID]), hashlib.sha256(names.encode()).hexdigest()[:16]


def _line(row: Mapping[str, Any]) -> Line:
    return Line(**{**row, "errors": Errors(**row["errors"]), "opinion": Opinion(**row["opinion"])})


# --- through units ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Resynthesised:
    """What is left of speech that went through units.

    Attributes:
        rates: way → word errors of what is read back, the original first.
        first: median of the seconds until the first sound.
        work: seconds of work per second of speech made.
        failed: clips that could not be spoken.
    """

    rates: Mapping[str, Rate]
    first: float
    work: float
    failed: int


THROUGH: Final[Mapping[str, tuple[str, ...]]] = {
    "vocoder": (ADAPTER, "vocoder"),
    "stage-two": (ADAPTER, ID, "token-semantic", STAGE_TWO),
}
"""What speaks units → trained weights that it needs."""


def measure_resynthesis(bench: Bench) -> None:
    """Speaks clips anew from their units, by everything that can; what is lacking is noted."""
    for through in THROUGH:
        _measure_through(bench, through)


def _measure_through(bench: Bench, through: str) -> None:
    clips = bench.english(bench.sizes.resynthesised)
    version = kept.version(THROUGH[through], READER)
    todo = [clip for clip in clips if bench.kept.get(RESYNTHESIS, through, version, clip.corpus, clip.id) is None]
    if not todo or not bench.has(f"{RESYNTHESIS} {through}", THROUGH[through]):
        return
    try:
        tokeniser, speakers = _opened(through)
    except TriptychError as error:
        bench.lacking[f"{RESYNTHESIS} {through}"] = f"{error.message} {error.hint}"
        return
    for done, clip in enumerate(todo):
        bench.tell(done, len(todo), f"units through the {through}, {clip.id}")
        made = resynthesis.measure([(clip, clip.read())], bench.recogniser, tokeniser, speakers)
        bench.kept.add(RESYNTHESIS, through, version, clip.corpus, clip.id, found=asdict(made))


def _opened(through: str) -> tuple[SemanticTokeniser, Mapping[str, resynthesis.Speak]]:
    tokeniser = SemanticTokeniser.open()
    codebook = cards.file_digest(cards.locate(ADAPTER) / FILE)
    return tokeniser, resynthesis.opened(through, tokeniser.size, codebook)


def resynthesised(bench: Bench, through: str) -> Resynthesised | None:
    """What was measured of all clips with the weights as they are now; None where some are missing."""
    clips = bench.english(bench.sizes.resynthesised)
    version = kept.version(THROUGH[through], READER)
    rows = [bench.kept.get(RESYNTHESIS, through, version, clip.corpus, clip.id) for clip in clips]
    found = [row for row in rows if row is not None]
    if not found or len(found) < len(rows):
        return None
    heard = [(clip, row["texts"][0]) for clip, row in zip(clips, found, strict=True) if row["texts"]]
    ways = [way for way in heard[0][1] if way not in {"id", "reference"}] if heard else []
    failed = len(found) - len(heard)
    rates = {way: rate_of([word_errors(c.text, texts[way], c.language) for c, texts in heard], failed) for way in ways}
    firsts = [value for row in found for value in row["first"]]
    spoken = sum(row["spoken"] for row in found)
    work = sum(row["work"] for row in found)
    return Resynthesised(rates, median(firsts) if firsts else 0.0, work / spoken if spoken else 0.0, failed)
