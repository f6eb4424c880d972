"""What rooms, lines and haste do to speech: reverberation, a telephone band, lost packets, another speed."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from engines.audio.loudness import active_level
from engines.contract import SAMPLE_RATE, Samples

ROOM_CUBIC_METRES: Final = 60.0
DISTANCE_METRES: Final = 2.0
LONGEST_DECAY: Final = 3.0
"""Seconds."""
_FIRST_REFLECTION_SECONDS: Final = 0.004
_BLOCK: Final = 1 << 17

PACKET_SECONDS: Final = 0.02
BURST_PACKETS: Final = 3.0
"""Packets that are lost in a row, on average: 60 ms."""
MOST_LOST: Final = 0.65

_FRAME: Final = 480
_TOLERANCE: Final = 160


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


def reverberate(samples: Samples, decay: float, rng: np.random.Generator) -> Samples:
    """A room of 60 m³, heard from 2 m: the direct sound, and noise that falls by 60 dB in ``decay`` seconds.

    The tail is Polack's model (1988: Gaussian noise under an exponential); its energy is that of a diffuse field,
    (distance / critical distance)² of the direct sound's, the critical distance being 0.057 √(volume / decay)
    (Kuttruff, "Room Acoustics", §5.5). Tails of other decays from the same generator are the same noise.

    Args:
        samples: ``(n,)``.
        decay: RT60 in seconds, in (0, 3].
        rng: draws the tail.

    Returns:
        ``(n,)`` at the active level that it had, or quieter where that would clip; what rings on after the end is
        cut off.
    """
    impulse = room_response(decay, rng)
    wet = np.zeros(samples.shape[0] + impulse.shape[0])
    size = 1 << int(np.ceil(np.log2(_BLOCK + impulse.shape[0])))
    spectrum = np.fft.rfft(impulse, size)
    for at in range(0, samples.shape[0], _BLOCK):
        block = samples[at : at + _BLOCK].astype(np.float64)
        made = np.fft.irfft(np.fft.rfft(block, size) * spectrum, size)[: block.shape[0] + impulse.shape[0]]
        wet[at : at + made.shape[0]] += made
    heard = wet[: samples.shape[0]].astype(np.float32)
    level = active_level(heard)
    if level == 0.0:
        return samples
    heard *= np.float32(active_level(samples) / level)
    return np.asarray(heard / max(1.0, float(np.abs(heard).max(initial=0.0))), dtype=np.float32)


def room_response(decay: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """The impulse response of :func:`reverberate`, ``(decay × 16000,)``, its first sample 1."""
    length = max(2, round(decay * SAMPLE_RATE))
    drawn = rng.standard_normal(round(LONGEST_DECAY * SAMPLE_RATE))[:length]
    tail = drawn * 10.0 ** (-3 * np.arange(length) / length)
    tail[: round(_FIRST_REFLECTION_SECONDS * SAMPLE_RATE)] = 0.0
    critical = 0.057 * np.sqrt(ROOM_CUBIC_METRES / decay)
    energy = (DISTANCE_METRES / critical) ** 2
    found = float(np.sum(tail**2))
    response: NDArray[np.float64] = tail * np.sqrt(energy / found) if found > 0 else tail
    response[0] = 1.0
    return response


def lost_packets(packets: int, share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which packets are lost, by a chain of two states (Gilbert 1960, "Capacity of a burst-noise channel").

    With the same generator a greater share loses the same packets and more: the chains are coupled.

    Args:
        packets: how many are sent.
        share: of them that is lost in the long run, in [0, 0.65]; bursts are three packets long on average.
        rng: decides.

    Returns:
        ``(packets,)``, true where one is lost.
    """
    leave = 1.0 / BURST_PACKETS
    enter = leave * share / (1.0 - share)
    drawn = rng.random(packets)
    lost = np.zeros(packets, np.bool_)
    state = False
    for at, value in enumerate(drawn.tolist()):
        state = value < (share if at == 0 else 1.0 - leave if state else enter)
        lost[at] = state
    return lost


def drop_packets(samples: Samples, share: float, rng: np.random.Generator) -> Samples:
    """Loses packets of 20 ms on the way; nothing conceals the gaps, they are silent.

    Args:
        samples: ``(n,)``.
        share: as for :func:`lost_packets`.
        rng: decides.
    """
    packet = round(PACKET_SECONDS * SAMPLE_RATE)
    lost = lost_packets(-(-samples.shape[0] // packet), share, rng)
    heard = np.array(samples, dtype=np.float32)
    heard[np.repeat(lost, packet)[: heard.shape[0]]] = 0.0
    return heard


def change_speed(samples: Samples, factor: float) -> Samples:
    """Speaks faster or slower at the same pitch: WSOLA (Verhelst & Roelands 1993), no resampling.

    Frames of 30 ms overlap by half; each is taken from where, within 10 ms of its place, it goes on best from the one
    before.

    Args:
        samples: ``(n,)``.
        factor: 2 is twice as fast.

    Returns:
        ``(round(n / factor),)``; as it was for a factor of 1.
    """
    if factor == 1.0:
        return samples
    length = round(samples.shape[0] / factor)
    hop = _FRAME // 2
    edge = _TOLERANCE + _FRAME + round(hop * max(1.0, factor))
    padded = np.pad(samples.astype(np.float64), edge)
    window = np.hanning(_FRAME + 1)[:_FRAME]
    made = np.zeros(length + 2 * _FRAME)
    before = 0  # where in the input the frame before was taken
    for at in range(0, length + hop, hop):
        place = min(round((at - hop) * factor), samples.shape[0])
        wanted = padded[before + hop + edge : before + hop + edge + _FRAME]
        around = padded[place - _TOLERANCE + edge : place + _TOLERANCE + edge + _FRAME]
        free = at == 0 or wanted.shape[0] < _FRAME
        taken = place if free else place - _TOLERANCE + _likest(wanted, around)
        made[at : at + _FRAME] += window * padded[taken + edge : taken + edge + _FRAME]
        before = taken
    return np.asarray(np.clip(made[hop : hop + length], -1.0, 1.0), dtype=np.float32)


def _likest(wanted: NDArray[np.float64], around: NDArray[np.float64]) -> int:
    """Where in ``around`` begins what is most like ``wanted``, by the normalised cross-correlation."""
    products = np.correlate(around, wanted, mode="valid")
    sums = np.concatenate([[0.0], np.cumsum(np.square(around))])
    energies = sums[wanted.shape[0] :] - sums[: -wanted.shape[0]]
    return int(np.argmax(products / np.sqrt(np.maximum(energies, 1e-9))))
