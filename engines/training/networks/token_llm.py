"""The language model with rows for units of speech: loss of mixed sequences, and greedy transcripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from engines.training.networks.gemma import TorchGemma
from engines.training.networks.greedy import greedy
from engines.training.tokens.examples import Example, Layout


@dataclass
class Losses:
    """Sums in nats, and how many items they are of.

    Attributes:
        text: cross-entropy of text.
        texts: items of text.
        units: cross-entropy of units and of the marks of speech.
        unit_count: how many.
        durations: of logarithms of durations, smooth L1.
    """

    text: Tensor
    texts: int
    units: Tensor
    unit_count: int
    durations: Tensor

    def total(self, unit_weight: float, duration_weight: float) -> Tensor:
        """Mean per item, an item of speech counting ``unit_weight`` times as much as one of text."""
        weighted = self.text + unit_weight * self.units + duration_weight * self.durations
        return weighted / max(1.0, self.texts + unit_weight * self.unit_count)


class TokenLanguageModel(nn.Module):
    """One head over pieces of text and units (AudioPaLM, arXiv 2306.12925).

    Args:
        gemma: perhaps with a LoRA.
        head: ``(pieces + 1, width)`` rows of text, which are not trained.
        rows: ``(K + 2, width)`` rows that units and marks begin with.
        log_frames: ``(K,)`` mean logarithms of durations.
        layout: of the whole head.
    """

    head: Tensor
    log_frames: Tensor

    def __init__(self, gemma: TorchGemma, head: Tensor, rows: Tensor, log_frames: Tensor, layout: Layout) -> None:
        super().__init__()
        self.gemma, self.layout = gemma, layout
        self.register_buffer("head", head, persistent=False)
        self.register_buffer("log_frames", log_frames, persistent=False)
        self.rows = nn.Parameter(rows.clone())
        self.bias = nn.Parameter(torch.zeros(len(rows)))
        self.tempo = nn.Parameter(torch.zeros(rows.shape[1]))

    def everything(self) -> tuple[Tensor, Tensor]:
        """Rows ``(n, width)`` and bias ``(n,)`` of text and units."""
        bias = torch.cat([self.bias.new_zeros(len(self.head)), self.bias])
        return torch.cat([self.head, self.rows]), bias

    def losses(self, examples: Sequence[Example], *, smoothing: float = 0.0) -> Losses:
        """Cross-entropy of everything that is to be learnt.

        Args:
            examples: a batch.
            smoothing: of labels (arXiv 1512.00567).
        """
        rows, bias = self.everything()
        inputs, mask = self._inputs(examples, rows)
        hidden = self.gemma(inputs, mask)
        device = rows.device
        places = _padded([each.rows for each in examples], 0, device)
        frames = _padded([each.frames for each in examples], 0, device)
        learnt = _padded([each.learnt for each in examples], 0, device)[:, 1:].bool()
        targets = places[:, 1:]
        wanted = targets[learnt]
        values = F.cross_entropy(
            (hidden[:, :-1][learnt] @ rows.T + bias).float(), wanted, reduction="none", label_smoothing=smoothing
        )
        of_units = wanted >= self.layout.first_unit
        spoken = frames > 0
        units = places[spoken] - self.layout.first_unit
        guessed = self.log_frames[units] + (hidden[spoken] @ self.tempo).float()
        durations = F.smooth_l1_loss(guessed, frames[spoken].float().log(), reduction="sum")
        count = int(of_units.sum())
        return Losses(values[~of_units].sum(), len(wanted) - count, values[of_units].sum(), count, durations)

    @torch.no_grad()
    def transcripts(self, prompts: Sequence[Example], longest: Sequence[int]) -> list[list[int]]:
        """Greedy texts behind sequences, as places in the inventory.

        Args:
            prompts: what the texts follow.
            longest: most pieces of each.
        """
        rows, _ = self.everything()
        inputs, _ = self._inputs(prompts, rows)
        given = [inputs[place, : len(prompt)] for place, prompt in enumerate(prompts)]
        written: list[list[int]] = greedy(self.gemma, self.head, None, given, longest, self.layout.end_of_text)
        return written

    def _inputs(self, examples: Sequence[Example], rows: Tensor) -> tuple[Tensor, Tensor]:
        device = rows.device
        places = _padded([each.rows for each in examples], -1, device)
        tokens = _padded([each.tokens for each in examples], -1, device)
        own = rows[places.clamp(min=0)] * self.gemma.scale
        inputs = torch.where((places >= 0).unsqueeze(-1), own, self.gemma.embed(tokens.clamp(min=0)))
        sizes = torch.tensor([len(each) for each in examples], device=device)
        return inputs, (torch.arange(places.shape[1], device=device) < sizes[:, None]).long()


def _padded(rows: Sequence[NDArray[np.generic]], value: int, device: torch.device) -> Tensor:
    found = np.full((len(rows), max(map(len, rows))), value, np.int64)
    for place, row in enumerate(rows):
        found[place, : len(row)] = row
    return torch.from_numpy(found).to(device)
