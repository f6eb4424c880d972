"""Plain sentences on speech as tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.language import tr
from app.views.codebooks import uses
from app.views.duplexframes import DuplexFrames
from app.widgets.numbers import seconds as duration
from app.widgets.numbers import share
from engines.contract import FrameClock, TokenStream, UnitPhones


def on_tokens(parts: Sequence[TokenStream]) -> str:
    """How many tokens the speech became, and what they cost."""
    frames = sum(part.ids.shape[1] for part in parts)
    if not frames:
        return tr("There are no tokens: there was no speech.")
    seconds = sum(part.ids.shape[1] * part.frame_seconds for part in parts)
    bits = sum(part.bits_per_second * part.ids.shape[1] * part.frame_seconds for part in parts) / seconds
    books, rate = max(len(part.sizes) for part in parts), 1 / parts[0].frame_seconds
    lost = sum(int((part.ids[0] < 0).sum()) for part in parts)
    end = tr(" {lost} frames were lost.").format(lost=lost) if lost else ""
    said = tr("The speech became") if parts[0].direction == "in" else tr("The model wrote")
    if books > 1:
        return tr(
            "{said} {books} codebooks × {frames} frames of tokens, {rate:g} frames per "
            "second: {bits:.0f} bits per second. The first book carries most, each further "
            "one what is still missing.{end}"
        ).format(said=said, books=books, frames=frames, rate=rate, bits=bits, end=end)
    joined = [part for part in parts if part.durations is not None]
    distinct = len({int(token) for part in parts for token in np.unique(part.ids[0]) if token >= 0})
    if joined:
        count = sum(part.durations.size for part in joined if part.durations is not None)
        return tr(
            "{said} {count} units, {count2:.1f} per second, after {frames} frames with "
            "equal neighbours were joined: {distinct} different ones of {sizes}, "
            "{bits:.0f} bits per second.{end}"
        ).format(
            said=said,
            count=count,
            count2=count / seconds,
            frames=frames,
            distinct=distinct,
            sizes=parts[0].sizes[0],
            bits=bits,
            end=end,
        )
    return tr(
        "{said} {frames} units, {rate:g} per second: {distinct} different ones of "
        "{sizes}, {bits:.0f} bits per second.{end}"
    ).format(said=said, frames=frames, rate=rate, distinct=distinct, sizes=parts[0].sizes[0], bits=bits, end=end)


def on_codebooks(parts: Sequence[TokenStream]) -> str:
    """How evenly the tokens are used."""
    found = [use for use in uses(parts) if use.total]
    if not found:
        return tr("There are no tokens: there was no speech.")
    first = found[0]
    last = next(use for use in reversed(found) if use.name == first.name)
    dead = first.counts.size - first.used
    told = tr(
        "{used} of {size} tokens occur in this speech, as if {value:.0f} were used "
        "evenly; {dead} do not occur. So short a speech cannot use all: {total} frames "
        "could hold at most {total2}."
    ).format(
        used=first.used,
        size=first.counts.size,
        value=2**first.entropy,
        dead=dead,
        total=first.total,
        total2=min(first.total, first.counts.size),
    )
    if last is first:
        return told
    bits = tr("{entropy:.1f} bits, the first {entropy2:.1f}").format(entropy=last.entropy, entropy2=first.entropy)
    return tr("First book: {told} The last book has {used} tokens and {bits}.").format(
        told=told, used=last.used, bits=bits
    )


def on_phones(found: Sequence[UnitPhones]) -> str:
    """How surely the units stand for phones."""
    best = np.concatenate([one.shares.max(1, initial=0.0) for one in found]) if found else np.zeros(0)
    known = best[best > 0]
    if not known.size:
        return tr("None of these units was ever heard where phones are known.")
    sure = float((known >= 0.5).mean())
    return tr(
        "{sure} of these units stand for one phone more often than for all others "
        "together; on average a unit’s likeliest phone has {mean}. {origin}"
    ).format(sure=share(sure), mean=share(float(known.mean())), origin=found[0].origin)


def on_duplex(frames: DuplexFrames, clocks: Sequence[FrameClock]) -> str:
    """Whether a streaming loop kept real time, and what it did not hear."""
    if not frames.took.size:
        return tr("No frame was computed.")
    may, count = float(frames.may[0]), frames.took.size
    slow, late = int((frames.took > frames.may).sum()), sum(one.late for one in clocks)
    dropped = sum(kind == "dropped" for kind in frames.kinds)
    lost = sum(kind == "lost" for kind in frames.kinds)
    kept = tr("kept") if frames.p95 < may and not dropped else tr("did not keep")
    sentence = tr(
        "The loop {kept} real time: each frame stands for {may}; computing took "
        "{median} in the middle and {p95} at the 95th percentile, {sum:.2f} s for each "
        "second of sound."
    ).format(
        kept=kept,
        may=duration(may),
        median=duration(float(np.median(frames.took))),
        p95=duration(frames.p95),
        sum=frames.took.sum() / frames.may.sum(),
    )
    told = [sentence]
    if not slow and not late:
        told.append(tr("Every frame was done within its time."))
    else:
        behind = max(one.behind for one in clocks)
        worst = tr(", at worst {behind}").format(behind=duration(behind - may)) if late and behind > may else ""
        told.append(
            tr("{slow} of {count} frames took longer than they may, and {late} were finished too late{worst}.").format(
                slow=slow, count=count, late=late, worst=worst
            )
        )
    if lost:
        told.append(tr("{frames} lost on the way and not heard (hatched).").format(frames=_frames(lost, may)))
    if dropped:
        told.append(tr("{frames} dropped since too many waited (crossed out).").format(frames=_frames(dropped, may)))
    return " ".join(told)


def _frames(count: int, each: float) -> str:
    told = tr("1 frame ({time}) was") if count == 1 else tr("{count} frames ({time}) were")
    return told.format(count=count, time=duration(count * each))
