"""Whisper's encoder in torch, of which the last layers can be trained.

The layers are those of transformers, with weights from the installed CTranslate2 file. Its own ``forward`` insists on
30 s; here the encoder reads as much as it is given, as the graph of the recogniser does.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from engines.errors import GraphInvalid
from engines.weights import ctranslate2

_HEAD = 64
_NORM = {"gamma": "weight", "beta": "bias"}
_KINDS = ("weight", "bias")


class SpeechEncoder(nn.Module):
    """The encoder, frozen up to its last layers.

    Args:
        body: ``WhisperEncoder`` of transformers.
        tuned: how many of its last layers are trained, with the norm behind them.

    Attributes:
        tuned: the same.
        width: of its states.
    """

    def __init__(self, body: nn.Module, tuned: int) -> None:
        super().__init__()
        self.body: Any = body
        self.tuned = tuned
        self.width = int(self.body.layer_norm.weight.shape[0])
        self.body.requires_grad_(False)
        for part in (*self.upper, self.body.layer_norm) if tuned else ():
            part.requires_grad_(True)

    @property
    def lower(self) -> list[nn.Module]:
        """Layers that stay as they are."""
        return list(self.body.layers)[: len(self.body.layers) - self.tuned]

    @property
    def upper(self) -> list[nn.Module]:
        """Layers that are trained."""
        return list(self.body.layers)[len(self.body.layers) - self.tuned :]

    @classmethod
    def load(cls, folder: Path, tuned: int) -> SpeechEncoder:
        """Reads the weights of a folder of the weight store.

        Raises:
            GraphInvalid: they are not those of a Whisper model.
        """
        arrays = ctranslate2.read(folder / "model.bin")
        try:
            return cls(_body({name: value for name, value in arrays.items() if name.startswith("encoder/")}), tuned)
        except (KeyError, RuntimeError, ValueError) as error:
            reason = f"The weights in {folder.name} are not those of a Whisper encoder: {error}."
            raise GraphInvalid(reason, "Run `triptych models verify`.") from error

    def trained(self) -> dict[str, nn.Parameter]:
        """Name → parameter that is tuned, the same names whether or not gradients are wanted."""
        first = len(self.body.layers) - self.tuned
        wanted = tuple(f"layers.{layer}." for layer in range(first, len(self.body.layers)))
        wanted += ("layer_norm.",) if self.tuned else ()
        return {name: value for name, value in self.body.named_parameters() if name.startswith(wanted)}

    def take(self, weights: Mapping[str, Tensor]) -> None:
        """Takes over tuned weights by the names of :meth:`trained`.

        Raises:
            KeyError: one is missing.
        """
        with torch.no_grad():
            for name, value in self.trained().items():
                value.copy_(weights[name])

    @torch.no_grad()
    def below(self, mel: Tensor) -> Tensor:
        """What the first tuned layer reads.

        Args:
            mel: ``(B, 80, F)``, F even and at most 3000.

        Returns:
            ``(B, F / 2, width)``.
        """
        x = F.gelu(self.body.conv1(mel))
        x = F.gelu(self.body.conv2(x)).transpose(1, 2)
        x = x + self.body.embed_positions.weight[: x.shape[1]]
        for layer in self.lower:
            x = layer(x, None, None)[0]
        return x

    def above(self, hidden: Tensor) -> Tensor:
        """The tuned layers and the norm: ``(B, T, width)`` → states of the same shape."""
        for layer in self.upper:
            hidden = layer(hidden, None, None)[0]
        states: Tensor = self.body.layer_norm(hidden)
        return states

    def forward(self, mel: Tensor) -> Tensor:
        """States ``(B, F / 2, width)`` of ``(B, 80, F)`` features."""
        return self.above(self.below(mel))


def _body(arrays: Mapping[str, NDArray[np.generic]]) -> nn.Module:
    """``WhisperEncoder`` with the sizes and the weights of CTranslate2's variables."""
    from transformers import WhisperConfig
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    state = {name: torch.from_numpy(np.array(value, np.float32)) for name, value in _renamed(arrays).items()}
    width, bands = state["conv1.weight"].shape[:2]
    heads = max(1, width // _HEAD)
    config = WhisperConfig(
        d_model=width, encoder_layers=_layers(arrays), encoder_attention_heads=heads, num_mel_bins=bands,
        encoder_ffn_dim=state["layers.0.fc1.bias"].shape[0], dropout=0.0, attention_dropout=0.0,
        max_source_positions=state["embed_positions.weight"].shape[0], attn_implementation="sdpa",
    )  # fmt: skip
    body: nn.Module = WhisperEncoder(config)
    body.load_state_dict(state)
    return body


def _layers(arrays: Mapping[str, NDArray[np.generic]]) -> int:
    return sum(name.endswith("ffn/linear_0/bias") for name in arrays)


def _renamed(arrays: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
    """The names in transformers of CTranslate2's variables; queries, keys and values are stacked there."""
    state = {"embed_positions.weight": arrays["encoder/position_encodings/encodings"]}
    norms = {"layer_norm": "encoder/layer_norm"}
    plain = {"conv1": "encoder/conv1", "conv2": "encoder/conv2"}
    for layer in range(_layers(arrays)):
        old, new = f"encoder/layer_{layer}", f"layers.{layer}"
        norms[f"{new}.self_attn_layer_norm"] = f"{old}/self_attention/layer_norm"
        norms[f"{new}.final_layer_norm"] = f"{old}/ffn/layer_norm"
        plain[f"{new}.self_attn.out_proj"] = f"{old}/self_attention/linear_1"
        plain[f"{new}.fc1"], plain[f"{new}.fc2"] = f"{old}/ffn/linear_0", f"{old}/ffn/linear_1"
        for kind in _KINDS:
            parts = np.split(arrays[f"{old}/self_attention/linear_0/{kind}"], 3)
            state |= {f"{new}.self_attn.{name}_proj.{kind}": part for name, part in zip("qkv", parts, strict=True)}
        del state[f"{new}.self_attn.k_proj.bias"]  # Whisper's keys have none; the file holds zeros
    state |= {f"{new}.{_NORM[kind]}": arrays[f"{old}/{kind}"] for new, old in norms.items() for kind in _NORM}
    return state | {f"{new}.{kind}": arrays[f"{old}/{kind}"] for new, old in plain.items() for kind in _KINDS}
