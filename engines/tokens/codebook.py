"""A codebook of k-means centroids over states of speech, and the file that keeps it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from engines.errors import GraphInvalid

Metric = Literal["cosine", "l2"]
METRICS: tuple[Metric, ...] = get_args(Metric)
FILE = "codebook.safetensors"
_HINT = "Install the program again, or make the units anew with `triptych train units`."
_BLOCK = 4096


@dataclass(frozen=True)
class Codebook:
    """Centroids in standardised space: each dimension is brought to mean 0 and deviation 1 first.

    Whisper's states have a few dimensions of very large values, which would decide every distance alone.

    Attributes:
        centroids: ``(K, d)``; of length 1 for cosine.
        mean: ``(d,)`` of the states.
        scale: ``(d,)`` deviation of the states, above 0.
        metric: what nearest means.
        phones: names of the columns of ``counts``; ``""`` is silence.
        counts: ``(K, P)`` how often a frame of each unit was heard as each phone when the codebook was made;
            None where that was not counted.
        origin: one sentence on what was counted.
    """

    centroids: NDArray[np.float32]
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    metric: Metric = "cosine"
    phones: tuple[str, ...] = ()
    counts: NDArray[np.int64] | None = None
    origin: str = ""

    @property
    def size(self) -> int:
        """K."""
        return int(self.centroids.shape[0])

    @property
    def width(self) -> int:
        """Of the states."""
        return int(self.centroids.shape[1])

    def standardised(self, states: NDArray[np.floating]) -> NDArray[np.float32]:
        """States ``(T, d)`` with mean 0 and deviation 1 in each dimension."""
        return np.asarray((np.asarray(states, np.float32) - self.mean) / self.scale, np.float32)

    def assign(self, states: NDArray[np.floating]) -> NDArray[np.int32]:
        """The nearest centroid of each state, ``(T, d)`` → ``(T,)``; of several equally near ones the first.

        Raises:
            ValueError: the states have another width.
        """
        states = np.asarray(states)
        if states.ndim != 2 or states.shape[1] != self.width:
            raise ValueError(f"states (T, {self.width}) are wanted, not {states.shape}")
        found = np.zeros(states.shape[0], np.int32)
        for begin in range(0, states.shape[0], _BLOCK):
            rows = states[begin : begin + _BLOCK].astype(np.float32)
            found[begin : begin + _BLOCK] = (rows @ self._weights + self._bias).argmax(1)
        return found

    def nearest(self, unit: int, count: int) -> NDArray[np.int32]:
        """The units whose centroids are nearest to one, without itself, nearest first."""
        distances = ((self.centroids - self.centroids[unit]) ** 2).sum(1)
        distances[unit] = np.inf
        return np.argsort(distances, kind="stable")[:count].astype(np.int32)

    @cached_property
    def _weights(self) -> NDArray[np.float32]:
        """Standardising folded into the centroids: ``(d, K)``."""
        return np.ascontiguousarray((self.centroids / self.scale).T, np.float32)

    @cached_property
    def _bias(self) -> NDArray[np.float32]:
        # The nearest centroid has the largest x·c, less half its squared length where lengths differ.
        bias = -(self.mean / self.scale) @ self.centroids.T
        if self.metric == "l2":
            bias = bias - 0.5 * (self.centroids**2).sum(1)
        return np.asarray(bias, np.float32)

    def write(self, folder: Path) -> Path:
        """Writes ``codebook.safetensors`` in half precision; returns the file."""
        from safetensors.numpy import save_file

        arrays: dict[str, NDArray[np.generic]] = {
            "centroids": self.centroids.astype(np.float16),
            "mean": self.mean.astype(np.float32),
            "scale": self.scale.astype(np.float32),
        }
        if self.counts is not None:
            arrays["counts"] = np.minimum(self.counts, np.iinfo(np.int32).max).astype(np.int32)
        about = {"metric": self.metric, "phones": self.phones, "origin": self.origin}
        # One entry alone: several would stand in another order each time.
        save_file(arrays, str(folder / FILE), metadata={"about": json.dumps(about, ensure_ascii=False)})
        return folder / FILE

    @classmethod
    def read(cls, folder: Path) -> Codebook:
        """Reads what :meth:`write` wrote.

        Raises:
            GraphInvalid: the file is missing, damaged or no codebook.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(str(folder / FILE), framework="numpy") as file:
                about = json.loads((file.metadata() or {})["about"])
                arrays = {name: np.asarray(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118 -- no mapping
            book = _of(arrays, about)
        except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
            raise GraphInvalid(f"The codebook {folder.name}/{FILE} is missing or damaged.", _HINT) from error
        return book


def _of(arrays: Mapping[str, NDArray[np.generic]], about: Mapping[str, Any]) -> Codebook:
    """The codebook of a file.

    Raises:
        ValueError: its parts do not belong together.
        KeyError: a part is missing.
    """
    centroids = np.asarray(arrays["centroids"], np.float32)
    mean, scale = np.asarray(arrays["mean"], np.float32), np.asarray(arrays["scale"], np.float32)
    metric = next((known for known in METRICS if known == about["metric"]), None)
    phones = tuple(str(phone) for phone in about.get("phones", ()))
    counts = np.asarray(arrays["counts"], np.int64) if "counts" in arrays else None
    whole = centroids.ndim == 2 and min(centroids.shape) > 0 and mean.shape == scale.shape == centroids.shape[1:]
    finite = whole and all(np.isfinite(array).all() for array in (centroids, mean, scale)) and bool((scale > 0).all())
    if metric is None or not finite or (counts is not None and counts.shape != (len(centroids), len(phones))):
        raise ValueError("the parts of the codebook do not belong together")
    if metric == "cosine":
        centroids = centroids / np.maximum(np.linalg.norm(centroids, axis=1, keepdims=True), 1e-8)
    return Codebook(centroids, mean, scale, metric, phones, counts, str(about.get("origin", "")))
