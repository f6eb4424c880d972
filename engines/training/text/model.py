"""Gemma in torch with a LoRA, for learning to write after a prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engines.runtime.lora import PROJECTIONS
from engines.training.text.examples import Example

if TYPE_CHECKING:
    from torch import Tensor


def load(folder: Path, kept: NDArray[np.int64]) -> Any:
    """Gemma from its GGUF file as a network of transformers in bfloat16, its vocabulary trimmed as the graph's is.

    Args:
        folder: of the weights.
        kept: ids of the tokens to keep, ascending.

    Raises:
        WeightsMissing: the folder has no GGUF file.
    """
    import torch

    from engines.training.networks.gemma import read_gguf

    network = read_gguf(folder, torch.bfloat16)
    table = network.get_input_embeddings().weight.detach()[torch.from_numpy(kept)].clone()
    network.resize_token_embeddings(len(kept), mean_resizing=False)
    with torch.no_grad():
        network.get_input_embeddings().weight.copy_(table)
    network.tie_weights()
    return network


class TextModel:
    """A causal language model whose LoRA is trained; everything else is frozen.

    Args:
        network: of transformers; it is changed.
        rank: of the LoRA.
        alpha: α; the LoRA's product is scaled by α/rank.
        end: token that ends what is written.
        seed: of the LoRA's beginning.
    """

    def __init__(self, network: Any, *, rank: int, alpha: float, end: int, seed: int = 0) -> None:
        import peft
        import torch

        torch.manual_seed(seed)
        config = peft.LoraConfig(r=rank, lora_alpha=alpha, target_modules=list(PROJECTIONS), lora_dropout=0.0)
        self.network = peft.get_peft_model(network, config, autocast_adapter_dtype=False)
        # Dropout of the network itself is 0 in Gemma; this keeps caches off while training.
        self.network.config.use_cache = False
        self._end = end
        self._trained = {name: value for name, value in self.network.named_parameters() if value.requires_grad}
        dtype = network.get_input_embeddings().weight.dtype
        for value in self._trained.values():
            value.data = value.data.to(dtype)

    def parameters(self) -> list[Tensor]:
        """Those of the LoRA."""
        return list(self._trained.values())

    def weights(self) -> dict[str, Tensor]:
        """A copy of the LoRA."""
        return {name: value.detach().clone() for name, value in self._trained.items()}

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Takes over :meth:`weights`."""
        import torch

        with torch.no_grad():
            for name, value in self._trained.items():
                value.copy_(weights[name])

    def loss(self, examples: Sequence[Example]) -> Tensor:
        """Cross-entropy of the responses in nats per token; the head is computed at their places alone."""
        import torch

        ids, mask = self._padded([example.prompt + example.response for example in examples], left=False)
        rows, columns, targets = [], [], []
        for row, example in enumerate(examples):
            for place, token in enumerate(example.response, len(example.prompt)):
                rows.append(row)
                columns.append(place - 1)
                targets.append(token)
        base = self.network.get_base_model()
        hidden = base.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
        logits = base.lm_head(hidden[rows, columns])
        return torch.nn.functional.cross_entropy(logits.float(), torch.tensor(targets, device=logits.device))

    def write(self, prompts: Sequence[Sequence[int]], limit: int) -> list[list[int]]:
        """Greedy continuations, each up to the token that ends it, which is not among them.

        Args:
            prompts: token ids.
            limit: tokens of the longest continuation.
        """
        import torch

        ids, mask = self._padded(prompts, left=True)
        self.network.eval()
        with torch.no_grad():
            made = self.network.generate(
                input_ids=ids, attention_mask=mask, max_new_tokens=limit, do_sample=False, use_cache=True,
                eos_token_id=self._end, pad_token_id=0, top_k=None, top_p=None,
            )[:, ids.shape[1] :].tolist()  # fmt: skip
        self.network.train()
        return [row[: row.index(self._end)] if self._end in row else row for row in made]

    def _padded(self, sequences: Sequence[Sequence[int]], *, left: bool) -> tuple[Tensor, Tensor]:
        import torch

        width = max(map(len, sequences))
        ids = np.zeros((len(sequences), width), np.int64)
        mask = np.zeros((len(sequences), width), np.int64)
        for place, tokens in enumerate(sequences):
            part = slice(width - len(tokens), width) if left else slice(0, len(tokens))
            ids[place, part] = tokens
            mask[place, part] = 1
        device = next(iter(self._trained.values())).device
        return torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device)
