"""The kinds of evidence, each a tab of the dock."""

from __future__ import annotations

from app.language import tr
from app.views import tokentabs

(
    WHY, FRAMES, DUPLEX, UNITS, CODEC, QUERIES, ATTENTION, NEIGHBOURS, SPOKEN, PHONES, CODEBOOKS, SCORES, TIME, TIMES,
) = range(14)  # fmt: skip
TABS = (
    (tr("Why"), tr("How this text was chosen or made")),
    (tr("Frames"), tr("What every frame of the speech was taken for, and which reach the language model")),
    tokentabs.TITLES[tokentabs.DUPLEX],
    tokentabs.TITLES[tokentabs.UNITS],
    tokentabs.TITLES[tokentabs.CODEC],
    (tr("Queries"), tr("Where every query of the adapter looked in the speech")),
    (tr("Attention"), tr("Where every written token looked in the speech")),
    (tr("Neighbours"), tr("The text tokens nearest to every vector that the speech became")),
    tokentabs.TITLES[tokentabs.SPOKEN],
    tokentabs.TITLES[tokentabs.PHONES],
    tokentabs.TITLES[tokentabs.CODEBOOKS],
    (tr("Scores"), tr("How likely every token was")),
    (tr("Time"), tr("When each stage worked, and what it took")),
    (tr("All times"), tr("Where the time of every engine went, on one scale")),
)
TOKENS = {
    DUPLEX: tokentabs.DUPLEX, UNITS: tokentabs.UNITS, CODEC: tokentabs.CODEC, SPOKEN: tokentabs.SPOKEN,
    PHONES: tokentabs.PHONES, CODEBOOKS: tokentabs.CODEBOOKS,
}  # fmt: skip
ON_TIME = {FRAMES, DUPLEX, UNITS, CODEC, QUERIES, ATTENTION, NEIGHBOURS}
