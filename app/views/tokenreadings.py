"""Plain sentences on speech as tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.views.codebooks import uses
from app.views.duplexframes import DuplexFrames
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


def on_duplex(frames: DuplexFrames, clocks: Sequence[FrameClock]) -> str:
    """Whether a streaming loop kept real time, and what it did not hear."""
    if not frames.took.size:
        return "No frame was computed."
    may, count = float(frames.may[0]), frames.took.size
    slow, late = int((frames.took > frames.may).sum()), sum(one.late for one in clocks)
    dropped = sum(kind == "dropped" for kind in frames.kinds)
    lost = sum(kind == "lost" for kind in frames.kinds)
    kept = "kept" if frames.p95 < may and not dropped else "did not keep"
    sentence = (
        f"The loop {kept} real time: each frame stands for {duration(may)}; computing took "
        f"{duration(float(np.median(frames.took)))} in the middle and {duration(frames.p95)} at the 95th percentile, "
        f"{frames.took.sum() / frames.may.sum():.2f} s for each second of sound."
    )
    told = [sentence]
    if not slow and not late:
        told.append("Every frame was done within its time.")
    else:
        behind = max(one.behind for one in clocks)
        worst = f", at worst {duration(behind - may)}" if late and behind > may else ""
        told.append(f"{slow} of {count} frames took longer than they may, and {late} were finished too late{worst}.")
    if lost:
        told.append(f"{_frames(lost, may)} lost on the way and not heard (hatched).")
    if dropped:
        told.append(f"{_frames(dropped, may)} dropped since too many waited (crossed out).")
    return " ".join(told)


def _frames(count: int, each: float) -> str:
    was = "1 frame" if count == 1 else f"{count} frames"
    return f"{was} ({duration(count * each)}) {'was' if count == 1 else 'were'}"
