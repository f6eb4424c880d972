"""Gemma 3 and SmolLM2 as graphs that run, from GGUF weights; no torch, no tracing.

One builder (:mod:`export.decoder_graph`) makes Gemma 3 (https://arxiv.org/abs/2503.19786) and Llama-like models
(SmolLM2); what differs is read from the file here. A graph set is a folder with ``model.onnx``, ``model.onnx.data``,
``tokenizer.json`` and ``config.json``. How formats were chosen is told in ``docs/decisions/0003-causal-lm-graphs.md``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from export.decoder_graph import CONTEXT, DecoderGraph, Geometry, Precision
from export.gguf_reading import Checkpoint, byte_level_tokenizer, sentencepiece_tokenizer
from export.vocabulary import kept_ids


def gemma_geometry(checkpoint: Checkpoint) -> Geometry:
    """Gemma 3: five layers with a sliding window for every one that sees everything."""

    def setting(name: str) -> Any:
        return checkpoint.setting(f"gemma3.{name}")

    layers, width = setting("block_count"), setting("embedding_length")
    everything = [(layer + 1) % 6 == 0 for layer in range(layers)]
    return Geometry(
        layers=layers,
        width=width,
        heads=setting("attention.head_count"),
        kv_heads=setting("attention.head_count_kv"),
        head_width=setting("attention.key_length"),
        epsilon=setting("attention.layer_norm_rms_epsilon"),
        rope_bases=tuple(setting("rope.freq_base") if wide else 10_000.0 for wide in everything),
        windows=tuple(-1 if wide else setting("attention.sliding_window") for wide in everything),
        embedding_scale=float(width) ** 0.5,
        activation="gelu_tanh",
        sandwich=True,
        interleaved=False,
    )


def llama_geometry(checkpoint: Checkpoint) -> Geometry:
    """Llama and its like."""

    def setting(name: str) -> Any:
        return checkpoint.setting(f"llama.{name}")

    layers, width, heads = setting("block_count"), setting("embedding_length"), setting("attention.head_count")
    return Geometry(
        layers=layers,
        width=width,
        heads=heads,
        kv_heads=setting("attention.head_count_kv"),
        head_width=width // heads,
        epsilon=setting("attention.layer_norm_rms_epsilon"),
        rope_bases=(setting("rope.freq_base"),) * layers,
        windows=(-1,) * layers,
        embedding_scale=1.0,
        activation="silu",
        sandwich=False,
        interleaved=True,
    )


def build_gemma(weights: Path, target: Path, *, precision: Precision = "int8", trimmed: bool = True) -> None:
    """Builds the graph set of Gemma 3 270M.

    Args:
        weights: the GGUF file, or the folder that holds it.
        target: the folder to fill.
        precision: of matrices; ``"fp32"`` is for comparison.
        trimmed: whether the vocabulary is cut to the languages offered.

    Raises:
        GraphInvalid: the file is not what it should be.
    """
    checkpoint = Checkpoint(_gguf(weights))
    tokens: list[str] = checkpoint.setting("tokenizer.ggml.tokens")
    types: list[int] = checkpoint.setting("tokenizer.ggml.token_type")
    ids = kept_ids() if trimmed else np.arange(len(tokens))
    kept = [tokens[i] for i in ids]
    tokenizer = sentencepiece_tokenizer(kept, [types[i] for i in ids])
    geometry = gemma_geometry(checkpoint)
    built = DecoderGraph(checkpoint, geometry, precision).build(ids, target / "model.onnx")
    tokenizer.save(str(target / "tokenizer.json"))
    _write_config(
        target,
        geometry,
        name="Gemma 3 270M",
        precision=precision,
        vocabulary=len(ids),
        begin=kept.index("<bos>"),
        end=[kept.index("<eos>"), kept.index("<end_of_turn>")],
        chat="questions",
        **built,
    )


def build_smollm2(weights: Path, target: Path, *, precision: Precision = "int8") -> None:
    """Builds the graph set of SmolLM2 135M Instruct; see :func:`build_gemma`."""
    checkpoint = Checkpoint(_gguf(weights))
    tokens: list[str] = checkpoint.setting("tokenizer.ggml.tokens")
    types: list[int] = checkpoint.setting("tokenizer.ggml.token_type")
    tokenizer = byte_level_tokenizer(tokens, types, checkpoint.setting("tokenizer.ggml.merges"))
    geometry = llama_geometry(checkpoint)
    built = DecoderGraph(checkpoint, geometry, precision).build(np.arange(len(tokens)), target / "model.onnx")
    tokenizer.save(str(target / "tokenizer.json"))
    _write_config(
        target,
        geometry,
        name="SmolLM2 135M Instruct",
        precision=precision,
        vocabulary=len(tokens),
        begin=None,
        end=[tokens.index("<|endoftext|>"), tokens.index("<|im_end|>")],
        chat="chatml",
        **built,
    )


def _gguf(weights: Path) -> Path:
    return next(iter(sorted(weights.glob("*.gguf"))), weights / "model.gguf") if weights.is_dir() else weights


def _write_config(target: Path, geometry: Geometry, **rest: Any) -> None:
    config = {
        **rest,
        "layers": geometry.layers,
        "width": geometry.width,
        "heads": geometry.heads,
        "kv_heads": geometry.kv_heads,
        "head_width": geometry.head_width,
        "context": CONTEXT,
        "wide": {"layers": geometry.wide, "rope_base": geometry.rope_bases[geometry.wide[0]]}
        if geometry.wide
        else None,
    }
    (target / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
