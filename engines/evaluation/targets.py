"""What the token engines were meant to reach, and whether they did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from engines.evaluation.summary import Rate
from engines.evaluation.token_summary import Tokens

HEARS: Final = 0.20
SAYS: Final = 0.15
CODES: Final = 0.10
Answer = Literal["yes", "no", "undecided", "not measured"]


@dataclass(frozen=True)
class Target:
    """One of them.

    Attributes:
        what: is measured.
        limit: that it is held against; empty where it is only to be told.
        value: what was measured; empty where nothing was.
        answer: whether it is met; ``undecided`` where the interval holds the limit.
    """

    what: str
    limit: str
    value: str
    answer: Answer


def targets(found: Tokens) -> list[Target]:
    """All of them, from what was measured."""
    heard = found.measured.figures.get("token-semantic")
    clean = heard.rates.get("unseen") if heard is not None else None
    whole = found.codec.whole() if found.codec is not None else None
    said = found.said.get("token-semantic")
    spoken = found.spoken.get("token-semantic", {}).get("es")
    coded = None if whole is None else (whole.errors.rate, whole.low, whole.high)
    loop = found.loop
    bleu = f"{spoken.bleu.value:.1f} ASR-BLEU [{spoken.low:.1f}–{spoken.high:.1f}]" if spoken else ""
    return [
        _rate("`token-semantic`, unseen clean English, WER", HEARS, _bounds(clean)),
        _rate("text → units → speech, read back, WER", SAYS, _bounds(said.rate if said else None)),
        _rate("codec at its full rate, read back, WER", CODES, coded),
        Target("es → English speech by `token-semantic`", "told", bleu, "yes" if spoken else "not measured"),
        Target(
            "duplex loop, 95th percentile per frame",
            "under 80 ms, nothing dropped",
            f"{1000 * loop.time.p95:.1f} ms, {loop.time.dropped} dropped" if loop else "",
            "not measured" if loop is None else "yes" if loop.time.kept else "no",
        ),
    ]


def _bounds(one: Rate | None) -> tuple[float, float, float] | None:
    return None if one is None else (one.value, one.low, one.high)


def _rate(what: str, limit: float, measured: tuple[float, float, float] | None) -> Target:
    told = f"under {100 * limit:.0f} %"
    if measured is None:
        return Target(what, told, "", "not measured")
    value, low, high = measured
    answer: Answer = "yes" if high < limit else "no" if low >= limit else "undecided"
    return Target(what, told, f"{100 * value:.1f} % [{100 * low:.1f}–{100 * high:.1f}]", answer)
