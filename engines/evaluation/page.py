"""A report as one page of HTML that needs nothing else: its style and its pictures are inside, and it links nowhere."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable, Sequence
from typing import Final

from engines.evaluation.plots import style
from engines.evaluation.sheet import Block, Figure, Heading, Listing, Paragraph, Sound, Table, Words

_STYLE: Final = """\
:root { color-scheme: light dark; --paper: #ffffff; --text: #212529; --soft: #5c636a; --line: #dee2e6; --wash: #f4f6f8;
  --mark: #0b7285; --other: #fff4e6; --other-line: #b3590a; }
@media (prefers-color-scheme: dark) { :root { --paper: #16191d; --text: #e9ecef; --soft: #adb5bd; --line: #343a40;
  --wash: #1f2429; --mark: #66d9e8; --other: #2b2418; --other-line: #e8a04c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 62rem; background: var(--paper); color: var(--text);
  font: 16px/1.55 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .5rem; } h2 { font-size: 1.3rem; margin: 2.5rem 0 .5rem; }
h2 { padding-top: .6rem; border-top: 1px solid var(--line); } h3 { font-size: 1.05rem; margin: 1.5rem 0 .4rem; }
p, li { max-width: 46rem; } code { font-size: .9em; }
.finding { border-left: 3px solid var(--mark); padding-left: .8rem; }
.lacking { border-left: 3px dashed var(--soft); padding-left: .8rem; color: var(--soft); } .note { color: var(--soft); }
nav ul { padding: 0; list-style: none; columns: 16rem; } nav a { color: var(--mark); text-decoration: none; }
.scroll { overflow-x: auto; margin: .8rem 0; } table { border-collapse: collapse; font-size: .875rem; }
caption { text-align: left; color: var(--soft); padding-bottom: .3rem; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top;
  font-variant-numeric: tabular-nums; }
th:first-child, td:first-child, .long { text-align: left; }
.short { white-space: nowrap; } .long { min-width: 14rem; } thead th { background: var(--wash); }
.published { background: var(--other); border-left: 3px solid var(--other-line); padding: .4rem .8rem; }
.published thead th { background: none; } .badge { color: var(--other-line); font-weight: 600; }
figure { margin: 1rem 0; } figure svg { display: block; width: 100%; max-width: 47rem; height: auto; }
figure .scroll svg { min-width: 30rem; } .said { font-size: 1.1rem; white-space: pre-line; }
.said mark { background: none; color: inherit; border-bottom: 2px solid var(--other-line); }
.said del { color: var(--soft); } audio { display: block; width: 100%; max-width: 30rem; margin: .3rem 0; }
figcaption { color: var(--soft); font-size: .875rem; max-width: 46rem; }
"""
_SHORT: Final = 28
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; media-src data:"
_MARKED: Final = re.compile(r"`([^`]*)`|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*")


def render(title: str, blocks: Sequence[Block]) -> str:
    """The page.

    Args:
        title: of the window and of the page.
        blocks: in order; headings of level 2 are listed on top.
    """
    body, listed, place = [], [], 0
    for block in blocks:
        if isinstance(block, Heading) and block.level == 2:
            place += 1
            listed.append(f'<li><a href="#part-{place}">{_marked(block.text)}</a></li>')
            body.append(f'<h2 id="part-{place}">{_marked(block.text)}</h2>')
        else:
            body.extend(_block(block))
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            f"<title>{html.escape(title)}</title>",
            f"<style>\n{_STYLE}{style()}</style></head><body>",
            f"<header><h1>{html.escape(title)}</h1></header>",
            f"<nav><ul>{''.join(listed)}</ul></nav><main>",
            *body,
            "</main></body></html>",
            "",
        ]
    )


def _block(block: Block) -> Iterable[str]:
    match block:
        case Heading(text, level):
            yield f"<h{level}>{_marked(text)}</h{level}>"
        case Paragraph(text, tone):
            yield f"<p>{_marked(text)}</p>" if tone == "plain" else f'<p class="{tone}">{_marked(text)}</p>'
        case Listing(items):
            yield f"<ul>{''.join(f'<li>{_marked(item)}</li>' for item in items)}</ul>"
        case Table():
            yield _table(block)
        case Words(parts, title):
            if title:
                yield f'<p class="note">{html.escape(title)}</p>'
            yield f'<p class="said">{"".join(_piece(text, kind) for text, kind in parts)}</p>'
        case Sound(data, kind, caption):
            source = f"data:{kind};base64,{base64.b64encode(data).decode()}"
            yield f'<figure><audio controls preload="metadata" src="{source}"></audio>'
            yield f"<figcaption>{html.escape(caption)}</figcaption></figure>"
        case Figure(name, svg, caption):
            yield f'<figure id="{html.escape(name)}"><div class="scroll">{_inline(svg)}</div>'
            yield f"<figcaption>{_marked(caption)}</figcaption></figure>"


def _table(block: Table) -> str:
    badge = '<span class="badge">Published by others.</span> ' if block.published else ""
    caption = f"<caption>{badge}{_marked(block.caption)}</caption>" if block.caption or badge else ""
    head = "".join(f'<th scope="col">{_marked(cell)}</th>' for cell in block.head)
    cell = _plain_cell if block.literal else _cell
    rows = "".join(f"<tr>{''.join(map(cell, row))}</tr>" for row in block.rows)
    kind = "scroll published" if block.published else "scroll"
    return f'<div class="{kind}"><table>{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _cell(text: str) -> str:
    """A cell; figures are not broken into lines, and sentences have room."""
    return f'<td class="{"short" if len(text) <= _SHORT else "long"}">{_marked(text)}</td>'


def _plain_cell(text: str) -> str:
    """A cell whose text is taken as it is."""
    return f'<td class="{"short" if len(text) <= _SHORT else "long"}">{html.escape(text)}</td>'


def _piece(text: str, kind: str) -> str:
    tag = {"other": "mark", "lacking": "del"}.get(kind)
    return f"<{tag}>{html.escape(text)}</{tag}>" if tag else html.escape(text)


def _inline(svg: str) -> str:
    """A picture inside the page, without the declaration that files begin with."""
    return svg[svg.index("<svg") :].strip()


def _marked(text: str) -> str:
    def mark(found: re.Match[str]) -> str:
        code, bold, stressed = found.groups()
        if code is not None:
            return f"<code>{code}</code>"
        return f"<em>{stressed}</em>" if bold is None else f"<strong>{bold}</strong>"

    return _MARKED.sub(mark, html.escape(text))
