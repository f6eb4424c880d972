"""What the waveform view draws, computed from samples of any length: peaks and a spectrogram. No Qt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.contract import SAMPLE_RATE, Samples
from engines.runtime.cancellation import check

BLOCK = 128
"""Samples per pair of peaks at the finest level (8 ms)."""
FACTOR = 8
"""Blocks of one level per block of the next."""
CLIPPED = 0.999
"""Absolute value from which a sample counts as clipped."""
WINDOW = 512
"""Samples per spectrum (32 ms)."""
QUIET_DB = -25.0
"""The loudest band of near silence (about -70 dB of full scale); quieter speech is not brightened to the full."""
BANDS = 80
"""Rows of the spectrogram, equally spaced in mel from 60 Hz to 8 kHz."""


@dataclass(frozen=True)
class Peaks:
    """Minima and maxima of a recording at several resolutions.

    Attributes:
        levels: each ``(blocks, 2)`` float32 with minimum and maximum; level ``i`` has ``BLOCK * FACTOR**i`` samples per
            block.
        samples: number of samples.
        clipped: times in seconds of blocks with clipped samples, ascending.
        loudest: largest absolute value.
    """

    levels: tuple[NDArray[np.float32], ...]
    samples: int
    clipped: NDArray[np.float64]
    loudest: float

    def between(self, start: float, end: float, columns: int) -> NDArray[np.float32]:
        """Minima and maxima of ``columns`` equal stretches from ``start`` to ``end`` seconds: ``(columns, 2)``."""
        edges = np.linspace(start, end, columns + 1) * SAMPLE_RATE
        per_column = (edges[1] - edges[0]) if columns else 1.0
        level, size = 0, BLOCK
        while level + 1 < len(self.levels) and size * FACTOR <= per_column:
            level, size = level + 1, size * FACTOR
        blocks = self.levels[level]
        if blocks.shape[0] == 0:
            return np.zeros((columns, 2), np.float32)
        first = np.clip((edges[:-1] / size).astype(np.int64), 0, blocks.shape[0] - 1)
        last = np.clip(np.ceil(edges[1:] / size).astype(np.int64), first + 1, blocks.shape[0])
        bounds = np.ravel(np.column_stack([first, last]))
        padded = np.vstack([blocks, blocks[-1:]])
        low = np.minimum.reduceat(padded[:, 0], bounds)[::2]
        high = np.maximum.reduceat(padded[:, 1], bounds)[::2]
        found = np.column_stack([low, high]).astype(np.float32)
        found[edges[:-1] >= self.samples] = 0.0  # an axis may go on behind the speech
        return found


def peaks(samples: Samples) -> Peaks:
    """Computes peaks in one pass over ``samples``, ``(n,)``, a million at a time; hours need not be in memory."""
    step = BLOCK * 8192
    parts = []
    for begin in range(0, samples.shape[0], step):
        check()
        parts.append(_extremes(np.asarray(samples[begin : begin + step]), BLOCK))
    finest = np.vstack(parts) if parts else np.zeros((0, 2), np.float32)
    levels = [finest]
    while levels[-1].shape[0] > 4096:
        under = levels[-1]
        cut = np.pad(under, ((0, -under.shape[0] % FACTOR), (0, 0)), mode="edge").reshape(-1, FACTOR, 2)
        levels.append(np.stack([cut[:, :, 0].min(axis=1), cut[:, :, 1].max(axis=1)], axis=1))
    loud = np.abs(finest).max(axis=1) if finest.size else np.zeros(0, np.float32)
    clipped = np.flatnonzero(loud >= CLIPPED).astype(np.float64) * (BLOCK / SAMPLE_RATE)
    return Peaks(tuple(levels), samples.shape[0], clipped, float(loud.max()) if loud.size else 0.0)


def spectrogram(samples: Samples, start: float, end: float, columns: int) -> NDArray[np.uint8]:
    """A log-mel picture of a stretch.

    Args:
        samples: ``(n,)`` at 16 kHz.
        start: in seconds.
        end: in seconds.
        columns: spectra, evenly spaced; short stretches are averaged between neighbours by overlap.

    Returns:
        ``(BANDS, columns)``, 0 for 70 dB or more under the loudest and 255 for the loudest; the first row is the
        highest band.
    """
    taper = np.hanning(WINDOW).astype(np.float32)
    filters = _mel_filters()
    centres = (np.linspace(start, end, columns, endpoint=False) + (end - start) / columns / 2) * SAMPLE_RATE
    picture = np.empty((BANDS, columns), np.float32)
    for begin in range(0, columns, 128):
        check()
        some = centres[begin : begin + 128].astype(np.int64)
        frames = np.zeros((some.shape[0], WINDOW), np.float32)
        for row, centre in enumerate(some):
            low = max(0, int(centre) - WINDOW // 2)
            piece = np.asarray(samples[low : int(centre) + WINDOW // 2])[:WINDOW]
            frames[row, : piece.shape[0]] = piece
        power = np.abs(np.fft.rfft(frames * taper, axis=1)) ** 2
        picture[:, begin : begin + some.shape[0]] = (power.astype(np.float32) @ filters).T
    decibel = 10 * np.log10(np.maximum(picture, 1e-10))
    decibel -= decibel.max(initial=QUIET_DB)
    scaled = np.clip((decibel + 70.0) / 70.0, 0.0, 1.0)
    return np.ascontiguousarray((scaled[::-1] * 255).astype(np.uint8))


def _extremes(samples: Samples, block: int) -> NDArray[np.float32]:
    """Minimum and maximum of every ``block`` samples: ``(ceil(n / block), 2)``."""
    cut = np.pad(samples, (0, -samples.shape[0] % block), mode="edge").reshape(-1, block)
    return np.stack([cut.min(axis=1), cut.max(axis=1)], axis=1)


def _mel_filters() -> NDArray[np.float32]:
    """Triangular filters ``(WINDOW // 2 + 1, BANDS)`` on O'Shaughnessy's mel scale, each with a peak of 1."""
    frequencies = np.fft.rfftfreq(WINDOW, 1 / SAMPLE_RATE)
    mels = np.linspace(2595 * np.log10(1 + 60 / 700), 2595 * np.log10(1 + 8000 / 700), BANDS + 2)
    corners = 700 * (10 ** (mels / 2595) - 1)
    # the lowest bands are narrower than a bin: let every triangle reach at least its neighbouring bins
    reach = SAMPLE_RATE / WINDOW
    left = np.maximum(corners[1:-1] - corners[:-2], reach)
    right = np.maximum(corners[2:] - corners[1:-1], reach)
    offset = frequencies[:, None] - corners[None, 1:-1]
    shape = np.where(offset < 0, 1 + offset / left, 1 - offset / right)
    return np.maximum(shape, 0).astype(np.float32)
