"""What happens to speech on its way: rooms, microphones, telephones, codecs, noise, other people talking, haste.

Everything is decided by a random generator that the caller seeds by clip.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from engines.contract import SAMPLE_RATE, Samples

Generator: TypeAlias = np.random.Generator
Colour: TypeAlias = Literal["white", "pink", "brown"]
_CODECS: Final = (("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"))


def pad(samples: Samples, generator: Generator) -> Samples:
    """Up to .6 s of silence before and after, as recordings have it."""
    before, after = (generator.uniform(0.0, 0.6, 2) * SAMPLE_RATE).astype(int)
    return np.pad(samples, (int(before), int(after)))


def augment(samples: Samples, generator: Generator, babble: Sequence[Samples] = ()) -> tuple[Samples, tuple[str, ...]]:
    """One to five disturbances in natural order: speed, room, microphone, noise, then the telephone or a codec.

    Args:
        samples: ``(n,)`` at 16 kHz.
        generator: decides everything.
        babble: other clips, to be heard in the background.

    Returns:
        the sound, peak at most 0.95, and the names of what was done.
    """
    chain: list[tuple[str, float, Callable[[Samples], Samples]]] = [
        ("speed", 0.15, lambda x: speed(x, generator.uniform(0.9, 1.1))),
        ("room", 0.4, lambda x: reverberate(x, generator, generator.uniform(0.1, 0.5))),
        ("equaliser", 0.35, lambda x: equalise(x, generator)),
        ("noise", 0.6, lambda x: add_noise(x, generator, generator.uniform(8, 35), babble)),
    ]
    line = generator.random()
    if line < 0.22:
        chain.append(("telephone", 1.0, telephone))
    elif line < 0.40:
        chain.append(("codec", 1.0, lambda x: code(x, generator)))
    done: list[str] = []
    while not done:
        for name, chance, work in chain:
            if generator.random() < chance:
                samples = work(samples)
                done.append(name)
    samples = samples * 10 ** (generator.uniform(-14, 0) / 20)
    return _limited(samples), tuple(done)


def speed(samples: Samples, factor: float) -> Samples:
    """Plays it faster by ``factor``, pitch and all."""
    return np.asarray(soxr.resample(samples, SAMPLE_RATE * factor, SAMPLE_RATE), np.float32)


def reverberate(samples: Samples, generator: Generator, seconds: float) -> Samples:
    """A room: the direct sound, and noise that falls by 60 dB in ``seconds``; the length stays."""
    length = max(int(seconds * SAMPLE_RATE), 2)
    tail = generator.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    tail[: int(generator.uniform(0.002, 0.02) * SAMPLE_RATE)] = 0
    ratio = 10 ** (generator.uniform(3, 18) / 20)
    impulse = tail / (np.sqrt(np.sum(tail**2)) * ratio + 1e-9)
    impulse[0] = 1.0
    return _convolve(samples, impulse)


def equalise(samples: Samples, generator: Generator) -> Samples:
    """A microphone: gains of ±8 dB at six frequencies, smooth between them."""
    at = np.log(np.array([60, 250, 700, 1800, 4000, 8000], float))
    gains = generator.uniform(-8, 8, at.size)
    return _filtered(samples, lambda f: 10 ** (np.interp(np.log(np.maximum(f, 20)), at, gains) / 20))


def telephone(samples: Samples) -> Samples:
    """300–3,400 Hz at 8 kHz, in 8 bits of μ-law (ITU-T G.711)."""
    narrow = _filtered(samples, lambda f: 1 / np.sqrt((1 + (300 / np.maximum(f, 1)) ** 8) * (1 + (f / 3400) ** 16)))
    small = np.clip(soxr.resample(narrow, SAMPLE_RATE, 8000), -1, 1)
    levels = np.round(np.sign(small) * np.log1p(255 * np.abs(small)) / np.log(256) * 127) / 127
    heard = np.sign(levels) * np.expm1(np.abs(levels) * np.log(256)) / 255
    return np.asarray(soxr.resample(heard, 8000, SAMPLE_RATE), np.float32)


def code(samples: Samples, generator: Generator) -> Samples:
    """Through a lossy codec (Vorbis, Opus or MP3) at a low rate; where the codec fails, the sound stays as it was."""
    form, kind = _CODECS[int(generator.integers(len(_CODECS)))]
    level = float(generator.uniform(0.75, 1.0))
    buffer = io.BytesIO()
    try:
        with soundfile.SoundFile(
            buffer, "w", SAMPLE_RATE, 1, format=form, subtype=kind, compression_level=level
        ) as file:
            for start in range(0, samples.shape[0], SAMPLE_RATE):
                file.write(samples[start : start + SAMPLE_RATE])
        buffer.seek(0)
        heard, rate = soundfile.read(buffer, dtype="float32")
    except (OSError, soundfile.LibsndfileError, TypeError):
        return samples
    if rate != SAMPLE_RATE:
        heard = soxr.resample(heard, rate, SAMPLE_RATE)
    return np.asarray(heard, np.float32) if heard.shape[0] >= samples.shape[0] // 2 else samples


def add_noise(samples: Samples, generator: Generator, decibels: float, babble: Sequence[Samples] = ()) -> Samples:
    """Noise under speech.

    Args:
        samples: ``(n,)``.
        generator: decides the colour.
        decibels: the speech's mean power over the noise's.
        babble: other clips; three of them together serve as one more colour.
    """
    size = samples.shape[0]
    if babble and generator.random() < 0.35:
        disturbance = np.zeros(size, np.float32)
        for _ in range(3):
            disturbance += np.resize(babble[int(generator.integers(len(babble)))], size)
    else:
        colours: tuple[Colour, ...] = ("white", "pink", "pink", "brown")
        disturbance = noise(size, generator, colours[int(generator.integers(4))])
    speech, other = float(np.mean(samples**2)), float(np.mean(disturbance**2))
    if other <= 0:
        return samples
    return np.asarray(samples + disturbance * np.sqrt(speech / other / 10 ** (decibels / 10)), np.float32)


def noise(size: int, generator: Generator, colour: Colour) -> Samples:
    """Noise of power 1 whose spectrum falls by 0, 3 or 6 dB an octave."""
    slope = {"white": 0.0, "pink": 0.5, "brown": 1.0}[colour]
    white = generator.standard_normal(size).astype(np.float32)
    if not slope or size < 2:
        return white
    shaped = _filtered(white, lambda f: np.maximum(f, 40.0) ** -slope)
    return np.asarray(shaped / (np.std(shaped) + 1e-12), np.float32)


def _filtered(samples: Samples, gain: Callable[[NDArray[np.float64]], NDArray[Any]]) -> Samples:
    size = 1 << int(np.ceil(np.log2(max(samples.shape[0] + 512, 2))))
    spectrum = np.fft.rfft(samples, size) * gain(np.asarray(np.fft.rfftfreq(size, 1 / SAMPLE_RATE), np.float64))
    return np.asarray(np.fft.irfft(spectrum, size)[: samples.shape[0]], np.float32)


def _convolve(samples: Samples, impulse: NDArray[Any]) -> Samples:
    size = 1 << int(np.ceil(np.log2(samples.shape[0] + impulse.shape[0])))
    product = np.fft.rfft(samples, size) * np.fft.rfft(impulse, size)
    return np.asarray(np.fft.irfft(product, size)[: samples.shape[0]], np.float32)


def _limited(samples: Samples) -> Samples:
    peak = float(np.abs(samples).max(initial=0.0))
    return np.asarray(samples * (0.95 / peak) if peak > 0.95 else samples, np.float32)
