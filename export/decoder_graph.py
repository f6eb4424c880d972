"""The graph of a decoder-only language model, node by node.

Inputs:
    input_ids: ``(B, S)`` int64; -1 takes the vector of the same place in ``inputs_embeds`` instead of a token's.
    inputs_embeds: ``(B, S, W)`` float32, or ``(1, 1, W)`` where no id is -1. Gemma's tokens enter scaled by √W.
    lengths: ``(B,)`` int32, how many of the S are real (the others are padding on the right).
    last: ``(B,)`` int32, tokens in the cache after this step, less one.
    total: int32, an upper bound of tokens in the cache after this step.
    rows: ``(R,)`` int64, for which of the B·S places logits are wanted.
    past.N.key, past.N.value: ``(B, H, C, D)`` float32; bind present.N to the same memory to decode in place.

Outputs:
    logits: ``(R, V)`` float32.
    hidden: ``(B, S, W)`` float32, the last hidden state after the final norm.
    present.N.key, present.N.value: as the past.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from export.gguf_reading import Checkpoint

Precision = Literal["int8", "fp32"]

CONTEXT = 4096
"""Longest context that the rotary tables cover; the models are used with far shorter prompts."""


@dataclass(frozen=True)
class Geometry:
    """What distinguishes one decoder from another.

    Attributes:
        layers: number of layers.
        width: of the residual stream.
        heads: query heads.
        kv_heads: key and value heads.
        head_width: values per head.
        epsilon: of the RMS norms.
        rope_bases: base of the rotary frequencies, per layer.
        windows: how many tokens back a layer sees, -1 for all, per layer.
        embedding_scale: what token embeddings are multiplied by.
        activation: of the gated feed-forward part.
        sandwich: whether there are norms after attention and feed-forward too, and norms of queries and keys (Gemma 3).
        interleaved: whether the file has rotary pairs side by side, as llama.cpp stores Llama-like models.
    """

    layers: int
    width: int
    heads: int
    kv_heads: int
    head_width: int
    epsilon: float
    rope_bases: tuple[float, ...]
    windows: tuple[int, ...]
    embedding_scale: float
    activation: Literal["gelu_tanh", "silu"]
    sandwich: bool
    interleaved: bool


class DecoderGraph:
    """Collects nodes and weights, then writes them."""

    def __init__(self, checkpoint: Checkpoint, geometry: Geometry, precision: Precision) -> None:
        self._checkpoint = checkpoint
        self._g = geometry
        self._precision = precision
        self._nodes: list[onnx.NodeProto] = []
        self._weights: dict[str, NDArray[Any]] = {}

    def build(self, ids: NDArray[np.int64], path: Path) -> None:
        """Builds the whole graph with the vocabulary ``ids`` and writes it."""
        g = self._g
        x = self._embed(ids)
        normed = self._rms_norm(x, "layers.0.input_norm", "blk.0.attn_norm")
        for layer in range(g.layers):
            attended = self._attention(normed, layer)
            prefix, block = f"layers.{layer}", f"blk.{layer}"
            if g.sandwich:
                attended = self._rms_norm(attended, f"{prefix}.attention_out_norm", f"{block}.post_attention_norm")
            normed, x = self._add_and_norm(x, attended, f"{prefix}.feed_forward_norm", f"{block}.ffn_norm")
            forwarded = self._feed_forward(normed, layer)
            if g.sandwich:
                forwarded = self._rms_norm(forwarded, f"{prefix}.feed_forward_out_norm", f"{block}.post_ffw_norm")
            last = layer == g.layers - 1
            name, source = (
                ("norm", "output_norm") if last else (f"layers.{layer + 1}.input_norm", f"blk.{layer + 1}.attn_norm")
            )
            normed, x = self._add_and_norm(x, forwarded, name, source)
        self._node("Identity", [normed], "hidden")
        flat = self._node("Reshape", [normed, self._constant("flat", np.array([-1, g.width]))], "flat_hidden")
        wanted = self._node("Gather", [flat, "rows"], "wanted_hidden", axis=0)
        self._head(wanted)
        self._write(path, len(ids))

    # --- parts ---

    def _embed(self, ids: NDArray[np.int64]) -> str:
        zero = self._constant("zero", np.array(0, np.int64))
        known = self._node("Max", ["input_ids", zero], "known_ids")
        if self._precision == "fp32":
            self._weights["embed_tokens"] = self._checkpoint.floats("token_embd.weight", ids)
            found = self._node("Gather", ["embed_tokens", known], "embedded", axis=0)
        else:
            blocks = self._checkpoint.blocks("token_embd.weight", ids)
            self._weights["embed_tokens.values"] = blocks.values
            self._weights["embed_tokens.scales"] = blocks.scales
            found = self._node(
                "GatherBlockQuantized",
                ["embed_tokens.values", known, "embed_tokens.scales"],
                "embedded",
                domain="com.microsoft",
                bits=8, block_size=32, gather_axis=0, quantize_axis=1,
            )  # fmt: skip
        if self._g.embedding_scale != 1:
            scale = self._constant("embedding_scale", np.array(self._g.embedding_scale, np.float32))
            found = self._node("Mul", [found, scale], "scaled_embedded")
        given = self._node("Less", ["input_ids", zero], "is_given")
        axis = self._constant("last_axis", np.array([-1]))
        given = self._node("Unsqueeze", [given, axis], "is_given_vector")
        return self._node("Where", [given, "inputs_embeds", found], "inputs")

    def _attention(self, x: str, layer: int) -> str:
        g, prefix, block = self._g, f"layers.{layer}", f"blk.{layer}"
        q = self._linear(x, f"{prefix}.q_proj", f"{block}.attn_q", rotary_heads=g.heads)
        k = self._linear(x, f"{prefix}.k_proj", f"{block}.attn_k", rotary_heads=g.kv_heads)
        v = self._linear(x, f"{prefix}.v_proj", f"{block}.attn_v")
        if g.sandwich:
            q = self._head_norm(q, f"{prefix}.q_norm", f"{block}.attn_q_norm", g.heads)
            k = self._head_norm(k, f"{prefix}.k_norm", f"{block}.attn_k_norm", g.kv_heads)
        cosines, sines = self._rotary(g.rope_bases[layer])
        past, present = f"past.{layer}", f"present.{layer}"
        inputs = [q, k, v, f"{past}.key", f"{past}.value", "last", "total", cosines, sines]
        inputs += [""] * 7 + ["lengths"]
        outputs = [f"{prefix}.attended", f"{present}.key", f"{present}.value"]
        self._nodes.append(
            helper.make_node(
                "GroupQueryAttention", inputs, outputs, name=f"{prefix}.attention", domain="com.microsoft",
                num_heads=g.heads, kv_num_heads=g.kv_heads, do_rotary=1, local_window_size=g.windows[layer],
                scale=g.head_width**-0.5,
            )
        )  # fmt: skip
        return self._linear(outputs[0], f"{prefix}.o_proj", f"{block}.attn_output")

    def _feed_forward(self, x: str, layer: int) -> str:
        prefix, block = f"layers.{layer}", f"blk.{layer}"
        gate = self._linear(x, f"{prefix}.gate_proj", f"{block}.ffn_gate")
        up = self._linear(x, f"{prefix}.up_proj", f"{block}.ffn_up")
        if self._g.activation == "gelu_tanh":
            active = self._node("FastGelu", [gate], f"{prefix}.active", domain="com.microsoft")
        else:
            active = self._node("QuickGelu", [gate], f"{prefix}.active", domain="com.microsoft", alpha=1.0)
        product = self._node("Mul", [active, up], f"{prefix}.gated")
        return self._linear(product, f"{prefix}.down_proj", f"{block}.ffn_down")

    def _head(self, x: str) -> None:
        if self._precision == "fp32":
            table = self._node("Transpose", ["embed_tokens"], "lm_head.weight", perm=[1, 0])
            self._node("MatMul", [x, table], "logits")
            return
        rows, columns = self._weights["embed_tokens.values"].shape
        # The same bytes as the embedding, seen as blocks.
        self._weights["lm_head.values"] = self._weights["embed_tokens.values"].reshape(rows, columns // 32, 32)
        self._quantised_product(x, "lm_head", "embed_tokens.scales", rows, columns, "logits")

    def _linear(self, x: str, name: str, source: str, *, rotary_heads: int = 0) -> str:
        """A matrix product. Query and key rows of interleaved files are put back into halves."""
        if self._precision == "fp32":
            matrix = self._halves(self._checkpoint.floats(f"{source}.weight"), rotary_heads)
            self._weights[f"{name}.weight"] = np.ascontiguousarray(matrix.T)
            return self._node("MatMul", [x, f"{name}.weight"], name)
        blocks = self._checkpoint.blocks(f"{source}.weight")
        values, scales = self._halves(blocks.values, rotary_heads), self._halves(blocks.scales, rotary_heads)
        rows, columns = values.shape
        self._weights[f"{name}.values"] = values.reshape(rows, columns // 32, 32)
        self._weights[f"{name}.scales"] = scales
        return self._quantised_product(x, name, f"{name}.scales", rows, columns, name)

    def _quantised_product(self, x: str, name: str, scales: str, rows: int, columns: int, output: str) -> str:
        return self._node(
            "MatMulNBits", [x, f"{name}.values", scales], output, domain="com.microsoft",
            K=columns, N=rows, bits=8, block_size=32, accuracy_level=4,
        )  # fmt: skip

    def _halves(self, matrix: NDArray[Any], heads: int) -> NDArray[Any]:
        if not heads or not self._g.interleaved:
            return matrix
        rows, columns = matrix.shape
        pairs = matrix.reshape(heads, rows // heads // 2, 2, columns)
        return np.ascontiguousarray(pairs.swapaxes(1, 2).reshape(rows, columns))

    def _rotary(self, base: float) -> tuple[str, str]:
        cosines, sines = f"rotary.{base:g}.cos", f"rotary.{base:g}.sin"
        if cosines not in self._weights:
            half = self._g.head_width // 2
            angles = np.outer(np.arange(CONTEXT), base ** (-np.arange(half) / half))
            self._weights[cosines] = np.cos(angles).astype(np.float32)
            self._weights[sines] = np.sin(angles).astype(np.float32)
        return cosines, sines

    def _rms_norm(self, x: str, name: str, source: str) -> str:
        self._weights[f"{name}.weight"] = self._checkpoint.floats(f"{source}.weight")
        return self._node(
            "SimplifiedLayerNormalization", [x, f"{name}.weight"], name, axis=-1, epsilon=self._g.epsilon, stash_type=1
        )

    def _head_norm(self, x: str, name: str, source: str, heads: int) -> str:
        split = self._constant(f"split.{heads}", np.array([0, 0, heads, self._g.head_width]))
        join = self._constant(f"join.{heads}", np.array([0, 0, heads * self._g.head_width]))
        by_head = self._node("Reshape", [x, split], f"{name}.in")
        return self._node("Reshape", [self._rms_norm(by_head, name, source), join], f"{name}.out")

    def _add_and_norm(self, x: str, y: str, name: str, source: str) -> tuple[str, str]:
        self._weights[f"{name}.weight"] = self._checkpoint.floats(f"{source}.weight")
        outputs = [name, "", "", f"{name}.sum"]
        self._nodes.append(
            helper.make_node(
                "SkipSimplifiedLayerNormalization", [x, y, f"{name}.weight"], outputs, name=f"{name}/add_norm",
                domain="com.microsoft", epsilon=self._g.epsilon,
            )
        )  # fmt: skip
        return name, f"{name}.sum"

    # --- plumbing ---

    def _node(self, kind: str, inputs: list[str], output: str, *, domain: str = "", **attributes: Any) -> str:
        self._nodes.append(
            helper.make_node(kind, inputs, [output], name=f"{output}/{kind}", domain=domain, **attributes)
        )
        return output

    def _constant(self, name: str, value: NDArray[Any]) -> str:
        self._weights.setdefault(name, value)
        return name

    def _write(self, path: Path, vocabulary: int) -> None:
        g = self._g
        real, long, short = TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT32
        cache: list[str | int | None] = ["B", g.kv_heads, "C", g.head_width]
        inputs = [
            helper.make_tensor_value_info("input_ids", long, ["B", "S"]),
            helper.make_tensor_value_info("inputs_embeds", real, ["B1", "S1", g.width]),
            helper.make_tensor_value_info("lengths", short, ["B"]),
            helper.make_tensor_value_info("last", short, ["B"]),
            helper.make_tensor_value_info("total", short, []),
            helper.make_tensor_value_info("rows", long, ["R"]),
        ]
        outputs = [
            helper.make_tensor_value_info("logits", real, ["R", vocabulary]),
            helper.make_tensor_value_info("hidden", real, ["B", "S", g.width]),
        ]
        for layer in range(g.layers):
            for part in ("key", "value"):
                inputs.append(helper.make_tensor_value_info(f"past.{layer}.{part}", real, cache))
                outputs.append(helper.make_tensor_value_info(f"present.{layer}.{part}", real, cache))
        graph = helper.make_graph(
            self._nodes,
            "causal_lm",
            inputs,
            outputs,
            _with_external_data(self._weights, path.with_suffix(".onnx.data")),
        )
        opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=10, producer_name="triptych")
        path.write_bytes(model.SerializeToString())


def _with_external_data(weights: dict[str, NDArray[Any]], path: Path) -> list[onnx.TensorProto]:
    """Writes large weights into one file beside the graph; two that share memory are written once."""
    written: dict[tuple[int, int], int] = {}
    tensors = []
    with path.open("wb") as file:
        for name, value in weights.items():
            if value.nbytes < 1024:
                tensors.append(onnx.numpy_helper.from_array(value, name))
                continue
            array = np.ascontiguousarray(value)
            key = (array.__array_interface__["data"][0], array.nbytes)
            if key not in written:
                file.seek(-(-file.tell() // 4096) * 4096)
                written[key] = file.tell()
                file.write(array.data)
            tensor = TensorProto(name=name, dims=array.shape, data_location=TensorProto.EXTERNAL)
            tensor.data_type = helper.np_dtype_to_tensor_dtype(array.dtype)
            for entry, text in (("location", path.name), ("offset", written[key]), ("length", array.nbytes)):
                tensor.external_data.add(key=entry, value=str(text))
            tensors.append(tensor)
    return tensors
