"""What is known of a tensor without computing it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_VALUES = 64
"""Integers of a tensor whose values are followed; they are shapes, lengths and places."""


@dataclass(frozen=True, eq=False)
class Tensor:
    """What is known of a tensor.

    Attributes:
        kind: element type, as ONNX numbers it; 0 where it is not known.
        shape: of it; None where it depends on data.
        values: of few integers or flags, where they are known.
    """

    kind: int
    shape: tuple[int, ...] | None
    values: NDArray[np.generic] | None = None

    @property
    def key(self) -> tuple[int, tuple[int, ...] | None, bytes | None]:
        """Equal for tensors of which the same is known."""
        return self.kind, self.shape, None if self.values is None else self.values.tobytes()
