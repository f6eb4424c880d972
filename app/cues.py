"""Subtitles of what an engine wrote, at the times of the stretches of speech that it worked on. No Qt."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.comparison import EngineRun
from engines.contract import Correction, NBest, Segments, TokenScores

_WIDTH: Final = 42
"""Letters of a line, as is usual for subtitles."""


@dataclass(frozen=True)
class Cue:
    """One subtitle.

    Attributes:
        start: in seconds.
        end: in seconds, after ``start``.
        text: one paragraph.
    """

    start: float
    end: float
    text: str


def cues(run: EngineRun, seconds: float) -> tuple[Cue, ...]:
    """The text that a card shows large, by the stretches of speech.

    Where the engine did not tell what it wrote for which stretch, it is one subtitle from the first sound to the last;
    no time is guessed.

    Args:
        run: one that wrote something; none gives no subtitle.
        seconds: length of the speech.
    """
    text = " ".join(run.main_text.split())
    if not text:
        return ()
    places = run.stretches
    for pieces in _candidates(run):
        if _same(" ".join(pieces.values()), text) and set(pieces) <= set(places):
            return _in_order([Cue(*places[number], piece) for number, piece in sorted(pieces.items()) if piece])
    spans = next((found.spans for found in reversed(run.evidence) if isinstance(found, Segments) and found.spans), ())
    start, end = (spans[0][0], spans[-1][1]) if spans else (0.0, seconds)
    return (Cue(start, max(end, start + 0.1), text),)


def _candidates(run: EngineRun) -> Sequence[dict[int, str]]:
    """What was written for each stretch, by every kind of evidence that tells it."""
    lists = run.found(NBest)
    by_list = {
        content: {one.segment: one.hypotheses[one.chosen].text for one in lists if one.content == content and _has(one)}
        for content in ("translation", "transcript")
    }
    corrected = by_list["transcript"] | {one.segment: " ".join(one.words) for one in run.found(Correction)}
    scored = {one.segment: "".join(one.tokens) for one in run.found(TokenScores)}
    found = (corrected, *by_list.values(), scored)
    return [{number: " ".join(piece.split()) for number, piece in pieces.items()} for pieces in found]


def _has(one: NBest) -> bool:
    return 0 <= one.chosen < len(one.hypotheses)


def _same(one: str, other: str) -> bool:
    """Whether two texts have the same letters."""
    return "".join(one.split()) == "".join(other.split())


def _in_order(found: list[Cue]) -> tuple[Cue, ...]:
    """Ends no subtitle after the next one begins, and gives every one some time."""
    made = []
    for cue, after in zip(found, [*found[1:], None], strict=True):
        end = cue.end if after is None else min(cue.end, after.start)
        made.append(Cue(cue.start, max(end, cue.start + 0.1), cue.text))
    return tuple(made)


def srt(found: Sequence[Cue]) -> str:
    """SubRip."""
    return "\n".join(
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{_lines(cue.text)}\n"
        for number, cue in enumerate(found, 1)
    )


def vtt(found: Sequence[Cue]) -> str:
    """WebVTT (https://www.w3.org/TR/webvtt1/)."""
    blocks = ["WEBVTT\n"]
    for cue in found:
        text = _lines(cue.text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        blocks.append(f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{text}\n")
    return "\n".join(blocks)


def _clock(seconds: float, between: str) -> str:
    thousandths = max(0, round(seconds * 1000))
    minutes, rest = divmod(thousandths, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}{between}{rest % 1000:03d}"


def _lines(text: str) -> str:
    return "\n".join(textwrap.wrap(text.replace("-->", "→"), _WIDTH, break_on_hyphens=False)) or text
