"""Plain sentences on speech as tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.views.codebooks import uses
from app.widgets.numbers import seconds as duration
from app.widgets.numbers import share
from engines.contract import FrameClock, TokenStream, UnitPhones


def on_tokens(parts: Sequence[TokenStream]) -> str:
    """How many tokens the speech became, and what they cost."""
    frames = sum(part.ids.shape[1] for part in parts)
    if not frames:
        return "There are no tokens: there was no speech."
    seconds = sum(part.ids.shape[1] * part.frame_seconds for part in parts)
    bits = sum(part.bits_per_second * part.ids.shape[1] * part.frame_seconds for part in parts) / seconds
    books, rate = max(len(part.sizes) for part in parts), 1 / parts[0].frame_seconds
    lost = sum(int((part.ids[0] < 0).sum()) for part in parts)
    end = f" {lost} frames were lost." if lost else ""
    said = "The speech became" if parts[0].direction == "in" else "The model wrote"
    if books > 1:
        return (
            f"{said} {books} codebooks × {frames} frames of tokens, {rate:g} frames per second: {bits:.0f} bits per "
            f"second. The first book carries most, each further one what is still missing.{end}"
        )
    joined = [part for part in parts if part.durations is not None]
    distinct = len({int(token) for part in parts for token in np.unique(part.ids[0]) if token >= 0})
    if joined:
        count = sum(part.durations.size for part in joined if part.durations is not None)
        return (
            f"{said} {count} units, {count / seconds:.1f} per second, after {frames} frames with equal neighbours were "
            f"joined: {distinct} different ones of {parts[0].sizes[0]}, {bits:.0f} bits per second.{end}"
        )
    return (
        f"{said} {frames} units, {rate:g} per second: {distinct} different ones of {parts[0].sizes[0]}, {bits:.0f} "
        f"bits per second.{end}"
    )


def on_codebooks(parts: Sequence[TokenStream]) -> str:
    """How evenly the tokens are used."""
    found = [use for use in uses(parts) if use.total]
    if not found:
        return "There are no tokens: there was no speech."
    first = found[0]
    last = next(use for use in reversed(found) if use.name == first.name)
    dead = first.counts.size - first.used
    told = (
        f"{first.used} of {first.counts.size} tokens occur in this speech, as if {2**first.entropy:.0f} were used "
        f"evenly; {dead} do not occur. So short a speech cannot use all: {first.total} frames could hold at most "
        f"{min(first.total, first.counts.size)}."
    )
    if last is first:
        return told
    bits = f"{last.entropy:.1f} bits, the first {first.entropy:.1f}"
    return f"First book: {told} The last book has {last.used} tokens and {bits}."


def on_phones(found: Sequence[UnitPhones]) -> str:
    """How surely the units stand for phones."""
    best = np.concatenate([one.shares.max(1, initial=0.0) for one in found]) if found else np.zeros(0)
    known = best[best > 0]
    if not known.size:
        return "None of these units was ever heard where phones are known."
    sure = float((known >= 0.5).mean())
    return (
        f"{share(sure)} of these units stand for one phone more often than for all others together; on average a "
        f"unit’s likeliest phone has {share(float(known.mean()))}. {found[0].origin}"
    )


def on_pace(parts: Sequence[FrameClock]) -> str:
    """Whether a streaming loop kept real time."""
    took = np.concatenate([part.seconds for part in parts]) if parts else np.zeros(0)
    if not took.size:
        return "No frame was computed."
    may = np.concatenate([np.full(part.seconds.size, part.frame_seconds) for part in parts])
    slow, late = int((took > may).sum()), sum(part.late for part in parts)
    told = (
        f"Each frame stands for {duration(float(may[0]))}; computing took {duration(float(np.median(took)))} in the "
        f"middle and {duration(float(np.percentile(took, 95)))} at the 95th percentile."
    )
    if not slow and not late:
        return f"{told} Every frame was done within its time."
    return f"{told} {slow} of {took.size} frames took longer than they may, and {late} were finished too late."
