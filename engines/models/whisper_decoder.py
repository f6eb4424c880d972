"""Whisper's decoder with its caches: the cross-attention cache once per speech, the self-attention cache per row.

All caches stay ONNX Runtime's own memory and are bound, not copied.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from engines.runtime.beam import log_softmax
from engines.runtime.sessions import open_session

_HEAD = 64


@dataclass(frozen=True)
class CrossStates:
    """Keys and values of the cross-attention by input name."""

    values: dict[str, ort.OrtValue]


class Decoder:
    """A :class:`engines.runtime.beam.Stepper` over the graph ``decoder.onnx``.

    Attributes:
        vocabulary: number of tokens that logits are given for.
        no_speech: probability that there is no speech, set by :meth:`begin` when it was asked for.
    """

    def __init__(self, folder: Path, layers: int, heads: int) -> None:
        self._cross_graph = open_session(folder / "cross.onnx")
        self._graph = open_session(folder / "decoder.onnx")
        self._cross_names = [output.name for output in self._cross_graph.get_outputs()]
        self._cache_names = [f"{layer}.{role}" for layer in range(layers) for role in ("key", "value")]
        self.vocabulary = next(int(o.shape[1]) for o in self._graph.get_outputs() if o.name == "logits")
        self._empty = ort.OrtValue.ortvalue_from_numpy(np.zeros((1, heads, 0, _HEAD), np.float32))
        self._options = ort.RunOptions()
        self._options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "")
        self._options.only_execute_path_to_fetches = True
        self._cross: CrossStates | None = None
        self._past: list[ort.OrtValue] = []
        self._length = 0
        self.no_speech = 0.0

    def cross(self, frames: NDArray[np.float32]) -> CrossStates:
        """Computes the cross-attention cache of ``frames (T, d)``."""
        binding = self._cross_graph.io_binding()
        binding.bind_cpu_input("frames", np.ascontiguousarray(frames[None]))
        for name in self._cross_names:
            binding.bind_output(name)
        self._cross_graph.run_with_iobinding(binding)
        return CrossStates(dict(zip(self._cross_names, binding.get_outputs(), strict=True)))

    def begin(self, cross: CrossStates, prompt: list[int], *, no_speech: int | None = None) -> NDArray[np.float32]:
        """Starts anew with a prompt in one row.

        Args:
            cross: the speech.
            prompt: tokens.
            no_speech: the token whose probability after the first prompt token is wanted.

        Returns:
            ``(V,)`` logits of the token that follows.
        """
        self._start(cross)
        last = len(prompt) - 1
        wanted = [last] if no_speech is None else [0, last]
        logits = self._run(np.array([prompt], np.int64), np.zeros(1, np.int64), np.array(wanted, np.int64))
        if no_speech is not None:
            self.no_speech = float(np.exp(log_softmax(logits[0])[no_speech]))
        return np.asarray(logits[-1], np.float32)

    def step(self, tokens: NDArray[np.int64], origin: NDArray[np.int64]) -> NDArray[np.float32]:
        """See :class:`engines.runtime.beam.Stepper`."""
        return self._run(tokens[:, None], origin, np.arange(tokens.shape[0], dtype=np.int64))

    def force(
        self, cross: CrossStates, prompt: list[int], texts: list[list[int]], mask: NDArray[np.float32]
    ) -> list[NDArray[np.float32]]:
        """Log-probabilities of given token sequences after a prompt, in one batch.

        Args:
            cross: the speech.
            prompt: tokens that all share.
            texts: token sequences, each at least one long.
            mask: ``(V,)`` added to the logits; tokens it forbids are scored without it.

        Returns:
            per text ``(len(text),)``.
        """
        self._start(cross)
        longest = max(map(len, texts))
        rows = np.zeros((len(texts), len(prompt) + longest - 1), np.int64)
        for row, text in enumerate(texts):
            rows[row, : len(prompt) + len(text) - 1] = [*prompt, *text[:-1]]
        width = rows.shape[1]
        scores = []
        wanted = np.concatenate(
            [row * width + len(prompt) - 1 + np.arange(len(text)) for row, text in enumerate(texts)]
        ).astype(np.int64)
        logits = self._run(rows, np.zeros(len(texts), np.int64), wanted)
        begin = 0
        for text in texts:
            chosen = logits[begin : begin + len(text)]
            free = np.where(np.isfinite(mask[text])[:, None], chosen + mask, chosen)
            scores.append(log_softmax(free)[np.arange(len(text)), text])
            begin += len(text)
        return scores

    def attention(self, cross: CrossStates, prompt: list[int], tokens: list[int]) -> NDArray[np.float32]:
        """Cross-attention of the alignment heads while each token was written, ``(len(tokens), T)``."""
        if not tokens:
            return np.zeros((0, 1), np.float32)
        self._start(cross)
        rows = np.array([[*prompt, *tokens[:-1]]], np.int64)
        weights = self._run(rows, np.zeros(1, np.int64), np.zeros(1, np.int64), output="attention")
        return np.asarray(weights[len(prompt) - 1 :], np.float32)

    def _start(self, cross: CrossStates) -> None:
        self._cross = cross
        self._past = [self._empty] * len(self._cache_names)
        self._length = 0

    def _run(
        self, tokens: NDArray[np.int64], origin: NDArray[np.int64], wanted: NDArray[np.int64], *, output: str = "logits"
    ) -> NDArray[np.float32]:
        assert self._cross is not None
        binding = self._graph.io_binding()
        binding.bind_cpu_input("tokens", tokens)
        binding.bind_cpu_input("offset", np.array([self._length], np.int64))
        binding.bind_cpu_input("origin", origin)
        binding.bind_cpu_input("wanted", wanted)
        for name, value in self._cross.values.items():
            binding.bind_ortvalue_input(name, value)
        for name, value in zip(self._cache_names, self._past, strict=True):
            binding.bind_ortvalue_input(f"past.{name}", value)
        binding.bind_output(output)
        for name in self._cache_names:
            binding.bind_output(f"present.{name}")
        self._graph.run_with_iobinding(binding, self._options)
        result, *self._past = binding.get_outputs()
        self._length += tokens.shape[1]
        return np.asarray(result.numpy(), np.float32)
