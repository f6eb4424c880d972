"""How loud speech is where somebody speaks: the active speech level after ITU-T P.56, method B.

Pauses do not make a recording look quiet.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from engines.contract import SAMPLE_RATE, Samples

SILENT: Final = 1e-7
"""Root mean square under which there is no speech to hold anything against."""
_ENVELOPE_RATE: Final = 1000
_SMOOTHING_SECONDS: Final = 0.03
_HANGOVER_SECONDS: Final = 0.2
_MARGIN_DB: Final = 15.9


def active_level(samples: Samples) -> float:
    """The active speech level as a root mean square in full scale (ITU-T P.56, method B; envelope at 1 kHz).

    0 for silence. The level is that over the time in which the envelope, with a hangover of 0.2 s, is no more than 15.9
    dB below it.
    """
    block = SAMPLE_RATE // _ENVELOPE_RATE
    energy = float(np.sum(np.square(samples, dtype=np.float64)))
    total = samples.shape[0]
    if total == 0 or np.sqrt(energy / total) < SILENT:
        return 0.0
    whole = np.pad(np.abs(samples.astype(np.float64)), (0, -total % block)).reshape(-1, block).mean(axis=1)
    envelope = _smoothed(_smoothed(whole))
    thresholds = 2.0 ** np.arange(-20, 1)
    levels = []
    for threshold in thresholds:
        active = _active_share(envelope, float(threshold))
        levels.append(10 * np.log10(energy / total / active) if active > 0 else np.inf)
    margins = np.array(levels) - 20 * np.log10(thresholds)
    # With the threshold the level rises and the margin falls; where it is 15.9 dB stands the active level.
    below = np.flatnonzero(margins <= _MARGIN_DB)
    at = int(below[0]) if below.size else 0
    if at == 0 or not np.isfinite(levels[at]):
        finite = levels[max(0, at - 1)]
        return float(10 ** (finite / 20)) if np.isfinite(finite) else float(np.sqrt(energy / total))
    share = (margins[at - 1] - _MARGIN_DB) / (margins[at - 1] - margins[at])
    return float(10 ** ((levels[at - 1] + share * (levels[at] - levels[at - 1])) / 20))


def _smoothed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    keep = float(np.exp(-1 / (_SMOOTHING_SECONDS * _ENVELOPE_RATE)))
    smooth, state = np.empty_like(values), 0.0
    for at, value in enumerate(values.tolist()):
        state = keep * state + (1 - keep) * value
        smooth[at] = state
    return smooth


def _active_share(envelope: NDArray[np.float64], threshold: float) -> float:
    places = np.arange(envelope.shape[0])
    last = np.maximum.accumulate(np.where(envelope >= threshold, places, -places.shape[0] - 1000))
    return float(np.mean(places - last <= _HANGOVER_SECONDS * _ENVELOPE_RATE))
