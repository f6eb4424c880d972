"""What was measured of codecs, and the tables of it, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np

from engines.evaluation.codebooks import BookUse
from engines.evaluation.corpora import Clip
from engines.evaluation.dnsmos import Opinion
from engines.evaluation.metrics import Errors
from engines.evaluation.significance import error_rate_interval

ORIGINAL: Final = "original"


@dataclass(frozen=True)
class Line:
    """What was measured of a system, over all clips.

    Attributes:
        name: of the system.
        books: codebooks; 0 where there are none.
        bits_per_second: mean over the clips by their length; 0 for the original.
        errors: word errors of what Whisper read back.
        opinion: mean opinion scores that DNSMOS estimates.
        distance: log-spectral distance to the original in dB.
        clips: how many.
        seconds: of speech.
        low: lower bound of the error rate's 95 % interval (bootstrap over clips).
        high: its upper bound.
    """

    name: str
    books: int
    bits_per_second: float
    errors: Errors
    opinion: Opinion
    distance: float
    clips: int
    seconds: float
    low: float = 0.0
    high: float = 0.0


def together(lines: Sequence[Line]) -> Line:
    """What was measured of one system on several recordings, one at a time.

    Args:
        lines: at least one.
    """
    whole = sum((line.errors for line in lines), Errors())
    seconds = sum(line.seconds for line in lines)
    low, high = error_rate_interval([line.errors for line in lines]) if whole.length else (0.0, 0.0)
    return Line(
        lines[0].name,
        lines[0].books,
        sum(line.bits_per_second * line.seconds for line in lines) / seconds,
        whole,
        Opinion(*np.mean([list(asdict(line.opinion).values()) for line in lines], axis=0).tolist()),
        float(np.mean([line.distance for line in lines])),
        sum(line.clips for line in lines),
        seconds,
        low,
        high,
    )


def markdown(lines: Sequence[Line], books: Sequence[BookUse], notes: Sequence[str]) -> str:
    """The tables, by falling bit rate."""
    rows = [
        "| codec | books | bit/s | WER read back, % [95 % interval] | DNSMOS overall | signal | background | LSD, dB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for line in sorted(lines, key=lambda line: (line.name != ORIGINAL, -line.bits_per_second)):
        count = str(line.books) if line.books else ""
        rate = f"{line.bits_per_second:,.0f}" if line.bits_per_second else ""
        opinion = line.opinion
        rows.append(
            f"| {line.name} | {count} | {rate} | {100 * line.errors.rate:.1f} "
            f"[{100 * line.low:.1f}–{100 * line.high:.1f}] | {opinion.overall:.2f} | {opinion.signal:.2f} | "
            f"{opinion.background:.2f} | {line.distance:.1f} |"
        )
    rows += ["", *used(books)] if books else []
    rows += ["", *(f"- {note}" for note in notes)]
    return "\n".join(rows)


def used(books: Sequence[BookUse]) -> list[str]:
    """How codebooks are used: a row each."""
    rows = ["| codebook | entropy, bit | of | codes that occur | that do not |", "|---|---|---|---|---|"]
    rows += [
        f"| {number} | {book.entropy:.2f} | {np.log2(book.size):.4g} | {book.used} | {book.dead} |"
        for number, book in enumerate(books, 1)
    ]
    return rows


def notes(lines: Sequence[Line], books: Sequence[BookUse], clips: Sequence[Clip]) -> list[str]:
    """What is to be known of the tables."""
    said = sum(line.errors.length for line in lines[:1])
    found = [
        f"{len(clips)} clips, {lines[0].seconds:.0f} s, {said} words: "
        + ", ".join(sorted({f"{clip.corpus} ({clip.language})" for clip in clips}))
        + ".",
        f"Read back by Whisper base, beam 5. Codebooks counted over {books[0].frames} frames: of {books[0].size} codes "
        "some are bound not to occur in so few." if books else "",
        "Bit rates are those of what was sent, without a container. LSD is the mean of four resolutions.",
    ]  # fmt: skip
    if not any(line.name == "Codec 2" for line in lines):
        found.append("Codec 2 is not installed here (Debian: codec2), so it is absent.")
    found.append("LPCNet has no program in Debian and is absent; at its 1.6 kbit/s stand three to four codebooks.")
    return [note for note in found if note]
