"""Writes models in CTranslate2's format."""

from __future__ import annotations

import struct

import numpy as np


def write(path, variables, aliases=None):
    def text(value):
        return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"

    kinds = {np.dtype(np.float32): 0, np.dtype(np.int8): 1, np.dtype(np.float16): 4}
    parts = [struct.pack("<I", 6), text("WhisperSpec"), struct.pack("<II", 3, len(variables))]
    for name, value in variables.items():
        shape = struct.pack(f"<B{value.ndim}I", value.ndim, *value.shape)
        parts += [text(name), shape, struct.pack("<BI", kinds[value.dtype], value.nbytes), value.tobytes()]
    parts.append(struct.pack("<I", len(aliases or {})))
    parts += [text(alias) + text(name) for alias, name in (aliases or {}).items()]
    path.write_bytes(b"".join(parts))


def tiny_encoder(width=64, layers=6, seed=0):
    """Random variables of a Whisper encoder; the decoder is only as much as tells its number of layers."""
    random = np.random.default_rng(seed)

    def made(*shape, scale=None):
        return random.normal(0, scale or (np.prod(shape[1:]) or 1) ** -0.5, shape).astype(np.float16)

    found = {
        "encoder/conv1/weight": made(width, 80, 3), "encoder/conv1/bias": made(width, scale=0.1),
        "encoder/conv2/weight": made(width, width, 3), "encoder/conv2/bias": made(width, scale=0.1),
        "encoder/position_encodings/encodings": made(1500, width, scale=0.3),
    }  # fmt: skip
    norms = ["encoder/layer_norm"]
    for layer in range(layers):
        name = f"encoder/layer_{layer}"
        norms += [f"{name}/self_attention/layer_norm", f"{name}/ffn/layer_norm"]
        stacked = made(3 * width, scale=0.1)
        stacked[width : 2 * width] = 0  # keys have no bias
        found |= {
            f"{name}/self_attention/linear_0/weight": made(3 * width, width),
            f"{name}/self_attention/linear_0/bias": stacked,
            f"{name}/self_attention/linear_1/weight": made(width, width),
            f"{name}/self_attention/linear_1/bias": made(width, scale=0.1),
            f"{name}/ffn/linear_0/weight": made(2 * width, width),
            f"{name}/ffn/linear_0/bias": made(2 * width, scale=0.1),
            f"{name}/ffn/linear_1/weight": made(width, 2 * width),
            f"{name}/ffn/linear_1/bias": made(width, scale=0.1),
            f"decoder/layer_{layer}/ffn/linear_0/bias": made(2, scale=0.1),
        }
    for name in norms:
        found[f"{name}/gamma"] = (1 + made(width, scale=0.1)).astype(np.float16)
        found[f"{name}/beta"] = made(width, scale=0.1)
    return found
