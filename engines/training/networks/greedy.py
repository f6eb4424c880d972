"""Greedy writing of a batch from vectors, with the rows of a head that may be written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from engines.training.networks.gemma import TorchGemma


@torch.no_grad()
def greedy(
    gemma: TorchGemma, head: Tensor, bias: Tensor | None, rows: Sequence[Tensor], longest: Sequence[int], end: int
) -> list[list[int]]:
    """Writes what follows.

    Args:
        gemma: the language model.
        head: ``(n, width)`` rows of what may be written.
        bias: ``(n,)`` added to the scores.
        rows: per text ``(S, width)`` vectors that it follows.
        longest: most items of each text.
        end: row that ends a text.

    Returns:
        rows of each text, without the end.
    """
    size = max(len(row) for row in rows)
    inputs = torch.stack([F.pad(row, (0, 0, size - len(row), 0)) for row in rows])
    counts = torch.tensor([len(row) for row in rows], device=head.device)
    mask = (torch.arange(size, device=head.device) >= size - counts[:, None]).long()
    cache: Any = None
    texts: list[list[int]] = [[] for _ in rows]
    going = [True] * len(rows)
    places = (mask.cumsum(1) - 1).clamp(min=0)
    for step in range(max(longest)):
        out = gemma.body(
            inputs_embeds=inputs, attention_mask=mask, position_ids=places, past_key_values=cache, use_cache=True
        )
        cache = out.past_key_values
        scores = (out.last_hidden_state[:, -1] @ head.T).float()
        best = (scores if bias is None else scores + bias.float()).argmax(-1)
        for row, item in enumerate(best.tolist()):
            going[row] = going[row] and item != end and step < longest[row]
            if going[row]:
                texts[row].append(item)
        if not any(going):
            break
        inputs = (head[best] * gemma.scale).unsqueeze(1)
        mask = F.pad(mask, (0, 1), value=1)
        places = places[:, -1:] + 1
    return texts
