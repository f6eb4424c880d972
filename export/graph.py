"""A small layer over ``onnx.helper``: nodes and weights are collected, named once, and written as one model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Precision = Literal["fp32", "int8", "int8-rows"]
Dimension = int | str
BLOCK = 32
"""Input features that share a scale in ``"int8-rows"``."""


class GraphBuilder:
    """Collects the nodes, weights, inputs and outputs of one graph.

    Args:
        precision: ``"fp32"`` keeps matrices as they are. ``"int8"`` rounds every row of a matrix to signed 8 bits with
            its own scale and multiplies in integers, with one scale for all activations (DynamicQuantizeMatMul):
            fastest for many rows. ``"int8-rows"`` rounds in blocks of 32 and every row of activations by itself
            (MatMulNBits), so that a result does not depend on what else is in the batch.
    """

    def __init__(self, precision: Precision) -> None:
        self.precision = precision
        self._nodes: list[onnx.NodeProto] = []
        self._weights: dict[str, onnx.TensorProto] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._count = 0

    def input(self, name: str, shape: Sequence[Dimension], kind: int = TensorProto.FLOAT) -> str:
        """Declares an input."""
        self._inputs.append(helper.make_tensor_value_info(name, kind, list(shape)))
        return name

    def output(self, name: str, shape: Sequence[Dimension], kind: int = TensorProto.FLOAT) -> str:
        """Declares an output; a node has to produce the name."""
        self._outputs.append(helper.make_tensor_value_info(name, kind, list(shape)))
        return name

    def weight(self, name: str, value: NDArray[Any]) -> str:
        """Adds a constant; the same name is added once."""
        if name not in self._weights:
            self._weights[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def ints(self, *values: int) -> str:
        """A 1-D int64 constant."""
        return self.weight("ints:" + ",".join(map(str, values)), np.array(values, np.int64))

    def node(self, kind: str, inputs: Sequence[str], *, output: str | None = None, **attributes: Any) -> str:
        """Adds a node with one output and returns its name. ``kind`` may be ``"com.microsoft:Name"``."""
        return self.nodes(kind, inputs, [output or self._fresh(kind)], **attributes)[0]

    def nodes(self, kind: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> Sequence[str]:
        """Adds a node with several outputs."""
        domain, _, name = kind.rpartition(":")
        self._nodes.append(helper.make_node(name, list(inputs), list(outputs), domain=domain, **attributes))
        return outputs

    def linear(
        self,
        x: str,
        name: str,
        matrix: NDArray[np.float32],
        bias: NDArray[np.float32] | None,
        output: str | None = None,
    ) -> str:
        """``x @ matrix.T + bias`` in the graph's precision.

        Args:
            x: ``(…, columns)``.
            name: of the weights.
            matrix: ``(rows, columns)`` as torch keeps it.
            bias: ``(rows,)`` or None.
            output: name of the result.
        """
        if self.precision == "fp32":
            product = self.node(
                "MatMul", [x, self.weight(f"{name}.weight", matrix.T)], output=None if bias is not None else output
            )
            return (
                product
                if bias is None
                else self.node("Add", [product, self.weight(f"{name}.bias", bias)], output=output)
            )
        if self.precision == "int8-rows":
            product = self.blocked_product(x, name, matrix, output=None if bias is not None else output)
            if bias is None:
                return product
            return self.node("Add", [product, self.weight(f"{name}.bias", bias)], output=output)
        values, scales = quantise_columns(matrix)
        inputs = [
            x,
            self.weight(f"{name}.values", values),
            self.weight(f"{name}.scales", scales),
            self.weight(f"zeros.{len(scales)}", np.zeros(len(scales), np.int8)),
        ]
        if bias is not None:
            inputs.append(self.weight(f"{name}.bias", bias))
        return self.node("com.microsoft:DynamicQuantizeMatMul", inputs, output=output)

    def blocked_product(self, x: str, name: str, matrix: NDArray[np.float32], *, output: str | None = None) -> str:
        """``x @ matrix.T`` with the matrix in 8-bit blocks; the weights are ``name.blocks`` and ``name.scales``."""
        rows, columns = matrix.shape
        values, scales = quantise_blocks(matrix)
        blocks = self.weight(f"{name}.blocks", values.reshape(rows, columns // BLOCK, BLOCK))
        inputs = [x, blocks, self.weight(f"{name}.scales", scales)]
        return self.node(
            "com.microsoft:MatMulNBits", inputs, output=output,
            K=columns, N=rows, bits=8, block_size=BLOCK, accuracy_level=4,
        )  # fmt: skip

    def write(self, path: Path, **metadata: str) -> None:
        """Checks nothing and writes one self-contained file (under 2 GB)."""
        graph = helper.make_graph(self._nodes, path.stem, self._inputs, self._outputs, list(self._weights.values()))
        model = helper.make_model(
            graph,
            producer_name="triptych",
            ir_version=10,
            opset_imports=[helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)],
        )
        helper.set_model_props(model, metadata)
        path.write_bytes(model.SerializeToString())

    def _fresh(self, kind: str) -> str:
        self._count += 1
        return f"{kind.rpartition(':')[2]}_{self._count}"


def quantise_columns(matrix: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Rounds ``(rows, columns)`` to signed 8 bits, one scale per row, laid out ``(columns, rows)`` for ``x @ W``."""
    scales = np.abs(matrix).max(axis=1) / 127
    safe = np.where(scales == 0, 1, scales).astype(np.float32)
    values = np.clip(np.rint(matrix / safe[:, None]), -127, 127).astype(np.int8)
    return np.ascontiguousarray(values.T), safe


def quantise_blocks(matrix: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Rounds ``(rows, columns)`` to 8 bits around 128 in blocks of 32 columns; scales are ``(rows, columns / 32)``."""
    rows, columns = matrix.shape
    blocks = matrix.reshape(rows, columns // BLOCK, BLOCK)
    scales = np.abs(blocks).max(axis=2) / 127
    safe = np.where(scales == 0, 1, scales).astype(np.float32)
    values = np.clip(np.rint(blocks / safe[:, :, None]), -127, 127) + 128
    return values.astype(np.uint8).reshape(rows, columns), safe
