"""One step of a decoder-only graph: tokens in, logits out, keys and values written where they belong.

The graphs are those of ``export/causal_lm.py``; their inputs and outputs are described there.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from engines.runtime.attention import WideLayers
from engines.runtime.kv_cache import CacheShape, KeyValueCache
from engines.runtime.lora import Lora, ProjectionSizes

Logits = NDArray[np.float32]


class Decoder:
    """A session with its buffers bound once for as long as they stay where they are.

    Args:
        session: the opened graph.
        shape: of the cache.
        width: of the residual stream.
        vocabulary: number of logits.
        projections: what a LoRA may adapt; None where there is none.
        wide: the layers whose queries the graph gives.
    """

    def __init__(
        self,
        session: ort.InferenceSession,
        shape: CacheShape,
        width: int,
        vocabulary: int,
        *,
        projections: ProjectionSizes | None = None,
        wide: WideLayers | None = None,
    ) -> None:
        self.shape = shape
        self.width = width
        self.vocabulary = vocabulary
        self.projections = projections
        self.wide = wide
        self._session = session
        self._nothing = _value(np.zeros((1, 1, width), np.float32))
        self._lora: Mapping[str, ort.OrtValue] = {}
        self._watching = False
        self._steps: dict[tuple[bool, bool], _Step] = {}
        self._last: _Step | None = None

    def adapted(self, lora: Lora | None, *, watching: bool = False) -> Decoder:
        """The same model with an adapter, or without; the session is shared.

        Args:
            lora: the adapter.
            watching: whether :meth:`last_queries` is wanted.

        Raises:
            GraphInvalid: the adapter is not for this model.
        """
        other = Decoder(
            self._session, self.shape, self.width, self.vocabulary, projections=self.projections, wide=self.wide
        )
        if lora is not None:
            if self.projections is None:
                raise ValueError("this model takes no LoRA")
            other._lora = lora.values(self.projections)
        other._watching = watching and self.wide is not None
        return other

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
        return self._run(cache, ids, rows, embeds, states=False).output

    def hidden(
        self, cache: KeyValueCache, ids: NDArray[np.int64], embeds: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """As :meth:`advance`, but returns the last hidden state ``(B, S, width)`` after the final norm.

        The head of the whole vocabulary, a third of the work of a step, is not computed.
        """
        return self._run(cache, ids, None, embeds, states=True).output

    @property
    def watching(self) -> bool:
        """Whether :meth:`last_queries` can be asked for."""
        return self._watching

    def last_queries(self) -> NDArray[np.float32]:
        """Queries of the wide layers at the last place of the last step, ``(layers, heads, D)``; of one sequence."""
        assert self.wide is not None
        assert self._last is not None
        shape = (self.wide.heads, self.wide.head_width)
        return np.stack([queries[0, -1].reshape(shape) for queries in self._last.queries])

    def _run(
        self,
        cache: KeyValueCache,
        ids: NDArray[np.int64],
        rows: NDArray[np.int64] | None,
        embeds: NDArray[np.float32] | None,
        *,
        states: bool,
    ) -> _Step:
        total = cache.length + ids.shape[1]
        cache.reserve(total)
        kind = (states, embeds is not None)
        step = self._steps.pop(kind, None)
        if rows is not None or step is None or not step.fits(cache, ids.shape):
            step = _Step(self._session.io_binding(), cache, ids.shape)
            self._bind(step, rows, embeds, states=states)
        # Vectors come one at a time when they are written; those of a long prompt are not kept.
        if rows is None and (embeds is None or ids.shape[1] == 1):
            self._steps[kind] = step
        if step.embeds is not None and embeds is not None:
            step.embeds[:] = embeds
        step.ids[:] = ids
        step.last[:] = total - 1
        step.total[...] = total
        self._session.run_with_iobinding(step.binding)
        cache.length = total
        self._last = step
        return step

    def _bind(
        self,
        step: _Step,
        rows: NDArray[np.int64] | None,
        embeds: NDArray[np.float32] | None,
        *,
        states: bool,
    ) -> None:
        batch, count = step.shape
        if states:
            rows = np.zeros(0, np.int64)
        elif rows is None:
            rows = np.arange(1, batch + 1, dtype=np.int64) * count - 1
        step.take("rows", _value(rows))
        if embeds is None:
            step.take("inputs_embeds", self._nothing)
        else:
            step.embeds = np.array(embeds, np.float32, order="C")
            step.take("inputs_embeds", _value(step.embeds))
        for name, value in self._lora.items():
            step.take(name, value)
        if states:
            step.output = step.give("hidden", (batch, count, self.width))
        else:
            step.output = step.give("logits", (len(rows), self.vocabulary))
        if self._watching and self.wide is not None:
            size = (batch, count, self.wide.heads * self.wide.head_width)
            step.queries = [step.give(f"queries.{layer}", size) for layer in self.wide.layers]


class _Step:
    """The arrays of one shape of step, bound to a cache."""

    def __init__(self, binding: ort.IOBinding, cache: KeyValueCache, shape: tuple[int, ...]) -> None:
        batch, count = shape
        self.shape = (batch, count)
        self.binding = binding
        self.ids = np.zeros(shape, np.int64)
        self.last = np.zeros(batch, np.int32)
        self.total = np.zeros((), np.int32)
        self.embeds: NDArray[np.float32] | None = None
        self.output: NDArray[np.float32] = np.zeros(0, np.float32)
        self.queries: list[NDArray[np.float32]] = []
        self._values = cache.values  # keeps them alive, and tells whether they moved
        self._kept: list[ort.OrtValue] = []
        lengths = np.full(batch, count, np.int32)
        for name, array in (
            ("input_ids", self.ids),
            ("lengths", lengths),
            ("last", self.last),
            ("total", self.total),
        ):
            self.take(name, _value(array))
        for place, value in enumerate(cache.values):
            name = f"{place // 2}.{('key', 'value')[place % 2]}"
            self.binding.bind_ortvalue_input(f"past.{name}", value)
            self.binding.bind_ortvalue_output(f"present.{name}", value)

    def take(self, name: str, value: ort.OrtValue) -> None:
        """Binds an input."""
        self._kept.append(value)
        self.binding.bind_ortvalue_input(name, value)

    def give(self, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Binds an output and returns its memory."""
        array = np.empty(shape, np.float32)
        value = _value(array)
        self._kept.append(value)
        self.binding.bind_ortvalue_output(name, value)
        return array

    def fits(self, cache: KeyValueCache, shape: tuple[int, ...]) -> bool:
        return self._values is cache.values and self.shape == shape


def _value(array: NDArray[np.generic]) -> ort.OrtValue:
    return ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array) if array.ndim else array)
