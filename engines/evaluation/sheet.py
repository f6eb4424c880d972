"""A report as data: headings, sentences, tables and pictures, which are then written as Markdown, LaTeX or HTML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from engines.evaluation.report import table


@dataclass(frozen=True)
class Heading:
    """Begins a part.

    Attributes:
        text: plain.
        level: 1 is the title of the whole.
    """

    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """Sentences; words between backticks are ids, between double asterisks they are bold.

    Attributes:
        text: the sentences.
        tone: ``finding`` is computed from measurements, ``lacking`` says what was not measured, ``note`` is aside.
    """

    text: str
    tone: Literal["plain", "finding", "lacking", "note"] = "plain"


@dataclass(frozen=True)
class Listing:
    """Sentences that stand side by side."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Rows under a head.

    Attributes:
        head: one cell per column.
        rows: likewise; the first cell names the row.
        caption: what it shows.
        published: whether these are numbers of others, which must look apart.
        literal: whether marks in cells are what somebody wrote, and mean nothing.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    published: bool = False
    literal: bool = False


@dataclass(frozen=True)
class Words:
    """What somebody said or wrote, as it is: marks in it mean nothing.

    Attributes:
        parts: pieces of it with what they are; ``lacking`` are words of another text that are not in this one.
        title: what it is.
    """

    parts: tuple[tuple[str, Literal["same", "other", "lacking"]], ...]
    title: str = ""


@dataclass(frozen=True)
class Sound:
    """Something to listen to, in a page alone.

    Attributes:
        data: of the file.
        kind: its MIME type, for example ``"audio/flac"``.
        caption: what it is.
    """

    data: bytes
    kind: str
    caption: str


@dataclass(frozen=True)
class Figure:
    """A picture.

    Attributes:
        name: of its file, without ending.
        svg: the picture, whose inks are classes that a page may set.
        caption: what it shows, in words that do without it.
    """

    name: str
    svg: str
    caption: str


Block: TypeAlias = Heading | Paragraph | Listing | Table | Words | Sound | Figure


def of(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "", *, published: bool = False) -> Table:
    """A table of any sequences."""
    return Table(tuple(head), tuple(tuple(row) for row in rows), caption, published)


def markdown(blocks: Iterable[Block], pictures: str = "") -> str:
    """Markdown.

    Args:
        blocks: of the report.
        pictures: put before the names of pictures, which end in ``.svg``.
    """
    lines: list[str] = []
    for block in blocks:
        match block:
            case Heading(text, level):
                lines += [f"{'#' * level} {text}", ""]
            case Paragraph(text, tone):
                lines += [f"> {text}" if tone in {"finding", "lacking"} else text, ""]
            case Listing(items):
                lines += [*(f"- {item}" for item in items), ""]
            case Table(head, rows, caption, published):
                title = f"Published by others. {caption}" if published else caption
                lines += [f"*{title}*", ""] if title else []
                lines += table([_cell(cell) for cell in head], [[_cell(cell) for cell in row] for row in rows])
            case Words(parts, title):
                said = "".join(text for text, kind in parts if kind != "lacking")
                lines += [f"{title}: {said}" if title else said, ""]
            case Figure(name, _, caption):
                lines += [f"![{caption}]({pictures}{name}.svg)", "", caption, ""]
    return "\n".join(lines).rstrip() + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


_SPECIAL: Final = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--", "→": r"$\rightarrow$", "≤": r"$\le$",
    "≥": r"$\ge$", "×": r"$\times$", "−": "$-$", "·": r"$\cdot$", "±": r"$\pm$", "λ": r"$\lambda$", "‡": r"\ddag{}",
    "†": r"\dag{}", "∞": r"$\infty$", ">": r"$>$", "<": r"$<$", "…": r"\dots{}",
}  # fmt: skip
_MARKED: Final = re.compile(r"`([^`]*)`|\*\*([^*]+)\*\*")


def latex(blocks: Iterable[Block]) -> str:
    r"""The tables alone, as ``booktabs`` floats to ``\input`` into a paper; every one has its caption."""
    made = ["% Needs \\usepackage{booktabs}. Figures are in the SVG files beside this one."]
    under = ""
    for block in blocks:
        if isinstance(block, Heading):
            under = block.text
        elif isinstance(block, Table):
            others = "Published by others" if block.published else ""
            told = ". ".join(part for part in (under, others, block.caption) if part)
            made += [
                "", r"\begin{table}", r"\centering\small", rf"\caption{{{escaped(told)}}}",
                rf"\begin{{tabular}}{{l{'r' * (len(block.head) - 1)}}}", r"\toprule",
                f"{' & '.join(map(escaped, block.head))} \\\\", r"\midrule",
                *(f"{' & '.join(map(escaped, row))} \\\\" for row in block.rows),
                r"\bottomrule", r"\end{tabular}", r"\end{table}",
            ]  # fmt: skip
    return "\n".join([*made, ""])


def escaped(text: str) -> str:
    """Text for LaTeX, with ids in typewriter and what is bold bold."""
    parts, last = [], 0
    for found in _MARKED.finditer(text):
        parts.append(_plain(text[last : found.start()]))
        code, bold = found.groups()
        parts.append(rf"\texttt{{{_plain(code)}}}" if code is not None else rf"\textbf{{{_plain(bold)}}}")
        last = found.end()
    return "".join([*parts, _plain(text[last:])])


def _plain(text: str) -> str:
    return "".join(_SPECIAL.get(char, char) for char in text)
