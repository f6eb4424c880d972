"""Gemma in torch for training: inputs as vectors, logits over the inventory, a LoRA through peft."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engines.errors import WeightsMissing
from engines.models.pieces import Inventory
from engines.training.recipes import Lora


def read_gguf(folder: Path, dtype: torch.dtype) -> Any:
    """Gemma from its GGUF file, as a causal language model of transformers.

    Args:
        folder: of the weights.
        dtype: of the parameters.

    Raises:
        WeightsMissing: the folder has no GGUF file.
    """
    import transformers
    from transformers import modeling_gguf_pytorch_utils

    modeling_gguf_pytorch_utils.tqdm = lambda items, **_: items  # no bar of its own
    file = gguf_file(folder)
    return transformers.AutoModelForCausalLM.from_pretrained(
        str(folder), gguf_file=file.name, dtype=dtype, attn_implementation="sdpa"
    )


def gguf_file(folder: Path) -> Path:
    """The GGUF file of a folder.

    Raises:
        WeightsMissing: there is none.
    """
    file = next(iter(sorted(folder.glob("*.gguf"))), None)
    if file is None:
        raise WeightsMissing("Gemma 3 270M is not installed.", "Run `triptych models fetch gemma-3-270m`.")
    return file


class TorchGemma(nn.Module):
    """The text model without its head; logits come from the embeddings of the pieces that can be written.

    Args:
        body: the transformer; called with ``inputs_embeds``.
        embeddings: ``(vocabulary, width)``, unscaled.
        tokens: text of every token.
        begin: id of the token that begins texts.
        end: id of the token that ends them.
    """

    def __init__(self, body: nn.Module, embeddings: Tensor, tokens: Sequence[str], begin: int, end: int) -> None:
        super().__init__()
        self.body = body
        self.register_buffer("table", embeddings, persistent=False)
        self.ids = {text: place for place, text in enumerate(tokens)}
        self.begin, self.end = begin, end
        self.width = int(embeddings.shape[1])
        self.scale = self.width**0.5

    @classmethod
    def load(cls, folder: Path, dtype: torch.dtype) -> TorchGemma:
        """Loads the GGUF file of a folder of the weight store."""
        from gguf import GGUFReader

        field = GGUFReader(gguf_file(folder)).get_field("tokenizer.ggml.tokens")
        assert field is not None
        tokens = [bytes(field.parts[part]).decode() for part in field.data]
        body = read_gguf(folder, dtype).model
        table = body.embed_tokens.weight.detach().clone()
        body.embed_tokens = nn.Embedding(1, table.shape[1], dtype=dtype)  # unused: inputs come as vectors
        body.requires_grad_(False)
        return cls(body, table, tokens, tokens.index("<bos>"), tokens.index("<eos>"))

    def adapt(self, lora: Lora) -> list[nn.Parameter]:
        """Puts a LoRA on the body and returns its parameters."""
        import peft

        config = peft.LoraConfig(
            r=lora.rank, lora_alpha=lora.alpha, target_modules=list(lora.targets), lora_dropout=0.0, bias="none"
        )
        dtype = self.table.dtype
        self.body = peft.get_peft_model(self.body, config, autocast_adapter_dtype=False)
        found = [p for p in self.body.parameters() if p.requires_grad]
        for parameter in found:
            parameter.data = parameter.data.to(dtype)
        return found

    def lora_parameters(self, *, trained: bool) -> dict[str, nn.Parameter]:
        """Lets the LoRA learn or keeps it as it is; gives what learns, as ``lora.`` and its name in the body."""
        found = {f"lora.{name}": value for name, value in self.body.named_parameters() if "lora_" in name}
        for value in found.values():
            value.requires_grad_(trained)
        return found if trained else {}

    def encoder(self, tokenizer: Path) -> Callable[[str], list[int]]:
        """What turns text into token ids, by a ``tokenizer.json`` whose ids may be trimmed."""
        from tokenizers import Tokenizer

        known = Tokenizer.from_file(str(tokenizer))
        return lambda text: self.full_ids(known.encode(text, add_special_tokens=False).tokens)

    def embed(self, ids: Tensor) -> Tensor:
        """Input vectors of token ids."""
        return self.table[ids] * self.scale

    def full_ids(self, texts: Sequence[str]) -> list[int]:
        """Ids of tokens given as text."""
        return [self.ids[text] for text in texts]

    def writable(self, inventory: Inventory) -> Tensor:
        """Rows of the head ``(len(inventory) + 1, width)``: the pieces by place, and last the end of text."""
        return self.table[self.full_ids([piece.text for piece in inventory.pieces] + ["<eos>"])]

    def forward(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """``(B, S, width)`` inputs and a ``(B, S)`` mask of real places → last hidden states."""
        hidden: Tensor = self.body(inputs_embeds=inputs, attention_mask=mask, use_cache=False).last_hidden_state
        return hidden
