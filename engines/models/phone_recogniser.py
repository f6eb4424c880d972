"""The phone recogniser of hama 1.7: a Conformer with CTC over 191 labels, in numpy.

Its package carries the weights in a plain format of its own (names, shapes, and half or single precision values) for
an engine of its own; the network is the Conformer of arXiv 2005.08100 with four blocks of width 144, batch norms folded
into the convolutions. It is used to say what was spoken where units are judged and explained, never to transcribe.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.contract import SAMPLE_RATE, Samples
from engines.errors import GraphInvalid

MODEL = "hama-phones"
FRAME_SECONDS = 0.02
SILENCE = ""
_HEADS = 4
_BLOCKS = 4
_MAGIC = b"HAMAPK\x01\x02"
_REACH = 6
"""Frames from its peak that a phone lasts at most to each side."""
_QUIET = 3.5
"""Powers of ten below the loud parts, under which a frame far from every phone is silence."""
_HINT = f"Run `triptych models verify`, or fetch {MODEL} again."

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Phones:
    """What was heard in a piece of speech.

    Attributes:
        log_probs: ``(T, 191)`` natural logarithms at 50 Hz, last column the blank.
        loudness: ``(T,)`` log10 of the power.
    """

    log_probs: Floats
    loudness: Floats


class PhoneRecogniser:
    """Open it with :meth:`open`.

    Attributes:
        labels: of the columns; the last two are the word boundary and the blank.
    """

    def __init__(self, weights: Mapping[str, Floats], labels: tuple[str, ...]) -> None:
        self._weights = weights
        self.labels = labels
        self._convolutions = sorted((name for name in weights if "Conv_" in name), key=_number)
        self._matrices = sorted((name for name in weights if "MatMul_" in name), key=_number)
        self._frames = np.concatenate([weights["stft_real_kernel"][:, 0], weights["stft_imag_kernel"][:, 0]]).T

    @classmethod
    def open(cls, folder: Path) -> PhoneRecogniser:
        """Opens the fetched files.

        Raises:
            GraphInvalid: a file is missing or damaged.
        """
        try:
            weights = _read((folder / "asr_waveform.hama").read_bytes())
            labels = (
                *json.loads((folder / "g2p_vocab.json").read_text(encoding="utf-8"))["decoder"],
                "<wb>",
                "<blank>",
            )
            recogniser = cls(weights, tuple(map(str, labels)))
            recogniser.hear(np.zeros(1600, np.float32))
        except (OSError, KeyError, ValueError, TypeError, IndexError, struct.error) as error:
            raise GraphInvalid(f"The phone recogniser in {folder.name} is missing or damaged.", _HINT) from error
        return recogniser

    def hear(self, samples: Samples) -> Phones:
        """Hears ``(n,)`` samples at 16 kHz, n > 200; T is ``(n // 160) // 2 + 1``."""
        padded = np.pad(np.asarray(samples, np.float32), 200, mode="reflect")
        cut = np.lib.stride_tricks.sliding_window_view(padded, 400)[::160]
        parts = cut @ self._frames
        power = parts[:, :201] ** 2 + parts[:, 201:] ** 2
        mel = np.log(np.maximum(power @ self._weights["mel_fb"], 1e-10))
        x = _gelu(_strided(mel, self._get("onnx::Conv_", 0), self._get("onnx::Conv_", 1)))
        for block in range(_BLOCKS):
            x = self._block(x, block)
        head = "acoustic_model.model.proj"
        logits = x @ self._weights[f"{head}.weight"][:, :, 0].T + self._weights[f"{head}.bias"]
        top = logits.max(1, keepdims=True)
        log_probs = logits - top - np.log(np.exp(logits - top).sum(1, keepdims=True))
        return Phones(log_probs, np.log10(power.sum(1)[::2] + 1e-8).astype(np.float32)[: len(logits)])

    def per_frame(self, heard: Phones) -> list[str | None]:
        """A phone for each frame of 20 ms: that of the nearest peak, as CTC says when a phone is, and not how long.

        Returns:
            T times a phone in IPA, :data:`SILENCE`, or None where no peak is near and it is not silent either.
        """
        best = heard.log_probs.argmax(1)
        blank, border = len(self.labels) - 1, len(self.labels) - 2
        changes = np.concatenate([[True], best[1:] != best[:-1]])
        peaks = np.flatnonzero(changes & (best != blank) & (best != border))
        loud = float(np.percentile(heard.loudness, 95))
        quiet = heard.loudness < loud - _QUIET
        if not peaks.size:
            return [SILENCE if still else None for still in quiet]
        edges = (peaks[1:] + peaks[:-1]) / 2
        frames = np.arange(len(best))
        nearest = peaks[np.searchsorted(edges, frames)]
        near = np.abs(frames - nearest) <= _REACH
        return [
            self.labels[best[peak]] if close and not (still and frame != peak) else SILENCE if still else None
            for frame, peak, close, still in zip(frames.tolist(), nearest.tolist(), near, quiet, strict=True)
        ]

    def text(self, heard: Phones) -> str:
        """The phones in order, words apart."""
        best = heard.log_probs.argmax(1)
        kept = best[np.concatenate([[True], best[1:] != best[:-1]])]
        return "".join(
            self.labels[label].replace("<wb>", " ") for label in kept if label != len(self.labels) - 1
        ).strip()

    # --- the network --------------------------------------------------------------------------------------------------

    def _get(self, kind: str, place: int) -> Floats:
        return self._weights[(self._convolutions if kind == "onnx::Conv_" else self._matrices)[place]]

    def _block(self, x: Floats, number: int) -> Floats:
        name = f"acoustic_model.model.blocks.{number}."
        first = 6 * number  # matrices of a block: two of each feed-forward part, two of attention between them
        x = x + 0.5 * self._feed_forward(x, f"{name}ffn1", first)
        x = x + self._attention(x, name, first + 2)
        x = x + self._convolution(x, f"{name}conv", 2 + 2 * number)
        x = x + 0.5 * self._feed_forward(x, f"{name}ffn2", first + 4)
        return self._norm(x, f"{name}norm")

    def _norm(self, x: Floats, name: str) -> Floats:
        centred = x - x.mean(1, keepdims=True)
        scaled: Floats = centred / np.sqrt((centred**2).mean(1, keepdims=True) + 1e-5)
        return scaled * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]

    def _feed_forward(self, x: Floats, name: str, first: int) -> Floats:
        inner = self._norm(x, f"{name}.norm") @ self._get("matrix", first) + self._weights[f"{name}.fc1.bias"]
        return _silu(inner) @ self._get("matrix", first + 1) + self._weights[f"{name}.fc2.bias"]

    def _attention(self, x: Floats, name: str, first: int) -> Floats:
        joined = (
            self._norm(x, f"{name}attn_norm") @ self._get("matrix", first) + self._weights[f"{name}attn.in_proj_bias"]
        )
        q, k, v = (part.reshape(len(x), _HEADS, -1).transpose(1, 0, 2) for part in np.split(joined, 3, axis=1))
        scores = q @ k.transpose(0, 2, 1) / math.sqrt(q.shape[2])
        weights = np.exp(scores - scores.max(2, keepdims=True))
        looked = (weights / weights.sum(2, keepdims=True)) @ v
        read = looked.transpose(1, 0, 2).reshape(x.shape)
        return np.asarray(read @ self._get("matrix", first + 1) + self._weights[f"{name}attn.out_proj.bias"])

    def _convolution(self, x: Floats, name: str, first: int) -> Floats:
        wide = self._norm(x, f"{name}.norm") @ self._weights[f"{name}.pointwise1.weight"][:, :, 0].T
        value, gate = np.split(wide + self._weights[f"{name}.pointwise1.bias"], 2, axis=1)
        value = value * _sigmoid(gate)
        kernel = self._get("onnx::Conv_", first)[:, 0]
        reach = kernel.shape[1] // 2
        padded = np.pad(value, ((reach, reach), (0, 0)))
        inner = self._get("onnx::Conv_", first + 1) + sum(
            padded[shift : shift + len(x)] * kernel[:, shift] for shift in range(kernel.shape[1])
        )
        mixed: Floats = _silu(inner) @ self._weights[f"{name}.pointwise2.weight"][:, :, 0].T
        return mixed + self._weights[f"{name}.pointwise2.bias"]


def _read(data: bytes) -> dict[str, Floats]:
    """The arrays of a ``.hama`` file: a table of names, kinds, shapes and places, and behind it the values."""
    if data[:8] != _MAGIC:
        raise ValueError("not a file of hama")
    (count,) = struct.unpack_from("<I", data, 8)
    at, table = 12, []
    for _ in range(count):
        (length,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + length].decode()
        half, rank = struct.unpack_from("<BB", data, at + 2 + length)
        at += 4 + length
        shape = struct.unpack_from(f"<{rank}I", data, at)
        offset, size = struct.unpack_from("<QQ", data, at + 4 * rank)
        at += 4 * rank + 16
        table.append((name, half, shape, offset, size))
    begin = len(data) - max(offset + size for _, _, _, offset, size in table)
    if begin < at:
        raise ValueError("the file ends too early")
    return {
        name: np.frombuffer(data, np.float16 if half else np.float32, math.prod(shape), begin + offset)
        .reshape(shape)
        .astype(np.float32)
        for name, half, shape, offset, _ in table
    }


def _number(name: str) -> int:
    return int(name.rsplit("_", 1)[1])


def _strided(x: Floats, weight: Floats, bias: Floats) -> Floats:
    """Convolution of ``(T, C)`` with ``(O, C, 3)``, stride 2, a zero at each end."""
    padded = np.pad(x, ((1, 1), (0, 0)))
    count = (len(x) - 1) // 2 + 1
    taps = [padded[tap : tap + 2 * count - 1 : 2] @ weight[:, :, tap].T for tap in range(3)]
    return np.asarray(taps[0] + taps[1] + taps[2] + bias, np.float32)


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -80, 80))), np.float32)


def _silu(x: Floats) -> Floats:
    return x * _sigmoid(x)


def _gelu(x: Floats) -> Floats:
    # erf by Abramowitz and Stegun 7.1.26, at most 1.5e-7 off: numpy has none.
    z = np.abs(x) / math.sqrt(2)
    t = 1 / (1 + 0.3275911 * z)
    poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    erf = np.sign(x) * (1 - poly * np.exp(-z * z))
    return np.asarray(0.5 * x * (1 + erf), np.float32)


assert SAMPLE_RATE == 50 * 320  # frames of 320 samples
