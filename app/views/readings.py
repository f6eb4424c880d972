"""Plain sentences on what a language model was given in place of words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.language import tr
from app.views.labels import readable
from app.widgets.numbers import share
from engines.contract import Attention, Neighbours, Posteriors

_LONG = 14
"""Tokens that are quoted at most."""


def on_frames(parts: Sequence[Posteriors]) -> str:
    """How many frames reach the language model, and as how many vectors."""
    frames = sum(part.vectors.shape[0] for part in parts)
    kept = sum(int((part.vectors >= 0).sum()) for part in parts)
    vectors = sum(int(np.unique(part.vectors[part.vectors >= 0]).size) for part in parts)
    if not frames:
        return tr("There are no frames: there was no speech.")
    what = tr("as {vectors} vectors").format(vectors=vectors) if vectors != 1 else tr("as one vector")
    if kept == frames:
        return tr(
            "All {frames} frames reach the language model, {what}; none is dropped, whatever it was taken for."
        ).format(frames=frames, what=what)
    dropped = frames - kept
    return tr(
        "Of {frames} frames {kept} reach the language model, {what}; {dropped} "
        "({dropped2}) are dropped: most likely nothing new was said in them (the "
        "blank)."
    ).format(frames=frames, kept=kept, what=what, dropped=dropped, dropped2=share(dropped / frames))


def on_queries(parts: Sequence[Attention]) -> str:
    """What the queries of a Q-Former did."""
    rows = sum(part.weights.shape[0] for part in parts)
    wide = [_width(part) for part in parts if part.weights.size]
    spread = (
        float(np.average(wide, weights=[part.weights.shape[0] for part in parts if part.weights.size])) if wide else 0
    )
    return tr(
        "{rows} queries looked for what the language model should get: the stronger "
        "the colour, the more a query took from there. Half of a query’s attention "
        "lies within {spread:.0f} ms."
    ).format(rows=rows, spread=spread * 1000)


def on_attention(parts: Sequence[Attention]) -> str:
    """How much the written tokens looked at the speech, and which most."""
    sums = [(float(row.sum()), label) for part in parts for row, label in zip(part.weights, part.labels, strict=True)]
    worded = [(total, label) for total, label in sums if any(c.isalnum() for c in label)]
    if not worded:
        return tr("No words were written, so nothing was looked at.")
    mean = sum(total for total, _ in worded) / len(worded)
    told = tr("Each row is a token that was written: the stronger the colour, the more it looked there.")
    if mean > 0.995:
        return told
    most, token = max(worded)
    least, other = min(worded)
    told += tr(" On average {mean} of the attention went to speech, the rest to the text around it").format(
        mean=share(mean)
    )
    if len(worded) < 3:
        return f"{told}."
    return tr("{told}; most for “{readable}” ({most}), least for “{readable2}” ({least}).").format(
        told=told, readable=readable(token), most=share(most), readable2=readable(other), least=share(least)
    )


def on_neighbours(parts: Sequence[Neighbours]) -> str:
    """What the nearest tokens say when they are read in order, and how near they are."""
    nearest = [tokens[0] for part in parts for tokens in part.tokens if tokens]
    values = [float(row[0]) for part in parts for row in part.similarities if row.size]
    if not nearest:
        return tr("There are no vectors: there was no speech.")
    read: list[str] = []
    for token in map(readable, nearest):
        if not read or read[-1] != token:
            read.append(token)
    quoted = " ".join(read[:_LONG]) + (" …" if len(read) > _LONG else "")
    mean = sum(values) / len(values)
    return tr(
        "Read in order, the text tokens nearest to the {nearest} vectors say "
        "“{quoted}”. Their cosine is {mean:.2f} on average (1 would be the token "
        "itself)."
    ).format(nearest=len(nearest), quoted=quoted, mean=mean)


def _width(part: Attention) -> float:
    """Seconds that the strongest half of a row's weights covers, on average over the rows."""
    ordered = -np.sort(-part.weights, axis=1)
    sums = np.cumsum(ordered, axis=1)
    needed = (sums < 0.5 * sums[:, -1:]).sum(axis=1) + 1
    return float(needed.mean()) * part.frame_seconds
