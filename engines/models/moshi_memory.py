"""What the published Moshi (arXiv 2410.00037) takes, told before it is loaded.

It has eight billion parameters. Nothing is downloaded, and nothing is loaded that would not fit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from engines.errors import GraphInvalid, MemoryShort, WeightsMissing

CONVERTED: Final = "kmhf/hf-moshiko"
"""Where transformers' form of it is published; ``kyutai/moshiko-pytorch-bf16`` is the original."""
MIMI: Final = 79_308_609
"""Parameters of its codec, which every checkpoint has in the same size."""
MARGIN: Final = 0.1
"""Added for activations and buffers."""
_HINT: Final = f"Put {CONVERTED} from Hugging Face into a folder, and name it under Moshi’s folder."
_BYTES: Final[Mapping[str, int]] = {"float32": 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True)
class MoshiNeed:
    """What a checkpoint takes.

    Attributes:
        parameters: temporal and depth transformer, tables and codec.
        weight_bytes: of them.
        cache_bytes: keys and values of the longest conversation that it looks back on.
    """

    parameters: int
    weight_bytes: int
    cache_bytes: int

    @property
    def bytes(self) -> int:
        """All of it, with a margin."""
        return round((self.weight_bytes + self.cache_bytes) * (1 + MARGIN))


def estimate(config: Mapping[str, Any], precision: str = "bfloat16") -> MoshiNeed:
    """What a checkpoint takes, from its ``config.json`` alone.

    Args:
        config: as transformers writes it; sizes that it leaves out are the published ones.
        precision: in which it is loaded: float32, bfloat16 or float16.

    Raises:
        GraphInvalid: the configuration is none of Moshi, or its sizes make no sense.
    """
    if config.get("model_type") != "moshi" or precision not in _BYTES:
        raise GraphInvalid(f"This is no configuration of Moshi in {precision}.", _HINT)
    inner: Mapping[str, Any] = config.get("depth_decoder_config") or {}
    width, depth_width = _size(config, "hidden_size", 4096), _size(inner, "hidden_size", 1024)
    texts, books = _size(config, "vocab_size", 32_000), _size(config, "num_codebooks", 8)
    codes = _size(config, "audio_vocab_size", 2048)
    layers, depth_layers = _size(config, "num_hidden_layers", 32), _size(inner, "num_hidden_layers", 6)
    key = _key_width(config, width, 32)
    temporal = layers * (_layer(width, key, _size(config, "ffn_dim", 22_528), 1)) + width
    temporal += (2 * texts + 1) * width + 2 * books * (codes + 1) * width
    depth_key = _key_width(inner, depth_width, 16)
    depth = depth_layers * _layer(depth_width, depth_key, _size(inner, "ffn_dim", 5632), books)
    depth += (texts + 1 + (books - 1) * (codes + 1) + books * (width + codes)) * depth_width
    parameters = temporal + depth + MIMI
    each = _BYTES[precision]
    cached = 2 * (layers * key * _size(config, "sliding_window", 3000) + depth_layers * depth_key * (books + 1))
    return MoshiNeed(parameters, parameters * each, cached * each)


def checkpoint(folder: Path) -> Path:
    """The folder that holds the files: itself, or the snapshot in a folder of Hugging Face's cache.

    Args:
        folder: with the files, a cached model (``models--…``), or a cache that holds :data:`CONVERTED`.
    """
    for model in (folder, folder / f"models--{CONVERTED.replace('/', '--')}"):
        try:
            commit = (model / "refs" / "main").read_text(encoding="utf-8").strip()
        except (OSError, ValueError):
            continue
        if (model / "snapshots" / commit / "config.json").is_file():
            return model / "snapshots" / commit
    return folder


def require(folder: Path | None, precision: str = "bfloat16", available: int | None = None) -> MoshiNeed:
    """Checks that a checkpoint is there and would fit, without reading its weights.

    Args:
        folder: that holds it; None where none was named.
        precision: in which it would be loaded.
        available: bytes of free memory; those of this machine by default.

    Raises:
        WeightsMissing: there is none.
        GraphInvalid: its configuration is damaged, or of something else.
        MemoryShort: it would not fit.
    """
    have = psutil.virtual_memory().available if available is None else available
    if folder is None or not (folder / "config.json").is_file() or not any(folder.glob("*.safetensors")):
        where = "No folder with Moshi is named" if folder is None else f"{folder} holds no checkpoint of Moshi"
        published = estimate({"model_type": "moshi"}, precision)
        raise WeightsMissing(f"{where}; it takes {_told(published, precision, have)}", _HINT)
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        need = estimate(config, precision)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise GraphInvalid(f"The configuration in {folder} is damaged.", _HINT) from error
    if need.bytes > have:
        raise MemoryShort(
            f"Moshi takes {_told(need, precision, have)}", "Close other programs, or use the small model."
        )
    return need


def _layer(width: int, key: int, inner: int, copies: int) -> int:
    """Parameters of a layer whose matrices exist ``copies`` times: attention, a gated feed-forward part, two norms."""
    return copies * (2 * width * width + 2 * width * key + width * inner + inner // 2 * width) + 2 * width


def _key_width(config: Mapping[str, Any], width: int, heads: int) -> int:
    """Width of keys and of values."""
    count = _size(config, "num_attention_heads", heads)
    return _size(config, "num_key_value_heads", count) * _size(config, "head_dim", width // count)


def _size(config: Mapping[str, Any], name: str, default: int) -> int:
    value = config.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise GraphInvalid(f"The configuration of Moshi has an impossible {name}: {value!r}.", _HINT)
    return value


def _told(need: MoshiNeed, precision: str, have: int) -> str:
    return f"{_gigabytes(need.bytes)} of memory in {precision}; {_gigabytes(have)} are free."


def _gigabytes(count: int) -> str:
    return f"{count / 2**30:.1f} GiB"
