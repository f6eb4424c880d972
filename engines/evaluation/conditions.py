"""What is done to speech before engines hear it: noise at an exact level, a telephone line.

Levels are active speech levels after ITU-T P.56 (method B), so that pauses do not make a recording look quiet; the
ratio is that level to the root mean square of the noise. What is drawn depends on the seed, the condition and the clip
alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

import numpy as np
import soxr
from numpy.typing import NDArray

from engines.audio.samples import list_samples, load_sample
from engines.contract import SAMPLE_RATE, Samples
from engines.errors import BadOption

Noise = Literal["white", "pink", "babble"]
Kind = Literal["clean", "telephone", "white", "pink", "babble"]

_NOISES: Final[tuple[Noise, ...]] = ("white", "pink", "babble")
_ENVELOPE_RATE: Final = 1000
_SMOOTHING_SECONDS: Final = 0.03
_HANGOVER_SECONDS: Final = 0.2
_MARGIN_DB: Final = 15.9
_TALKERS: Final = 8
_SILENT: Final = 1e-7
"""Root mean square under which there is no speech to hold noise against."""


@dataclass(frozen=True)
class Condition:
    """One way of hearing a recording.

    Attributes:
        kind: what is done.
        snr: speech to noise in dB for noise; None otherwise.
    """

    kind: Kind = "clean"
    snr: float | None = None

    @property
    def name(self) -> str:
        """As :func:`parse` reads it: ``clean``, ``telephone``, ``babble-10``."""
        return self.kind if self.snr is None else f"{self.kind}-{self.snr:g}"

    @property
    def title(self) -> str:
        """For people."""
        return self.kind if self.snr is None else f"{self.kind} {self.snr:g} dB"


def parse(name: str) -> Condition:
    """The condition of a name, for example ``babble-10`` or ``pink--5``.

    Raises:
        BadOption: there is none.
    """
    kind, _, level = name.partition("-")
    known = f"Conditions are clean, telephone, and {', '.join(_NOISES)} with a level, for example babble-10."
    if kind in {"clean", "telephone"} and not level:
        return Condition("clean" if kind == "clean" else "telephone")
    for noise in _NOISES:
        if kind == noise:
            try:
                snr = float(level)
            except ValueError:
                break
            if not -30 <= snr <= 60:
                raise BadOption(f"{name}: {snr:g} dB is no useful level.", "Give one from -30 to 60.")
            return Condition(noise, snr)
    raise BadOption(f"There is no condition {name!r}.", known)


def apply(condition: Condition, samples: Samples, clip: str, *, seed: int = 0) -> Samples:
    """A recording as it is heard under a condition.

    Args:
        condition: what is done.
        samples: ``(n,)`` at 16 kHz in [-1, 1].
        clip: the clip's id; other clips get other noise.
        seed: of all that is drawn.

    Returns:
        ``(n,)`` float32 in [-1, 1]; where the sum would clip, all of it is made quieter, which leaves the ratio alone.
    """
    if condition.kind == "clean":
        return samples
    if condition.kind == "telephone":
        return telephone(samples)
    assert condition.snr is not None
    rng = np.random.default_rng(_seed(f"{seed} {condition.name} {clip}"))
    return add_noise(samples, noise(condition.kind, samples.shape[0], rng), condition.snr)


def _seed(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def add_noise(samples: Samples, disturbance: NDArray[np.float64], snr: float) -> Samples:
    """Adds noise at an exact ratio to the active speech level.

    Args:
        samples: speech, ``(n,)``.
        disturbance: ``(n,)``, of any level but silence.
        snr: in dB.
    """
    level = active_level(samples)
    if level < _SILENT:
        return samples
    rms = float(np.sqrt(np.mean(np.square(disturbance))))
    mixed = samples.astype(np.float64) + disturbance * (level / rms * 10 ** (-snr / 20))
    peak = float(np.abs(mixed).max(initial=0.0))
    return (mixed / max(1.0, peak)).astype(np.float32)


def active_level(samples: Samples) -> float:
    """The active speech level as a root mean square in full scale (ITU-T P.56, method B; envelope at 1 kHz).

    0 for silence. The level is that over the time in which the envelope, with a hangover of 0.2 s, is no more than 15.9
    dB below it.
    """
    block = SAMPLE_RATE // _ENVELOPE_RATE
    energy = float(np.sum(np.square(samples, dtype=np.float64)))
    total = samples.shape[0]
    if total == 0 or np.sqrt(energy / total) < _SILENT:
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


def noise(kind: Noise, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Noise of a root mean square of 1.

    Args:
        kind: ``white``, ``pink`` (power falls with the frequency, from 20 Hz) or ``babble`` (eight talkers at equal
            levels: stretches of the bundled samples, each faster or slower by up to a fifth).
        count: samples, at least 1.
        rng: decides.
    """
    if kind == "babble":
        made = _babble(count, rng)
    else:
        made = rng.standard_normal(count)
        if kind == "pink":
            spectrum = np.fft.rfft(made)
            frequencies = np.fft.rfftfreq(count, 1 / SAMPLE_RATE)
            spectrum /= np.sqrt(np.maximum(frequencies, 20.0))
            spectrum[0] = 0.0 if count > 1 else spectrum[0]
            made = np.fft.irfft(spectrum, count)
    return np.asarray(made / max(np.sqrt(np.mean(np.square(made))), 1e-12), dtype=np.float64)


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


def telephone(samples: Samples) -> Samples:
    """A narrow-band line: 300 to 3400 Hz, and eight-bit µ-law (ITU-T G.712 and G.711)."""
    if samples.shape[0] == 0:
        return samples
    spectrum = np.fft.rfft(samples.astype(np.float64))
    frequencies = np.fft.rfftfreq(samples.shape[0], 1 / SAMPLE_RATE)
    spectrum *= (frequencies >= 300) & (frequencies <= 3400)
    band = np.clip(np.fft.irfft(spectrum, samples.shape[0]), -1, 1)
    coded = np.round(np.sign(band) * np.log1p(255 * np.abs(band)) / np.log(256) * 127) / 127
    decoded = np.sign(coded) * np.expm1(np.abs(coded) * np.log(256)) / 255
    return np.asarray(decoded, dtype=np.float32)
