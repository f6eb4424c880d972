"""A codec with random weights, written as the trained one is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engines.models.codec import Codec
from engines.training.tokens.codec_settings import CodecSettings
from engines.weights.cards import AdapterCard

SETTINGS = CodecSettings(filters=4, hidden=8, books=4, codes=16)


def network(seed: int = 0, loudness: float = 1.0) -> Any:
    """The network itself, its weights such that they pass through half precision unchanged."""
    import torch

    from engines.training.tokens.codec import seeded

    made = seeded(SETTINGS, seed)
    for layer in made.model.quantizer.layers:
        layer.codebook.embed.normal_().mul_(0.5)
    for part in (made.model.encoder, made.model.decoder):
        for module in part.modules():
            if type(module).__name__ in {"EncodecConv1d", "EncodecConvTranspose1d"}:
                torch.nn.utils.parametrize.remove_parametrizations(module.conv, "weight")
    made.model.decoder.layers[-1].conv.weight.data.mul_(loudness)
    for value in [*made.model.parameters(), *made.model.buffers()]:
        if value.is_floating_point():
            value.data = value.data.half().float()
    return made.eval()


def spectral(seed: int = 0) -> Any:
    """One whose ends are spectra, likewise."""
    from engines.training.tokens.codec import seeded

    made = seeded(SETTINGS.model_copy(update={"network": "spectral"}), seed)
    for book in made.codebook:
        book.embed.normal_().mul_(0.5)
    for value in [*made.parameters(), *made.buffers()]:
        if value.is_floating_point():
            value.data = value.data.half().float()
    return made.eval()


def card(shape: Any) -> AdapterCard:
    return AdapterCard(id="codec", kind="codec", name="Tiny codec", codec=shape)


def write(folder: Path, made: Any = None, **how: Any) -> tuple[Codec, Any]:
    """Writes ``folder/codec`` and opens it; gives the network as well, which is :func:`network` by default."""
    from export.codec import write_graphs

    made = made or network(**how)
    place = folder / "codec"
    place.mkdir(parents=True)
    found = card(write_graphs(made, place))
    found.write(place)
    return Codec(place, found), made
