"""The tables of the study of units, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

BEGIN: Final = "<!-- measured: begin -->"
END: Final = "<!-- measured: end -->"


@dataclass(frozen=True)
class Row:
    """One candidate and how it did; see :class:`engines.evaluation.unit_quality.Quality`.

    Attributes:
        part: ``sizes`` or ``layers``: rows of different parts saw different speech.
        source: ``trunk`` or ``encoder``.
        layer: of the encoder; 0 what it gives in the end.
        rate: units per second.
        size: of the codebook.
        minutes: of speech that was clustered.
        wer: word errors per word where the trunk reads the units' means; None where it cannot.
    """

    part: str
    source: str
    layer: int
    rate: int
    size: int
    minutes: float
    frames: int
    phone_purity: float
    cluster_purity: float
    pnmi: float
    chance: float
    entropy: float
    used: float
    joined_rate: float
    bits_per_second: float
    joined_bits_per_second: float
    wer: float | None = None


def markdown(rows: Sequence[Row], unquantised: float | None = None) -> str:
    """The tables: layers first, then sources, sizes and rates.

    Args:
        rows: in any order.
        unquantised: word errors per word of the reader without units.
    """
    parts = []
    for part, title in (("layers", "Layers"), ("sizes", "Sources, sizes and rates")):
        found = [row for row in rows if row.part == part]
        if not found:
            continue
        speech = (
            f"{found[0].minutes:.1f} minutes were clustered; judged on {_span([row.frames for row in found])} frames."
        )
        if unquantised is not None and any(row.wer is not None for row in found):
            speech += f" Without units the same reader gets {100 * unquantised:.1f} % of the words wrong."
        parts.append(f"### {title}\n\n{speech}\n\n{_table(found)}")
    return "\n\n".join(parts) + "\n"


def _table(rows: Sequence[Row]) -> str:
    head = (
        "states", "rate", "units", "phone purity", "cluster purity", "PNMI", "PNMI by chance", "used",
        "entropy", "bits/s", "runs/s", "bits/s of runs", "WER",
    )  # fmt: skip
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" + "---:|" * (len(head) - 1)]
    for row in sorted(rows, key=lambda row: (row.source != "encoder", row.layer or 99, -row.rate, row.size)):
        cells = (
            _name(row), f"{row.rate} Hz", str(row.size), f"{row.phone_purity:.3f}", f"{row.cluster_purity:.3f}",
            f"{row.pnmi:.3f}", f"{row.chance:.3f}", f"{100 * row.used:.0f} %", f"{row.entropy:.2f} bits",
            f"{row.bits_per_second:.0f}", f"{row.joined_rate:.1f}", f"{row.joined_bits_per_second:.0f}",
            "–" if row.wer is None else f"{100 * row.wer:.1f} %",
        )  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _name(row: Row) -> str:
    if row.source == "trunk":
        return "trunk"
    return f"encoder, layer {row.layer}" if row.layer else "encoder, output"


def _span(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def write_between(file: Path, text: str) -> None:
    """Puts text between the marks of a file, in place of what is there.

    Raises:
        ValueError: the file has no such marks.
    """
    whole = file.read_text(encoding="utf-8")
    if whole.count(BEGIN) != 1 or whole.count(END) != 1 or whole.index(BEGIN) > whole.index(END):
        raise ValueError(f"{file.name} has no place between {BEGIN} and {END}")
    before, rest = whole.split(BEGIN)
    file.write_text(f"{before}{BEGIN}\n\n{text.strip()}\n\n{END}{rest.split(END)[1]}", encoding="utf-8")
