"""Reads the Markdown that other reports of the program write, so that their tables stand on a page as they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from engines.evaluation.sheet import Block, Figure, Heading, Listing, Paragraph, Table

_PICTURE: Final = re.compile(r"!\[(.*)\]\((.*)\.svg\)")
_LINK: Final = re.compile(r"\[([^\]]+)\]\([^)]*\)")
_RULE: Final = re.compile(r"\|[-:| ]+\|")


def read(lines: Iterable[str], *, deeper: int = 0, pictures: Mapping[str, str] | None = None) -> list[Block]:
    """Blocks of the subset of Markdown that the reports use.

    Args:
        lines: of the report; one may hold several.
        deeper: levels that headings go down.
        pictures: name without ending → SVG; pictures that are not among them are left out.

    Returns:
        the blocks; of links the words alone, for a page that links nowhere.
    """
    blocks: list[Block] = []
    kind, held = "", list[str]()

    def settle() -> None:
        if held:
            blocks.append(_block(kind, held))
            held.clear()

    for line in "\n".join(lines).splitlines():
        found = _kind(line)
        if found != kind or found == "heading":
            settle()
        kind = found
        if found == "heading":
            level = len(line) - len(line.lstrip("#"))
            blocks.append(Heading(_plain(line.lstrip("# ")), _level(level + deeper)))
        elif found == "picture":
            match = _PICTURE.search(line)
            assert match is not None
            if match[2] in (pictures or {}):
                blocks.append(Figure(match[2], (pictures or {})[match[2]], match[1]))
        elif found == "item" and not line.startswith("- "):
            held[-1] += " " + line.strip()
        elif found:
            held.append(line)
    settle()
    return blocks


def _kind(line: str) -> str:
    if not line.strip():
        return ""
    if line.startswith("#"):
        return "heading"
    if line.startswith("|"):
        return "table"
    if line.startswith(("- ", "  ")):
        return "item"
    return "picture" if _PICTURE.search(line) else "text"


def _level(level: int) -> int:
    return min(3, max(1, level))


def _block(kind: str, held: list[str]) -> Block:
    if kind == "table":
        rows = [tuple(_plain(cell.strip()) for cell in _cells(line)) for line in held if not _RULE.fullmatch(line)]
        return Table(rows[0], tuple(rows[1:]))
    if kind == "item":
        return Listing(tuple(_plain(line.removeprefix("- ")) for line in held))
    return Paragraph(_plain(" ".join(line.strip().lstrip("> ") for line in held)))


def _cells(line: str) -> list[str]:
    return [cell.replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]


def _plain(text: str) -> str:
    return _LINK.sub(r"\1", text)
