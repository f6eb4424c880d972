"""How much units know of phones, how evenly they are used and what they cost.

Phone purity, cluster purity and PNMI are those of the HuBERT paper (arXiv 2106.07447, section IV-C).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.tokens.units import collapse


@dataclass(frozen=True)
class Quality:
    """Of a stream of units over labelled speech.

    Attributes:
        frames: that have a phone.
        phone_purity: accuracy in [0, 1] if every unit is read as its likeliest phone.
        cluster_purity: accuracy in [0, 1] if every phone is read as its likeliest unit.
        pnmi: I(phone; unit) / H(phone) in [0, 1]: how much of a phone's uncertainty the unit takes away.
        chance: the same with the phones shuffled: what few frames and many units feign.
        entropy: of the units in bits.
        used: share of the codebook that occurred.
        joined_rate: runs of equal units per second.
        bits_per_second: of all frames, log2 of the codebook's size each.
        joined_bits_per_second: of runs, without their durations.
    """

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


def judge(
    streams: Sequence[NDArray[np.integer]],
    phones: Sequence[Sequence[str | None]],
    size: int,
    frame_seconds: float,
    *,
    seed: int = 0,
) -> Quality:
    """Judges units against phones.

    Args:
        streams: ids ``(T,)`` of each clip.
        phones: a phone or None for each frame of each clip; what is longer of both is cut.
        size: of the codebook.
        frame_seconds: seconds per unit.
        seed: of the shuffling.

    Raises:
        ValueError: no frame has a phone.
    """
    pairs = [
        (int(unit), phone)
        for ids, heard in zip(streams, phones, strict=True)
        for unit, phone in zip(ids.tolist(), heard, strict=False)
        if phone is not None
    ]
    if not pairs:
        raise ValueError("no frame has a phone")
    names = {name: place for place, name in enumerate(sorted({phone for _, phone in pairs}))}
    units = np.array([unit for unit, _ in pairs])
    labels = np.array([names[phone] for _, phone in pairs])
    joint = _joint(units, labels, size, len(names))
    mixed = _joint(units, np.random.default_rng(seed).permutation(labels), size, len(names))
    frames = sum(len(ids) for ids in streams)
    runs = sum(collapse(ids).units.size for ids in streams)
    seconds = frames * frame_seconds
    every = np.concatenate([np.asarray(ids) for ids in streams])
    use = np.bincount(every, minlength=size) / len(every)
    return Quality(
        frames=len(pairs),
        phone_purity=float(joint.max(1).sum()),
        cluster_purity=float(joint.max(0).sum()),
        pnmi=pnmi(joint),
        chance=pnmi(mixed),
        entropy=entropy(use),
        used=float((use > 0).mean()),
        joined_rate=runs / seconds,
        bits_per_second=math.log2(size) / frame_seconds,
        joined_bits_per_second=runs * math.log2(size) / seconds,
    )


def entropy(probabilities: NDArray[np.floating]) -> float:
    """In bits; zeros count nothing."""
    kept = probabilities[probabilities > 0]
    return float(-(kept * np.log2(kept)).sum()) + 0.0


def pnmi(joint: NDArray[np.floating]) -> float:
    """Phone-normalised mutual information of ``(units, phones)`` probabilities; 0 where there is but one phone."""
    phones = entropy(joint.sum(0))
    information = phones + entropy(joint.sum(1)) - entropy(joint.reshape(-1))
    return max(0.0, information / phones) if phones > 0 else 0.0


def _joint(units: NDArray[np.int64], labels: NDArray[np.int64], size: int, phones: int) -> NDArray[np.float64]:
    counts = np.bincount(units * phones + labels, minlength=size * phones).reshape(size, phones)
    return counts / len(units)
