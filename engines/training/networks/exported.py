"""Trunk and adapters in the form of their graphs: one clip at a time, with the inputs and outputs of the run time."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from engines.training.networks.trunk import Trunk


class ExportedTrunk(nn.Module):
    """``states (T, 512)`` → ``hidden (T', width)`` and ``log_probs (T', 1 + P)``."""

    def __init__(self, trunk: Trunk) -> None:
        super().__init__()
        self.trunk = trunk.float()

    def forward(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        every = torch.full((1,), 1, dtype=torch.long) * states.shape[0]
        output = self.trunk(states[None], every)
        return output.hidden[0], output.logits[0].log_softmax(-1)


class ExportedLayer(nn.Module):
    """``hidden (T, d)`` → ``states (T, d)``, of a layer of the encoder with the norm behind the last."""

    def __init__(self, layer: nn.Module, norm: nn.Module | None) -> None:
        super().__init__()
        self.layer, self.norm = layer, norm

    def forward(self, hidden: Tensor) -> Tensor:
        """See the class."""
        states: Tensor = self.layer(hidden[None], None, None)[0][0]
        return states if self.norm is None else self.norm(states)


class ExportedGroups(nn.Module):
    """``hidden (T', width)`` → ``vectors (N, d)``, of convolution and pooling."""

    def __init__(self, adapter: Any) -> None:
        super().__init__()
        self.adapter = adapter.float()

    def forward(self, hidden: Tensor) -> Tensor:
        """See the class."""
        found: Tensor = self.adapter.vectors(hidden[None])[0]
        return found


class ExportedQueries(nn.Module):
    """``hidden (T', width)`` → ``vectors (N, d)`` and ``attention (N, window)`` of a Q-Former."""

    def __init__(self, adapter: Any) -> None:
        super().__init__()
        self.adapter = adapter.float()

    def forward(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        vectors, weights = self.adapter.vectors(hidden[None], torch.ones_like(hidden[None, :, 0]))
        return vectors[0], weights[0]


class ExportedRuns(nn.Module):
    """Means, labels and weights of N runs → ``vectors (N, d)``, of CTC compression."""

    def __init__(self, adapter: Any) -> None:
        super().__init__()
        self.adapter = adapter.float()

    def forward(self, hidden: Tensor, ids: Tensor, weights: Tensor) -> Tensor:
        """See the class."""
        found: Tensor = self.adapter.vectors(hidden, ids, weights)
        return found
