"""The graph of a decoder-only language model, node by node.

Inputs:
    input_ids: ``(B, S)`` int64; -1 takes the vector of the same place in ``inputs_embeds`` instead of a token's.
    inputs_embeds: ``(B, S, W)`` float32, or ``(1, 1, W)`` where no id is -1. Gemma's tokens enter scaled by √W.
    lengths: ``(B,)`` int32, how many of the S are real (the others are padding on the right).
    last: ``(B,)`` int32, tokens in the cache after this step, less one.
    total: int32, an upper bound of tokens in the cache after this step.
    rows: ``(R,)`` int64, for which of the B·S places logits are wanted.
    past.N.key, past.N.value: ``(B, H, C, D)`` float32; bind present.N to the same memory to decode in place.
    layers.N.PRODUCT.lora_A, layers.N.PRODUCT.lora_B: ``(in, r)`` and ``(r, out)``, optional (without them r is 0);
        what is added to the product is ``x A B``. PRODUCT is one of :data:`engines.runtime.lora.PRODUCTS`: projections
        of the same input are one product here, with their ranks and columns side by side.

Outputs:
    logits: ``(R, V)`` float32.
    hidden: ``(B, S, W)`` float32, the last hidden state after the final norm.
    present.N.key, present.N.value: as the past.
    queries.N: ``(B, S, heads·D)`` float32 before the rotation, of the layers that see everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from engines.runtime.lora import PRODUCTS
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

    @property
    def wide(self) -> tuple[int, ...]:
        """The layers that see everything; their queries are outputs."""
        return tuple(layer for layer, window in enumerate(self.windows) if window < 0)


class DecoderGraph:
    """Collects nodes and weights, then writes them."""

    def __init__(self, checkpoint: Checkpoint, geometry: Geometry, precision: Precision) -> None:
        self._checkpoint = checkpoint
        self._g = geometry
        self._precision = precision
        self._nodes: list[onnx.NodeProto] = []
        self._weights: dict[str, NDArray[Any]] = {}
        self._tensors: list[onnx.TensorProto] = []
        self._optional: list[onnx.ValueInfoProto] = []
        self._projections: dict[str, list[int]] = {}

    def build(self, ids: NDArray[np.int64], path: Path) -> dict[str, Any]:
        """Builds the whole graph with the vocabulary ``ids`` and writes it.

        Returns:
            for ``config.json``: ``projections`` (name to features in and out) and ``embedding`` (where it lies in the
            file of weights).
        """
        g = self._g
        x = self._embed(ids)
        normed = self._rms_norm(x, "layers.0.input_norm", "blk.0.attn_norm")
        for layer in range(g.layers):
            prefix, block = f"layers.{layer}", f"blk.{layer}"
            attended, more = self._attention(normed, layer)
            attended = self._sum(attended, more, f"{prefix}.attention_out", f"{block}.post_attention_norm")
            normed, x = self._add_and_norm(x, attended, f"{prefix}.feed_forward_norm", f"{block}.ffn_norm")
            forwarded, more = self._feed_forward(normed, layer)
            forwarded = self._sum(forwarded, more, f"{prefix}.feed_forward_out", f"{block}.post_ffw_norm")
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
        return {"projections": self._projections, "embedding": self._embedding_places(path)}

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

    def _attention(self, x: str, layer: int) -> tuple[str, str]:
        g, prefix = self._g, f"layers.{layer}"
        q, k, v = self._split_product(x, layer, "qkv_proj", ("attn_q", "attn_k", "attn_v"), (g.heads, g.kv_heads, 0))
        if g.sandwich:
            block = f"blk.{layer}"
            q = self._head_norm(q, f"{prefix}.q_norm", f"{block}.attn_q_norm", g.heads)
            k = self._head_norm(k, f"{prefix}.k_norm", f"{block}.attn_k_norm", g.kv_heads)
        if layer in g.wide:
            # The node that makes the queries names them as the output, so that nothing is copied.
            self._rename(q, f"queries.{layer}")
            q = f"queries.{layer}"
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
        return self._product(outputs[0], layer, "o_proj", ("attn_output",))

    def _feed_forward(self, x: str, layer: int) -> tuple[str, str]:
        prefix = f"layers.{layer}"
        gate, up = self._split_product(x, layer, "gate_up_proj", ("ffn_gate", "ffn_up"))
        if self._g.activation == "gelu_tanh":
            active = self._node("FastGelu", [gate], f"{prefix}.active", domain="com.microsoft")
        else:
            active = self._node("QuickGelu", [gate], f"{prefix}.active", domain="com.microsoft", alpha=1.0)
        product = self._node("Mul", [active, up], f"{prefix}.gated")
        return self._product(product, layer, "down_proj", ("ffn_down",))

    def _head(self, x: str) -> None:
        if self._precision == "fp32":
            table = self._node("Transpose", ["embed_tokens"], "lm_head.weight", perm=[1, 0])
            self._node("MatMul", [x, table], "logits")
            return
        rows, columns = self._weights["embed_tokens.values"].shape
        # The same bytes as the embedding, seen as blocks.
        self._weights["lm_head.values"] = self._weights["embed_tokens.values"].reshape(rows, columns // 32, 32)
        self._quantised_product(x, "lm_head", "embed_tokens.scales", rows, columns, "logits")

    def _split_product(
        self, x: str, layer: int, name: str, sources: Sequence[str], rotary_heads: Sequence[int] = (0, 0)
    ) -> list[str]:
        """Several projections of one input, as one product that is cut afterwards."""
        product, more = self._product(x, layer, name, sources, rotary_heads)
        whole = self._node("Add", [product, more], f"{product}.sum")
        sizes = [self._projections[part][1] for part in PRODUCTS[name]]
        outputs = [f"layers.{layer}.{part}" for part in PRODUCTS[name]]
        cuts = self._constant(f"sizes.{name}", np.array(sizes))
        self._nodes.append(helper.make_node("Split", [whole, cuts], outputs, name=f"{product}/Split", axis=-1))
        return outputs

    def _product(
        self, x: str, layer: int, name: str, sources: Sequence[str], rotary_heads: Sequence[int] = (0,)
    ) -> tuple[str, str]:
        """A product with matrices side by side, and what a LoRA adds to it (nothing without one).

        Query and key rows of interleaved files are put back into halves.
        """
        full = f"layers.{layer}.{name}"
        weights = [f"blk.{layer}.{source}.weight" for source in sources]
        if self._precision == "fp32":
            matrices = [
                self._halves(self._checkpoint.floats(weight), heads)
                for weight, heads in zip(weights, rotary_heads, strict=True)
            ]
            self._weights[f"{full}.weight"] = np.ascontiguousarray(np.concatenate(matrices).T)
            rows = [len(matrix) for matrix in matrices]
            columns = matrices[0].shape[1]
            product = self._node("MatMul", [x, f"{full}.weight"], full)
        else:
            blocks = [self._checkpoint.blocks(weight) for weight in weights]
            rows, columns = [len(block.values) for block in blocks], blocks[0].values.shape[1]
            pairs = list(zip(blocks, rotary_heads, strict=True))
            values = np.concatenate([self._halves(block.values, heads) for block, heads in pairs])
            scales = np.concatenate([self._halves(block.scales, heads) for block, heads in pairs])
            self._weights[f"{full}.values"] = values.reshape(sum(rows), columns // 32, 32)
            self._weights[f"{full}.scales"] = scales
            product = self._quantised_product(x, full, f"{full}.scales", sum(rows), columns, full)
        self._projections |= {part: [columns, size] for part, size in zip(PRODUCTS[name], rows, strict=True)}
        return product, self._lora(x, full, columns, sum(rows))

    def _lora(self, x: str, name: str, columns: int, rows: int) -> str:
        """The product of a low-rank pair of optional inputs; zeros where they are absent."""
        for part, shape in (("lora_A", (columns, 0)), ("lora_B", (0, rows))):
            self._weights[f"{name}.{part}"] = np.zeros(shape, np.float32)
            free = [size or f"{name}.rank" for size in shape]
            self._optional.append(helper.make_tensor_value_info(f"{name}.{part}", TensorProto.FLOAT, free))
        down = self._node("MatMul", [x, f"{name}.lora_A"], f"{name}.lora_down")
        return self._node("MatMul", [down, f"{name}.lora_B"], f"{name}.lora_up")

    def _sum(self, x: str, more: str, name: str, norm: str) -> str:
        """Two shares added, and normalised where the model does so; the norm's node then adds for nothing."""
        if not self._g.sandwich:
            return self._node("Add", [x, more], name)
        self._weights[f"{name}_norm.weight"] = self._checkpoint.floats(f"{norm}.weight")
        return self._node(
            "SkipSimplifiedLayerNormalization", [x, more, f"{name}_norm.weight"], f"{name}_norm",
            domain="com.microsoft", epsilon=self._g.epsilon,
        )  # fmt: skip

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

    def _rename(self, output: str, name: str) -> None:
        for node in reversed(self._nodes):
            for place, present in enumerate(node.output):
                if present == output:
                    node.output[place] = name
                    return

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
        outputs += [
            helper.make_tensor_value_info(f"queries.{layer}", real, ["B", "S", g.heads * g.head_width])
            for layer in g.wide
        ]
        self._tensors = _with_external_data(self._weights, path.with_suffix(".onnx.data"))
        graph = helper.make_graph(self._nodes, "causal_lm", [*inputs, *self._optional], outputs, self._tensors)
        opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=10, producer_name="triptych")
        path.write_bytes(model.SerializeToString())

    def _embedding_places(self, path: Path) -> dict[str, Any]:
        """Where the embedding lies, so that its rows can be read without the graph."""
        places = {
            tensor.name: int(entry.value)
            for tensor in self._tensors
            for entry in tensor.external_data
            if entry.key == "offset"
        }
        found: dict[str, Any] = {
            name: places[f"embed_tokens{suffix}"]
            for name, suffix in (("values", ".values"), ("scales", ".scales"), ("floats", ""))
            if f"embed_tokens{suffix}" in places
        }
        return {"file": path.with_suffix(".onnx.data").name, **found, "scale": self._g.embedding_scale}


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
