"""One step of a decoder-only graph: tokens in, logits out, keys and values written where they belong.

The graphs are those of ``export/causal_lm.py``; their inputs and outputs are described there.
"""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from engines.runtime.kv_cache import CacheShape, KeyValueCache

Logits = NDArray[np.float32]


class Decoder:
    """A session with its buffers bound once for as long as they stay where they are.

    Args:
        session: the opened graph.
        shape: of the cache.
        width: of the residual stream.
        vocabulary: number of logits.
    """

    def __init__(self, session: ort.InferenceSession, shape: CacheShape, width: int, vocabulary: int) -> None:
        self.shape = shape
        self.width = width
        self.vocabulary = vocabulary
        self._session = session
        self._nothing = _value(np.zeros((1, 1, width), np.float32))
        self._step: _Step | None = None

    def advance(
        self,
        cache: KeyValueCache,
        ids: NDArray[np.int64],
        rows: NDArray[np.int64] | None = None,
        *,
        embeds: NDArray[np.float32] | None = None,
    ) -> Logits:
        """Appends tokens to the cache.

        Args:
            cache: of B sequences; it grows as needed and is ``S`` longer afterwards.
            ids: ``(B, S)``; -1 where a vector of ``embeds`` stands instead of a token.
            rows: which of the B·S places to return logits for; None: the last of each sequence.
            embeds: ``(B, S, width)``.

        Returns:
            ``(len(rows), vocabulary)``; the memory is used again by the next call.
        """
        count = ids.shape[1]
        cache.reserve(cache.length + count)
        step = self._step
        if rows is not None or embeds is not None or step is None or not step.fits(cache, ids.shape):
            step = _Step(self, cache, ids.shape, rows, embeds)
        self._step = step if rows is None and embeds is None else None
        total = cache.length + count
        step.ids[:] = ids
        step.last[:] = total - 1
        step.total[...] = total
        self._session.run_with_iobinding(step.binding)
        cache.length = total
        return step.logits

    def hidden(
        self, cache: KeyValueCache, ids: NDArray[np.int64], embeds: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """As :meth:`advance`, but returns the last hidden state ``(B, S, width)`` after the final norm."""
        batch, count = ids.shape
        total = cache.length + count
        cache.reserve(total)
        step = _Step(self, cache, ids.shape, np.zeros(0, np.int64), embeds)
        step.ids[:], step.last[:], step.total[...] = ids, total - 1, total
        states = np.empty((batch, count, self.width), np.float32)
        step.binding.bind_ortvalue_output("hidden", _value(states))
        self._session.run_with_iobinding(step.binding)
        cache.length = total
        return states

    def binding(self) -> ort.IOBinding:
        """A fresh binding of the session."""
        return self._session.io_binding()

    @property
    def no_embeds(self) -> ort.OrtValue:
        """What stands for ``inputs_embeds`` where every place is a token."""
        return self._nothing


class _Step:
    """The arrays of one shape of step, bound to a cache."""

    def __init__(
        self,
        decoder: Decoder,
        cache: KeyValueCache,
        shape: tuple[int, ...],
        rows: NDArray[np.int64] | None,
        embeds: NDArray[np.float32] | None,
    ) -> None:
        batch, count = shape
        self._shape = shape
        self._values = cache.values  # keeps them alive, and tells whether they moved
        if rows is None:
            rows = np.arange(1, batch + 1, dtype=np.int64) * count - 1
        self.ids = np.zeros(shape, np.int64)
        self.last = np.zeros(batch, np.int32)
        self.total = np.zeros((), np.int32)
        self.logits = np.empty((len(rows), decoder.vocabulary), np.float32)
        self.binding = decoder.binding()
        self._kept: list[ort.OrtValue] = []
        lengths = np.full(batch, count, np.int32)
        feeds = (
            ("input_ids", self.ids),
            ("lengths", lengths),
            ("last", self.last),
            ("total", self.total),
            ("rows", rows),
        )
        for name, array in feeds:
            self._bind(name, _value(array))
        self._bind("inputs_embeds", decoder.no_embeds if embeds is None else _value(embeds))
        for place, value in enumerate(cache.values):
            name = f"{place // 2}.{('key', 'value')[place % 2]}"
            self.binding.bind_ortvalue_input(f"past.{name}", value)
            self.binding.bind_ortvalue_output(f"present.{name}", value)
        logits = _value(self.logits)
        self._kept.append(logits)
        self.binding.bind_ortvalue_output("logits", logits)

    def _bind(self, name: str, value: ort.OrtValue) -> None:
        self._kept.append(value)
        self.binding.bind_ortvalue_input(name, value)

    def fits(self, cache: KeyValueCache, shape: tuple[int, ...]) -> bool:
        return self._values is cache.values and self._shape == shape


def _value(array: NDArray[np.generic]) -> ort.OrtValue:
    return ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array) if array.ndim else array)
