"""Graphs of Whisper, built node by node from the CTranslate2 weights; no torch, no tracing.

A graph set has ``encoder.onnx``, ``cross.onnx``, ``decoder.onnx``, ``tokenizer.json`` and ``config.json``.

encoder: ``mel (1, 80, F)`` float32, F even and at most 3000 → ``frames (1, F/2, d)``.

cross: ``frames (1, T, d)`` → per layer ``cross.N.key (1, H, 64, T)`` and ``cross.N.value (1, H, T, 64)``; once per
stretch of speech.

decoder: ``tokens (B, S)`` int64, ``offset (1,)`` int64 (tokens in the cache), ``origin (B,)`` int64 (which row of the
past every row continues: the beam's reordering), ``wanted (R,)`` int64 (for which of the B·S places logits are
computed), the caches ``past.N.key/value (P, H, L, 64)`` and the cross keys and values → ``logits (R, V)``,
``present.N.key/value (B, H, L+S, 64)`` and ``attention (B·S, T)``, the cross-attention averaged over the alignment
heads, which is computed only if it is fetched.

All hypotheses attend to the same speech, so in cross-attention they are rows of one query against one key: the cross
cache is neither copied nor repeated.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from engines.errors import GraphInvalid
from engines.weights import ctranslate2
from export.graph import BLOCK, GraphBuilder, Precision, quantise_blocks

_HEAD = 64
_ATTENTION = "com.microsoft:MultiHeadAttention"
_SKIP_NORM = "com.microsoft:SkipLayerNormalization"
_EPSILON = 1e-5


def build(weights: Path, target: Path, *, precision: Precision = "int8") -> None:
    """Builds the graph set.

    Args:
        weights: folder with ``model.bin``, ``config.json`` and ``tokenizer.json``.
        target: the folder to fill.
        precision: ``"fp32"`` is for comparison.

    Raises:
        GraphInvalid: the weights are not those of a Whisper model.
    """
    try:
        arrays = ctranslate2.read(weights / "model.bin")
        config = json.loads((weights / "config.json").read_text(encoding="utf-8"))
        parameters = _Parameters(arrays)
        _encoder(parameters, precision).write(target / "encoder.onnx", precision=precision)
        _cross(parameters, precision).write(target / "cross.onnx", precision=precision)
        heads = [tuple(pair) for pair in config["alignment_heads"]]
        _decoder(parameters, precision, heads).write(target / "decoder.onnx", precision=precision)
        tokenizer = _tokenizer(weights / "tokenizer.json")
    except (KeyError, json.JSONDecodeError, OSError) as error:
        raise GraphInvalid(f"The Whisper weights are not usable: {error}.", "Run `triptych models verify`.") from error
    (target / "tokenizer.json").write_text(tokenizer, encoding="utf-8")
    (target / "config.json").write_text(
        json.dumps(
            {
                "name": "Whisper base",
                "precision": precision,
                "layers": parameters.layers,
                "heads": parameters.width // _HEAD,
                "suppress": config["suppress_ids"],
                "suppress_first": config["suppress_ids_begin"],
            }
        ),
        encoding="utf-8",
    )


def _tokenizer(path: Path) -> str:
    """The tokenizer with its first merge put back.

    The file of the published conversion has lost it ("Ġ t", the piece of id 256), so that no word that begins with t is
    encoded as the model writes it. Decoding is not affected.
    """
    tokenizer = json.loads(path.read_text(encoding="utf-8"))
    vocabulary, merges = tokenizer["model"]["vocab"], tokenizer["model"]["merges"]
    paired = not isinstance(merges[0], str)
    first: str | list[str] = ["Ġ", "t"] if paired else "Ġ t"
    if vocabulary.get("Ġt") == 256 and first not in merges[:1]:
        merges.insert(0, first)
    return json.dumps(tokenizer, ensure_ascii=False)


class _Parameters:
    """The weights as float32, by CTranslate2's names."""

    def __init__(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        self._arrays = arrays
        self.width = self["encoder/conv1/bias"].shape[0]
        self.layers = sum(name.startswith("decoder/") and name.endswith("ffn/linear_0/bias") for name in arrays)

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        return self._arrays[name].astype(np.float32)

    def norm(self, name: str) -> list[NDArray[np.float32]]:
        """Gain and bias of a layer norm."""
        return [self[f"{name}/gamma"], self[f"{name}/beta"]]

    def linear(self, name: str, part: int = 0, parts: int = 1) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Matrix and bias; ``part`` of ``parts`` equal stacks of rows."""
        matrix, bias = self[f"{name}/weight"], self[f"{name}/bias"]
        rows = matrix.shape[0] // parts
        return matrix[part * rows : (part + 1) * rows], bias[part * rows : (part + 1) * rows]


def _norm(g: GraphBuilder, x: str, name: str, parameters: list[NDArray[np.float32]]) -> str:
    gain, bias = parameters
    inputs = [x, g.weight(f"{name}.gain", gain), g.weight(f"{name}.bias", bias)]
    return g.node("LayerNormalization", inputs, epsilon=_EPSILON)


def _add_and_norm(g: GraphBuilder, x: str, y: str, name: str, parameters: list[NDArray[np.float32]]) -> tuple[str, str]:
    """Norm of the sum, and the sum."""
    gain, bias = parameters
    outputs = [f"{name}.normed", "", "", f"{name}.sum"]
    inputs = [x, y, g.weight(f"{name}.gain", gain), g.weight(f"{name}.bias", bias)]
    g.nodes(_SKIP_NORM, inputs, outputs, epsilon=_EPSILON)
    return outputs[0], outputs[3]


def _feed_forward(g: GraphBuilder, x: str, name: str, p: _Parameters) -> str:
    inner = g.linear(x, f"{name}.fc1", *p.linear(f"{name}/ffn/linear_0"))
    active = g.node("Gelu", [inner])
    return g.linear(active, f"{name}.fc2", *p.linear(f"{name}/ffn/linear_1"))


def _encoder(p: _Parameters, precision: Precision) -> GraphBuilder:
    g = GraphBuilder(precision)
    x = g.input("mel", [1, 80, "mel_frames"])
    for index, stride in ((1, 1), (2, 2)):
        name = f"encoder/conv{index}"
        inputs = [x, g.weight(f"{name}.weight", p[f"{name}/weight"]), g.weight(f"{name}.bias", p[f"{name}/bias"])]
        x = g.node("Gelu", [g.node("Conv", inputs, kernel_shape=[3], pads=[1, 1], strides=[stride])])
    x = g.node("Transpose", [x], perm=[0, 2, 1])
    length = g.node("Shape", [x], start=1, end=2)
    table = g.weight("positions", p["encoder/position_encodings/encodings"])
    x = g.node("Add", [x, g.node("Slice", [table, g.ints(0), length, g.ints(0)])])
    normed = _norm(g, x, "encoder.0.attention", p.norm("encoder/layer_0/self_attention/layer_norm"))
    for layer in range(p.layers):
        name = f"encoder/layer_{layer}"
        parts = [
            g.linear(normed, f"{name}.{part}", *p.linear(f"{name}/self_attention/linear_0", index, 3))
            for index, part in enumerate(("q", "k", "v"))
        ]
        attended = g.node(_ATTENTION, parts, num_heads=p.width // _HEAD)
        attended = g.linear(attended, f"{name}.o", *p.linear(f"{name}/self_attention/linear_1"))
        normed, x = _add_and_norm(g, x, attended, f"{name}.ffn", p.norm(f"{name}/ffn/layer_norm"))
        last = layer == p.layers - 1
        after = "encoder/layer_norm" if last else f"encoder/layer_{layer + 1}/self_attention/layer_norm"
        normed, x = _add_and_norm(g, x, _feed_forward(g, normed, name, p), f"{name}.out", p.norm(after))
    g.node("Identity", [normed], output="frames")
    g.output("frames", [1, "frames_count", p.width])
    return g


def _cross(p: _Parameters, precision: Precision) -> GraphBuilder:
    g = GraphBuilder(precision)
    heads = p.width // _HEAD
    frames = g.input("frames", [1, "T", p.width])
    for layer in range(p.layers):
        name = f"decoder/layer_{layer}/attention/linear_1"
        for part, (role, order) in enumerate((("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3]))):
            matrix, bias = p.linear(name, part, 2)
            flat = g.linear(frames, f"cross.{layer}.{role}.linear", matrix, bias)
            split = g.node("Reshape", [flat, g.ints(1, -1, heads, _HEAD)])
            output = f"cross.{layer}.{role}"
            g.node("Transpose", [split], output=output, perm=order)
            g.output(output, [1, heads, _HEAD, "T"] if role == "key" else [1, heads, "T", _HEAD])
    return g


def _decoder(p: _Parameters, precision: Precision, alignment: list[tuple[Any, ...]]) -> GraphBuilder:
    # Scores of hypotheses must not depend on what else is in the batch.
    g = GraphBuilder("fp32" if precision == "fp32" else "int8-rows")
    tokens = g.input("tokens", ["B", "S"], TensorProto.INT64)
    offset = g.input("offset", [1], TensorProto.INT64)
    g.input("origin", ["B"], TensorProto.INT64)
    wanted = g.input("wanted", ["R"], TensorProto.INT64)
    x = _embed(g, p, tokens, offset)
    normed = _norm(g, x, "decoder.0", p.norm("decoder/layer_0/self_attention/layer_norm"))
    weights: list[str] = []
    for layer in range(p.layers):
        name = f"decoder/layer_{layer}"
        attended = _self_attention(g, p, normed, layer)
        normed, x = _add_and_norm(g, x, attended, f"{name}.cross", p.norm(f"{name}/attention/layer_norm"))
        attended, looked = _cross_attention(g, p, normed, layer)
        chosen = [head for at, head in alignment if at == layer]
        if chosen:
            weights.append(g.node("Gather", [looked, g.ints(*chosen)], axis=1))
        normed, x = _add_and_norm(g, x, attended, f"{name}.ffn", p.norm(f"{name}/ffn/layer_norm"))
        last = layer == p.layers - 1
        after = "decoder/layer_norm" if last else f"decoder/layer_{layer + 1}/self_attention/layer_norm"
        normed, x = _add_and_norm(g, x, _feed_forward(g, normed, name, p), f"{name}.out", p.norm(after))
    flat = g.node("Reshape", [normed, g.ints(-1, p.width)])
    g.linear(g.node("Gather", [flat, wanted], axis=0), "embeddings", p["decoder/embeddings/weight"], None, "logits")
    g.output("logits", ["R", p["decoder/embeddings/weight"].shape[0]])
    stacked = g.node("Concat", weights, axis=1)
    g.node("ReduceMean", [stacked, g.ints(0, 1)], output="attention", keepdims=0)
    g.output("attention", ["B*S", "T"])
    return g


def _embed(g: GraphBuilder, p: _Parameters, tokens: str, offset: str) -> str:
    """Token embeddings, from the same bytes as the output projection, plus positions."""
    table = p["decoder/embeddings/weight"]
    if g.precision == "fp32":
        columns = g.node("Gather", [g.weight("embeddings.weight", table.T), tokens], axis=1)
        embedded = g.node("Transpose", [columns], perm=[1, 2, 0])
    else:
        values, scales = quantise_blocks(table)
        blocks = g.weight("embeddings.blocks", values.reshape(len(table), -1, BLOCK))
        rounded = g.node("Cast", [g.node("Gather", [blocks, tokens], axis=0)], to=TensorProto.FLOAT)
        centred = g.node("Sub", [rounded, g.weight("middle", np.array(128, np.float32))])
        scale = g.node("Gather", [g.weight("embeddings.scales", scales), tokens], axis=0)
        scaled = g.node("Mul", [centred, g.node("Unsqueeze", [scale, g.ints(-1)])])
        embedded = g.node("Reshape", [scaled, g.ints(0, 0, p.width)])
    end = g.node("Add", [offset, g.node("Shape", [tokens], start=1, end=2)])
    positions = g.weight("positions", p["decoder/position_encodings/encodings"])
    return g.node("Add", [embedded, g.node("Slice", [positions, offset, end, g.ints(0)])])


def _self_attention(g: GraphBuilder, p: _Parameters, x: str, layer: int) -> str:
    heads, name = p.width // _HEAD, f"decoder/layer_{layer}/self_attention"
    parts = [g.linear(x, f"{name}.{part}", *p.linear(f"{name}/linear_0", index, 3)) for index, part in enumerate("qkv")]
    past = []
    for role in ("key", "value"):
        cached = g.input(f"past.{layer}.{role}", ["P", heads, "L", _HEAD])
        past.append(g.node("Gather", [cached, "origin"], axis=0))
    outputs = [f"{name}.attended", f"present.{layer}.key", f"present.{layer}.value"]
    g.nodes(_ATTENTION, [*parts, "", "", "", *past], outputs, num_heads=heads, unidirectional=1)
    for output in outputs[1:]:
        g.output(output, ["B", heads, "L+S", _HEAD])
    return g.linear(outputs[0], f"{name}.o", *p.linear(f"{name}/linear_1"))


def _cross_attention(g: GraphBuilder, p: _Parameters, x: str, layer: int) -> tuple[str, str]:
    """The attended values ``(B, S, d)`` and the weights ``(1, H, B·S, T)``."""
    heads, name = p.width // _HEAD, f"decoder/layer_{layer}/attention"
    matrix, bias = p.linear(f"{name}/linear_0")
    scale = np.float32(_HEAD**-0.5)
    query = g.linear(x, f"{name}.q", matrix * scale, bias * scale)
    rows = g.node("Transpose", [g.node("Reshape", [query, g.ints(1, -1, heads, _HEAD)])], perm=[0, 2, 1, 3])
    key = g.input(f"cross.{layer}.key", [1, heads, _HEAD, "T"])
    value = g.input(f"cross.{layer}.value", [1, heads, "T", _HEAD])
    looked = g.node("Softmax", [g.node("MatMul", [rows, key])], axis=-1)
    attended = g.node("Transpose", [g.node("MatMul", [looked, value])], perm=[0, 2, 1, 3])
    attended = g.node("Reshape", [attended, g.node("Shape", [x])])
    return g.linear(attended, f"{name}.o", *p.linear(f"{name}/linear_2")), looked
