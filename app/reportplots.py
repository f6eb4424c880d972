"""Pictures of a report on one run: the speech, and where the time went; SVG without any library. No Qt."""

from __future__ import annotations

import html
import itertools
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from app.comparison import EngineRun
from app.language import tr
from app.widgets.numbers import seconds as duration
from engines.contract import SAMPLE_RATE, Samples
from engines.evaluation.plots import fill, opened, stroke, words

_WIDTH: Final = 760
_NAMES: Final = 170
_TALL: Final = 110
_BAR: Final = 26


def waveform(samples: Samples, spans: Sequence[tuple[float, float]]) -> str:
    """The speech, with the stretches that were taken for speech shaded.

    Args:
        samples: ``(n,)`` at 16 kHz, at least one.
        spans: from and to in seconds.
    """
    length = samples.shape[0] / SAMPLE_RATE
    parts = opened(tr("The speech"), _WIDTH, _TALL + 24)
    for start, end in spans:
        left, wide = _WIDTH * start / length, max(1.0, _WIDTH * (end - start) / length)
        parts.append(f'<rect x="{left:.1f}" y="0" width="{wide:.1f}" height="{_TALL}" {fill("grid")}/>')
    edges = np.linspace(0, samples.shape[0], min(_WIDTH, samples.shape[0]) + 1).astype(np.int64)
    middle, up = _TALL / 2, _TALL / 2 - 2
    path = "".join(
        f"M{_WIDTH * at / samples.shape[0]:.1f} {middle - up * float(samples[at:to].max()):.1f}"
        f"V{middle - up * float(samples[at:to].min()) + 0.4:.1f}"
        for at, to in itertools.pairwise(edges)
        if to > at
    )
    parts.append(f'<path d="{path}" {stroke("soft")}/>')
    parts += [words(0, _TALL + 17, "0", "soft"), words(_WIDTH, _TALL + 17, duration(length), "soft", "end")]
    return "\n".join([*parts, "</svg>", ""])


def times(runs: Sequence[EngineRun]) -> str:
    """Where the time went: a bar per engine, a segment per stage, all on one scale; shared work is hatched.

    Args:
        runs: at least one with stages.
    """
    longest = max(sum(stage.seconds for stage in run.stages) for run in runs) or 1.0
    wide = _WIDTH - _NAMES - 70
    parts = opened(tr("Where the time went"), _WIDTH, 10 + _BAR * len(runs) + 24)
    parts.append(_hatches(runs))
    for row, run in enumerate(runs):
        top, left = 6 + row * _BAR, float(_NAMES)
        ink = run.engine.paradigm
        parts.append(words(0, top + 14, _short(run.engine.name)))
        for number, stage in enumerate(run.stages):
            size = wide * stage.seconds / longest
            told = html.escape(f"{stage.name}: {duration(stage.seconds)}{' (shared)' if stage.shared else ''}")
            box = f'x="{left:.1f}" y="{top}" width="{max(size, 0.5):.1f}" height="{_BAR - 8}"'
            strong = 1.0 if number % 2 == 0 else 0.65
            parts.append(f'<g><title>{told}</title><rect {box} {fill(ink)} fill-opacity="{strong}"/>')
            if stage.shared:
                parts.append(f'<rect {box} fill="url(#hatch)"/>')
            parts.append("</g>")
            left += size
        parts.append(words(left + 6, top + 14, duration(run.seconds), "soft"))
    foot = 6 + _BAR * len(runs) + 16
    parts.append(
        words(_NAMES, foot, tr("Each stage in turn; hatched: shared with another engine, at its full cost"), "soft")
    )
    return "\n".join([*parts, "</svg>", ""])


def _hatches(runs: Sequence[EngineRun]) -> str:
    if not any(stage.shared for run in runs for stage in run.stages):
        return ""
    line = f'<path d="M0 6L6 0" {stroke("paper")} stroke-width="1.4"/>'
    return f'<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse">{line}</pattern></defs>'


def _short(name: str) -> str:
    return name if len(name) <= 24 else f"{name[:23]}…"


def confidence(tokens: Mapping[str, Sequence[tuple[str, float]]]) -> str:
    """How likely engines found what they wrote: a bar per token.

    Args:
        tokens: engine's name → text and probability in [0, 1] of its tokens.
    """
    shown = {name: found[:80] for name, found in tokens.items() if found}
    parts = opened(tr("How sure engines were of each token"), _WIDTH, 10 + 48 * len(shown))
    for row, (name, found) in enumerate(shown.items()):
        top = 6 + row * 48
        parts.append(words(0, top + 24, _short(name)))
        size = min(14.0, (_WIDTH - _NAMES) / len(found))
        for place, (text, probability) in enumerate(found):
            tall = max(1.0, 34 * min(1.0, max(0.0, probability)))
            box = f'x="{_NAMES + place * size:.1f}" y="{top + 36 - tall:.1f}" width="{size * 0.8:.1f}"'
            told = html.escape(f"{text.strip()}: {probability:.0%}")
            parts.append(f'<g><title>{told}</title><rect {box} height="{tall:.1f}" {fill("soft")}/></g>')
    return "\n".join([*parts, "</svg>", ""])
