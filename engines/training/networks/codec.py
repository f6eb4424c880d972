"""The codec's network: EnCodec's SEANet with causal convolutions (arXiv 2210.13438, §3.1) without its LSTM.

The LSTM costs a sixth of the time on a CPU and makes every frame depend on all before it; without it a frame depends on
eight, and the decoder can be entered anywhere. The classes are those of transformers.
"""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import EncodecConfig, EncodecModel

from engines.training.networks.exported_codec import Exported, exported
from engines.training.networks.quantiser import ResidualQuantiser
from engines.training.tokens.codec_settings import HOP, RATIOS, CodecSettings

_CONVOLUTIONS = ("EncodecConv1d", "EncodecConvTranspose1d")
_LOUDNESS = 0.1
"""Root mean square of speech."""


class CodecNetwork(nn.Module):
    """Encoder, residual codebooks and decoder.

    Attributes:
        model: of transformers, its LSTMs taken out.
        quantiser: trains and uses the model's codebooks.
    """

    def __init__(self, settings: CodecSettings) -> None:
        super().__init__()
        bits = settings.books * math.log2(settings.codes) * 16_000 / HOP
        config = EncodecConfig(
            target_bandwidths=[bits / 1000 + 1e-6], sampling_rate=16_000, audio_channels=1, hidden_size=settings.hidden,
            num_filters=settings.filters, num_residual_layers=settings.blocks, upsampling_ratios=list(RATIOS),
            pad_mode="constant", use_causal_conv=True, num_lstm_layers=1, codebook_size=settings.codes,
        )  # fmt: skip
        self.settings = settings
        self.model = EncodecModel(config)
        for part in (self.model.encoder, self.model.decoder):
            for place, layer in enumerate(part.layers):
                if type(layer).__name__ == "EncodecLSTM":
                    part.layers[place] = nn.Identity()
        level(self.model)
        self.books = settings.books
        self.quantiser = ResidualQuantiser(
            [layer.codebook for layer in self.model.quantizer.layers], settings.averaging, settings.revive
        )

    def encode(self, samples: Tensor) -> Tensor:
        """Latents ``(B, hidden, T)`` float32 of samples ``(B, T * 320)``; convolutions in bfloat16."""
        with torch.autocast(samples.device.type, torch.bfloat16):
            found = self.model.encoder(samples[:, None])
        return cast(Tensor, found.float())

    def decode(self, latents: Tensor) -> Tensor:
        """Samples ``(B, T * 320)`` float32 of latents ``(B, hidden, T)``; the last convolution in float32."""
        layers = self.model.decoder.layers
        with torch.autocast(latents.device.type, torch.bfloat16):
            values = latents
            for layer in layers[:-1]:
                values = layer(values)
        return cast(Tensor, layers[-1](values.float())[:, 0])

    def trained(self) -> list[Tensor]:
        """What is trained by gradients: all but the codebooks."""
        return [*self.model.encoder.parameters(), *self.model.decoder.parameters()]

    def codebooks(self) -> dict[str, Tensor]:
        """What is trained by running averages."""
        return dict(self.model.quantizer.named_buffers())

    def exported(self) -> Exported:
        """What is exported of it."""
        return exported(self.model)


def level(model: Any) -> None:
    """Scales every convolution to give a variance of 1 (LSUV, arXiv 1511.06422), the last one that of speech.

    As the layers come, each weakens what passes through it, so that after twenty of them hardly anything is left to
    learn from in the first thousand steps. Noise that falls by 3 dB an octave stands for speech.

    Args:
        model: an EncodecModel without LSTM.
    """

    def scale(layer: Any, given: Any, made: Tensor) -> Tensor:
        del given
        wanted = _LOUDNESS if layer is model.decoder.layers[-1] else 1.0
        factor = wanted / made.std().clamp(min=1e-8)
        layer.conv.parametrizations.weight.original0.mul_(factor)
        return made * factor

    convolutions = [module for module in model.modules() if type(module).__name__ in _CONVOLUTIONS]
    for layer in convolutions:
        nn.init.zeros_(layer.conv.bias)
    handles = [layer.register_forward_hook(scale) for layer in convolutions]
    with torch.no_grad():
        noise = torch.fft.rfft(torch.randn(4, 1, 50 * HOP))
        pink = torch.fft.irfft(noise / torch.arange(1, noise.shape[-1] + 1).sqrt())
        model.decoder(model.encoder(pink * (_LOUDNESS / pink.std())))
    for handle in handles:
        handle.remove()
