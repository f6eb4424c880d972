"""The token embeddings of a language-model graph, read where they lie in its file of weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.errors import GraphInvalid

_CHUNK = 4096
_BLOCK = 32


class EmbeddingTable:
    """Rows of the embedding, unpacked when they are asked for.

    Args:
        folder: of the graph set.
        place: ``embedding`` of its ``config.json``.
        vocabulary: number of rows, V.
        width: of a row, W.

    Raises:
        GraphInvalid: the file is missing or too short.
    """

    def __init__(self, folder: Path, place: Mapping[str, Any], vocabulary: int, width: int) -> None:
        self.vocabulary = vocabulary
        self.width = width
        self.scale = float(place["scale"])
        file = folder / str(place["file"])
        try:
            if "floats" in place:
                self._floats: NDArray[np.float32] | None = np.memmap(
                    file, np.float32, "r", int(place["floats"]), (vocabulary, width)
                )
                return
            self._floats = None
            self._values: NDArray[np.uint8] = np.memmap(
                file, np.uint8, "r", int(place["values"]), (vocabulary, width // _BLOCK, _BLOCK)
            )
            self._scales: NDArray[np.float32] = np.memmap(
                file, np.float32, "r", int(place["scales"]), (vocabulary, width // _BLOCK)
            )
        except (OSError, ValueError) as error:
            message = f"The embeddings in {file.parent.name} cannot be read: {error}."
            raise GraphInvalid(message, "Run `triptych models verify` to rebuild it.") from error

    def rows(self, ids: Sequence[int] | NDArray[np.int64] | slice) -> NDArray[np.float32]:
        """Rows as the head uses them, ``(len(ids), W)``; the graph's inputs are these times :attr:`scale`."""
        chosen = ids if isinstance(ids, slice) else np.asarray(ids, np.int64)
        if self._floats is not None:
            return np.array(self._floats[chosen])
        values = self._values[chosen].astype(np.float32)
        values -= 128
        values *= self._scales[chosen][:, :, None]
        return values.reshape(len(values), self.width)

    def nearest(
        self, vectors: NDArray[np.float32], k: int, ignored: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The rows that point most nearly where vectors point.

        Args:
            vectors: ``(N, W)``, in any scale.
            k: how many rows per vector.
            ignored: ``(V,)``, rows that are not looked at.

        Returns:
            ids ``(N, k)`` and cosines ``(N, k)``, best first. A vector of zeros has cosines of 0.
        """
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        directions = np.divide(vectors, lengths, out=np.zeros_like(vectors, np.float32), where=lengths > 0)
        count = min(k, self.vocabulary)
        ids = np.zeros((len(vectors), 0), np.int64)
        cosines = np.zeros((len(vectors), 0), np.float32)
        for begin in range(0, self.vocabulary, _CHUNK):
            rows = self.rows(slice(begin, begin + _CHUNK))
            norms = np.maximum(np.linalg.norm(rows, axis=1), np.float32(1e-12))
            found = directions @ rows.T
            found /= norms
            if ignored is not None:
                found[:, ignored[begin : begin + len(rows)]] = -np.inf
            here = np.broadcast_to(np.arange(begin, begin + len(rows)), found.shape)
            if len(rows) > count:
                best = np.argpartition(-found, count - 1, axis=1)[:, :count]
                found, here = np.take_along_axis(found, best, 1), np.take_along_axis(here, best, 1)
            cosines, ids = np.concatenate([cosines, found], 1), np.concatenate([ids, here], 1)
            order = np.argsort(-cosines, axis=1, kind="stable")[:, :count]
            cosines, ids = np.take_along_axis(cosines, order, 1), np.take_along_axis(ids, order, 1)
        return ids, cosines
