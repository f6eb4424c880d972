"""Noise of four kinds, and noise added to speech at an exact ratio to its active level."""

from __future__ import annotations

from functools import cache
from typing import Final, Literal

import numpy as np
import soxr
from numpy.typing import NDArray

from engines.audio.loudness import SILENT, active_level
from engines.audio.samples import list_samples, load_sample
from engines.contract import SAMPLE_RATE, Samples

Noise = Literal["white", "pink", "babble", "hum"]

_TALKERS: Final = 8
_MAINS_HERTZ: Final = 50.0
_HARMONICS: Final = 20


def add_noise(samples: Samples, disturbance: NDArray[np.float64], snr: float) -> Samples:
    """Adds noise at an exact ratio to the active speech level.

    Args:
        samples: speech, ``(n,)``.
        disturbance: ``(n,)``, of any level but silence.
        snr: in dB.
    """
    level = active_level(samples)
    if level < SILENT:
        return samples
    rms = float(np.sqrt(np.mean(np.square(disturbance))))
    mixed = samples.astype(np.float64) + disturbance * (level / rms * 10 ** (-snr / 20))
    peak = float(np.abs(mixed).max(initial=0.0))
    return (mixed / max(1.0, peak)).astype(np.float32)


def noise(kind: Noise, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Noise of a root mean square of 1.

    Args:
        kind: ``white``, ``pink`` (power falls with the frequency, from 20 Hz), ``babble`` (eight talkers at equal
            levels: stretches of the bundled samples, each faster or slower by up to a fifth) or ``hum`` (of the mains:
            50 Hz and its harmonics up to 1 kHz, the k-th one k times weaker than the first).
        count: samples, at least 1.
        rng: decides.
    """
    if kind == "babble":
        made = _babble(count, rng)
    elif kind == "hum":
        made = _hum(count, rng)
    else:
        made = rng.standard_normal(count)
        if kind == "pink":
            spectrum = np.fft.rfft(made)
            frequencies = np.fft.rfftfreq(count, 1 / SAMPLE_RATE)
            spectrum /= np.sqrt(np.maximum(frequencies, 20.0))
            spectrum[0] = 0.0 if count > 1 else spectrum[0]
            made = np.fft.irfft(spectrum, count)
    return np.asarray(made / max(np.sqrt(np.mean(np.square(made))), 1e-12), dtype=np.float64)


def _hum(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    turns = np.arange(count) * (2 * np.pi * _MAINS_HERTZ / SAMPLE_RATE)
    made = np.zeros(count)
    for number, phase in enumerate(rng.uniform(0, 2 * np.pi, _HARMONICS), 1):
        made += np.sin(number * turns + phase) / number
    return made


def _babble(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    speech = _talk()
    made = np.zeros(count)
    for _ in range(_TALKERS):
        speed = rng.uniform(0.8, 1.2)
        start = int(rng.integers(speech.shape[0]))
        needed = int(count * speed) + SAMPLE_RATE
        stretch = np.take(speech, np.arange(start, start + needed), mode="wrap")
        talker = soxr.resample(stretch, SAMPLE_RATE * speed, SAMPLE_RATE, quality="LQ")[:count]
        made += talker / max(active_level(talker), 1e-6)
    return made


@cache
def _talk() -> Samples:
    """All bundled samples in a row."""
    return np.asarray(np.concatenate([load_sample(sample.id).samples for sample in list_samples()]), dtype=np.float32)
