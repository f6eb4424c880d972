"""Trunk, adapter and language model put together: the loss of a text given speech, and greedy writing."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engines.training.networks.adapters import Vectors
from engines.training.networks.gemma import TorchGemma
from engines.training.networks.greedy import greedy
from engines.training.networks.trunk import Trunk, TrunkOutput


class SpeechLanguageModel(nn.Module):
    """A frozen trunk, an adapter, and a language model that reads ``<bos>``, vectors, a prompt and writes a text.

    Args:
        trunk: trained before.
        adapter: of :mod:`engines.training.networks.adapters`.
        gemma: perhaps with a LoRA.
        head: ``(n + 1, width)`` rows of what can be written; the last ends the text.
    """

    head: Tensor

    def __init__(self, trunk: Trunk, adapter: nn.Module, gemma: TorchGemma, head: Tensor) -> None:
        super().__init__()
        self.trunk, self.adapter, self.gemma = trunk, adapter, gemma
        self.register_buffer("head", head, persistent=False)
        self.trunk.requires_grad_(False)

    def heard(self, states: Tensor, lengths: Tensor) -> TrunkOutput:
        """The trunk, without gradients and without dropout."""
        self.trunk.eval()
        with torch.no_grad():
            output: TrunkOutput = self.trunk(states, lengths)
        return output

    def loss(
        self, states: Tensor, lengths: Tensor, prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]]
    ) -> Tensor:
        """Cross-entropy per piece of the answers, in nats.

        Args:
            states: ``(B, T, 512)``.
            lengths: ``(B,)``.
            prompts: token ids between speech and answer.
            answers: places in the inventory, without the end.
        """
        vectors: Vectors = self.adapter(self.heard(states, lengths))
        device, end = states.device, len(self.head) - 1
        targets = [[*answer, end] for answer in answers]
        rows = []
        for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
            rows.append(torch.cat([self._before(vectors, row, prompt), self.head[list(answer)] * self.gemma.scale]))
        inputs = nn.utils.rnn.pad_sequence(rows, batch_first=True)
        sizes = torch.tensor([len(row) for row in rows], device=device)
        mask = torch.arange(inputs.shape[1], device=device) < sizes[:, None]
        hidden = self.gemma(inputs, mask.long())
        # The state at the prompt's last place predicts the first piece, and so on to the end.
        wanted = torch.cat([hidden[row, len(rows[row]) - len(t) : len(rows[row])] for row, t in enumerate(targets)])
        flat = torch.tensor([piece for target in targets for piece in target], device=device)
        return F.cross_entropy((wanted @ self.head.T).float(), flat, label_smoothing=0.05 if self.training else 0.0)

    def matching(self, states: Tensor, lengths: Tensor, blank: int, labels: Tensor) -> Tensor:
        """Matching loss: every vector against the embeddings of what the trunk's CTC hears in its frames.

        A soft form of the loss of Pham et al. (2024): cross-entropy between the CTC's posteriors over the vector's
        frames and a softmax of cosines to the embeddings.

        Args:
            states: ``(B, T, 512)``.
            lengths: ``(B,)``.
            blank: place of the piece that stands for silence.
            labels: ``(P,)`` places of the CTC labels.
        """
        output = self.heard(states, lengths)
        vectors: Vectors = self.adapter(output)
        if vectors.frames is None:
            return vectors.values.float().pow(2).mean() * 0.0
        size = vectors.frames
        probabilities = output.logits.float().softmax(-1)
        b, t, p = probabilities.shape
        groups = F.pad(probabilities, (0, 0, 0, -t % size)).reshape(b, -1, size, p)[:, : vectors.values.shape[1]]
        silence = groups[..., 0].amin(2, keepdim=True)
        heard = groups[..., 1:].sum(2)
        heard = heard / heard.sum(-1, keepdim=True).clamp(min=1e-6) * (1 - silence)
        rows = F.normalize(self.head[torch.cat([labels.new_tensor([blank]), labels])].float(), dim=-1)
        values = vectors.values[:, : groups.shape[1]].float()
        scores = (F.normalize(values, dim=-1) @ rows.T * 16).log_softmax(-1)
        losses = -(torch.cat([silence, heard], -1) * scores).sum(-1)
        real = torch.arange(losses.shape[1], device=losses.device) < vectors.counts[:, None]
        return losses[real].mean()

    def _before(self, vectors: Vectors, row: int, prompt: Sequence[int]) -> Tensor:
        begin = torch.tensor([self.gemma.begin], device=vectors.values.device)
        after = torch.tensor(list(prompt), device=vectors.values.device)
        found = vectors.values[row, : int(vectors.counts[row])].to(self.head.dtype)
        return torch.cat([self.gemma.embed(begin), found, self.gemma.embed(after)])

    @torch.no_grad()
    def write(
        self, states: Tensor, lengths: Tensor, prompts: Sequence[Sequence[int]], longest: Sequence[int]
    ) -> list[list[int]]:
        """Greedy texts of a batch, as places in the inventory.

        Args:
            states: ``(B, T, 512)``.
            lengths: ``(B,)``.
            prompts: token ids between speech and answer.
            longest: most pieces of each text.
        """
        self.eval()
        vectors: Vectors = self.adapter(self.heard(states, lengths))
        rows = [self._before(vectors, row, prompt) for row, prompt in enumerate(prompts)]
        texts: list[list[int]] = greedy(self.gemma, self.head, None, rows, longest, len(self.head) - 1)
        return texts
