"""Writes small GGUF files with random weights, in the shape of the real ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter
from gguf.quants import quantize

PIECES = ["▁t", "he", "▁the", "in", "▁a", "▁th", "▁in", "er", "▁s", "an", "▁house", "ho", "us", "use", "▁ho", "house"]
LETTERS = list("▁abcdefghijklmnopqrstuvwxyzäöü.,ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def gemma_vocabulary() -> tuple[list[str], list[int]]:
    """Pieces and types like Gemma's: specials, newlines, bytes, merged pieces, letters."""
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"]
    bytes_ = [f"<0x{i:02X}>" for i in range(256)]
    tokens = [*special, "\n", "\n\n", *bytes_, *PIECES, *LETTERS]
    return tokens, [3] * len(special) + [4, 4] + [6] * 256 + [1] * (len(PIECES) + len(LETTERS))


def write_gemma(path: Path, *, layers: int = 6, width: int = 64, seed: int = 0) -> Path:
    """A Gemma 3 with a window of 8 tokens."""
    tokens, types = gemma_vocabulary()
    writer = GGUFWriter(str(path), "gemma3")
    writer.add_block_count(layers)
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(2 * width)
    writer.add_head_count(2)
    writer.add_head_count_kv(1)
    writer.add_key_length(32)
    writer.add_value_length(32)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1e6)
    writer.add_sliding_window(8)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    random = np.random.default_rng(seed)
    q8 = GGMLQuantizationType.Q8_0
    shapes = {
        "attn_q": (64, width), "attn_k": (32, width), "attn_v": (32, width), "attn_output": (width, 64),
        "ffn_gate": (2 * width, width), "ffn_up": (2 * width, width), "ffn_down": (width, 2 * width),
    }  # fmt: skip
    norms = ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm")
    matrices = {"token_embd": (len(tokens), width)}
    vectors = {"output_norm": width}
    for layer in range(layers):
        matrices |= {f"blk.{layer}.{name}": shape for name, shape in shapes.items()}
        vectors |= {f"blk.{layer}.{name}": width for name in norms}
        vectors |= {f"blk.{layer}.{name}": 32 for name in ("attn_q_norm", "attn_k_norm")}
    for name, shape in matrices.items():
        values = random.normal(0, shape[1] ** -0.5, shape).astype(np.float32)
        writer.add_tensor(f"{name}.weight", quantize(values, q8), raw_dtype=q8)
    for name, size in vectors.items():
        writer.add_tensor(f"{name}.weight", random.uniform(0.5, 1.5, size).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
