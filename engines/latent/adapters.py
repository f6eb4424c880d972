"""The four modality adapters: trunk states in, vectors in the scale of the language model's input embeddings out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engines.errors import AdapterMismatch
from engines.latent.compression import TOP, Mode, compress, run_labels, run_means
from engines.models.adapter_graph import HINT, Graph
from engines.models.trunk import Hidden, Trunk
from engines.weights import cards
from engines.weights.cards import AdapterCard


@dataclass(frozen=True)
class Adapted:
    """A stretch of speech as the language model reads it.

    Attributes:
        vectors: ``(N, width)``, N ≥ 1.
        spans: ``(N, 2)``, the frames of 25 Hz that each vector stands for: first, and behind the last.
        shares: ``(N, T')``, how much of each vector comes from each frame; rows sum to 1.
        attention: ``(N, T')`` of a Q-Former's queries, the same as ``shares``; None for other adapters.
    """

    vectors: NDArray[np.float32]
    spans: NDArray[np.int64]
    shares: NDArray[np.float32]
    attention: NDArray[np.float32] | None = None

    @property
    def of_frame(self) -> NDArray[np.int32]:
        """``(T',)`` index of the vector that took most of each frame; -1 where none took any."""
        best = self.shares.argmax(0)
        taken = self.shares.max(0) > 0
        return np.where(taken, best, -1).astype(np.int32)


class Adapter(Protocol):
    """What shortens and maps."""

    def adapt(self, hidden: Hidden, mode: Mode, threshold: float) -> Adapted:
        """Adapts a stretch; mode and threshold concern CTC compression alone."""
        ...


class Grouping:
    """Groups of equally many frames, by convolution or pooling."""

    def __init__(self, graph: Graph, frames: int) -> None:
        self._graph = graph
        self._frames = frames

    def adapt(self, hidden: Hidden, mode: Mode, threshold: float) -> Adapted:
        """See :class:`Adapter`."""
        del mode, threshold
        (vectors,) = self._graph.run({"hidden": hidden.states})
        spans = _groups(len(hidden.states), self._frames)
        return Adapted(_matching(vectors, len(spans), self._graph), spans, even_shares(spans, len(hidden.states)))


class Queries:
    """A Q-Former on windows (SALMONN, arXiv 2310.13289)."""

    def __init__(self, graph: Graph, window: int, queries: int) -> None:
        self._graph = graph
        self._window, self._queries = window, queries

    def adapt(self, hidden: Hidden, mode: Mode, threshold: float) -> Adapted:
        """See :class:`Adapter`."""
        del mode, threshold
        frames = len(hidden.states)
        vectors, weights = self._graph.run({"hidden": hidden.states})
        windows = _groups(frames, self._window)
        spans = np.repeat(windows, self._queries, axis=0)
        vectors = _matching(vectors, len(spans), self._graph)
        attention = np.zeros((len(spans), len(windows) * self._window), np.float32)
        columns = np.repeat(windows[:, 0], self._queries)[:, None] + np.arange(self._window)
        np.put_along_axis(attention, columns, _matching(weights, len(spans), self._graph, self._window), axis=1)
        attention = np.ascontiguousarray(attention[:, :frames])
        return Adapted(vectors, spans, attention, attention)


class Compression:
    """Runs of a CTC label become one vector each (arXiv 2307.03917)."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def adapt(self, hidden: Hidden, mode: Mode, threshold: float) -> Adapted:
        """See :class:`Adapter`."""
        runs = compress(hidden.log_probs, mode, threshold)
        ids, weights = run_labels(hidden.log_probs, runs, TOP)
        (vectors,) = self._graph.run({"hidden": run_means(hidden.states, runs), "ids": ids, "weights": weights})
        return Adapted(_matching(vectors, len(runs), self._graph), runs, even_shares(runs, len(hidden.states)))


def open_adapter(adapter_id: str, trunk: Trunk, model_id: str, vocabulary: int, width: int) -> Adapter:
    """Opens an adapter and tries it.

    Args:
        adapter_id: for example ``"latent-ctc"``.
        trunk: the trunk in use.
        model_id: of the language model in use.
        vocabulary: of it.
        width: of it.

    Raises:
        AdapterMissing: it is not there.
        AdapterMismatch: it is for another trunk or language model, or its graph is of another make.
        GraphInvalid: a file is damaged.
    """
    card = cards.read(adapter_id)
    card.check_trunk(trunk.digest)
    card.check_language_model(model_id, vocabulary, width)
    adapter = _of_kind(card)
    # 19 frames fill no window of a usual size: the last group is padded by the graph, or the graph is refused here.
    frames = np.zeros((19, trunk.width), np.float32)
    log_probs = np.full((19, 1 + len(trunk.inventory.ctc)), -1.0, np.float32)
    tried = adapter.adapt(Hidden(frames, log_probs), "average", 0.9)
    if tried.vectors.shape[1] != width:
        raise AdapterMismatch(f"The adapter {adapter_id} gives vectors of {tried.vectors.shape[1]}, not {width}.", HINT)
    return adapter


def _of_kind(card: AdapterCard) -> Adapter:
    file = cards.locate(card.id) / "adapter.onnx"
    shape = card.adapter
    if card.kind in {"convolution", "pooling"} and shape.frames_per_vector:
        return Grouping(Graph(file, ("hidden",), ("vectors",)), shape.frames_per_vector)
    if card.kind == "qformer" and shape.window and shape.queries:
        return Queries(Graph(file, ("hidden",), ("vectors", "attention")), shape.window, shape.queries)
    if card.kind == "ctc":
        return Compression(Graph(file, ("hidden", "ids", "weights"), ("vectors",)))
    raise AdapterMismatch(f"The card of {card.id} does not say how a {card.kind} adapter shortens.", HINT)


def even_shares(spans: NDArray[np.int64], frames: int) -> NDArray[np.float32]:
    """``(N, T')`` of vectors in which all frames of a span count alike."""
    places = np.arange(frames)
    inside = (places >= spans[:, :1]) & (places < spans[:, 1:])
    return np.asarray(inside / np.maximum(inside.sum(1, keepdims=True), 1), np.float32)


def _groups(frames: int, size: int) -> NDArray[np.int64]:
    starts = np.arange(0, frames, size, dtype=np.int64)
    return np.stack([starts, np.minimum(starts + size, frames)], axis=1)


def _matching(values: NDArray[np.float32], rows: int, graph: Graph, columns: int | None = None) -> NDArray[np.float32]:
    wanted = (rows, values.shape[-1] if columns is None else columns)
    if values.shape != wanted:
        found, promised = (" × ".join(map(str, shape)) for shape in (values.shape, wanted))
        raise AdapterMismatch(f"The graph {graph.name} gives {found} values where its card promises {promised}.", HINT)
    return values
