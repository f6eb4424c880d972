"""The duplex model as it is exported: one frame of the Temporal Transformer, one code of the Depth Transformer."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engines.training.networks.duplex import DuplexNetwork

_NEVER = -1e4


class ExportedTemporal(nn.Module):
    """The frame that was, and what is remembered of those before it → the state of the frame that comes."""

    def __init__(self, network: DuplexNetwork) -> None:
        super().__init__()
        self.network = network.float()

    def forward(
        self, text: Tensor, own: Tensor, heard: Tensor, keys: Tensor, values: Tensor, filled: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Runs it.

        Args:
            text: ``(1,)`` of the last frame; what stands before the first frame at the beginning.
            own: ``(K,)`` of the last frame; -1 at the beginning.
            heard: ``(K,)`` of the last frame; -1 at the beginning, and for codes that were lost.
            keys: ``(layers, window, width)`` of the frames before, the latest one last.
            values: likewise.
            filled: ``(1,)`` how many of them there are; the others are not looked at.

        Returns:
            scores of the text ``(pieces + 2,)``, the state ``(width,)``, and keys and values that are moved on by one.
        """
        network = self.network
        window = network.size.window
        x = network.read(text[None], own[None, None], heard[None, None])
        places = torch.arange(window + 1)
        bias = torch.where(places >= window - filled, 0.0, _NEVER)[None]
        states, keys, values = network.temporal(x, bias, keys[:, None], values[:, None])
        state = states[0, 0]
        # As DuplexNetwork.text_scores, with the table as it is: turned over it would be written twice.
        scores = (network.text.weight @ state)[: network.size.start] * network.size.width**-0.5 + network.text_bias
        return scores, state, keys[:, 0, 1:], values[:, 0, 1:]


class ExportedDepth(nn.Module):
    """A frame's state, its text and the code before → scores of the next code."""

    def __init__(self, network: DuplexNetwork) -> None:
        super().__init__()
        self.network = network.float()

    def forward(
        self, state: Tensor, text: Tensor, code: Tensor, place: Tensor, keys: Tensor, values: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Runs it.

        Args:
            state: ``(width,)`` of the frame.
            text: ``(1,)`` of the frame.
            code: ``(1,)`` at the place before; -1 at the first.
            place: ``(1,)`` of the code that is wanted, from 0.
            keys: ``(layers, place, width)`` of the places before.
            values: likewise.

        Returns:
            scores ``(codes,)``, and keys and values ``(layers, place + 1, width)``.
        """
        network = self.network
        size = network.size
        book = torch.div(place, size.stack, rounding_mode="floor")
        before = torch.div((place - 1).clamp(min=0), size.stack, rounding_mode="floor")
        rows = code.clamp(min=0) + before * size.codes
        vector = F.embedding(rows, network.codebooks.flatten(0, 1)) * (code >= 0).to(state.dtype)[:, None]
        x = state @ network.depth_state[place][0] + network.depth_place[place] + network.depth_text(text)
        x = (x + vector @ network.depth_code[place][0])[None]
        made = []
        for layer, key, value in zip(network.depth_layers, keys, values, strict=True):
            x, *kept = layer(x, x.new_zeros(1), key[None], value[None])
            made.append(kept)
        told = network.depth_norm(x)[0, 0] @ network.heads[place][0] * size.hidden**-0.5
        scores = network.codebooks[book][0] @ told + network.bias[book][0]
        return scores, torch.cat([key for key, _ in made]), torch.cat([value for _, value in made])
