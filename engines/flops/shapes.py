"""Follows shapes through a graph, from those of its inputs: operator by operator, with few integers by value.

The standard's operators are asked one by one by ONNX's own inference (``onnx.shape_inference.infer_node_outputs``), and
integers that shapes are made of are computed by ONNX's reference implementation; ONNX Runtime's operators have rules in
:mod:`engines.flops.contrib`. What was found for an operator and its inputs is kept: from step to step of a decoder only
the attention sees anything new.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Final

import numpy as np
import onnx
from onnx import TensorProto, TypeProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from engines.flops import contrib
from engines.flops.graph import Graph, Node
from engines.flops.tensors import MOST_VALUES, Tensor

_NO_STANDARD: Final = {"SimplifiedLayerNormalization", "SkipLayerNormalization", "SkipSimplifiedLayerNormalization"}
_VALUED: Final = frozenset(
    """
    Shape Size Constant Gather Concat Slice Squeeze Unsqueeze Cast Reshape Add Sub Mul Div Mod Neg Max Min Where
    Equal Less Greater LessOrEqual GreaterOrEqual Not And Or ConstantOfShape Range ReduceProd ReduceSum ReduceMax
    ReduceMin Identity Ceil Floor Expand Abs Flatten Split Transpose Sqrt Pow CumSum
    """.split()  # noqa: SIM905 - read as a text
)
"""Operators whose values are followed where all their inputs' are known."""

_INTEGRAL: Final = {TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL, TensorProto.FLOAT}


class Shapes:
    """Shapes of everything in a graph.

    Args:
        graph: it.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._kept: list[dict[Hashable, tuple[Tensor, ...]]] = [{} for _ in graph.nodes]
        self._opsets = [helper.make_opsetid(domain, version) for domain, version in graph.opsets.items()]

    def follow(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What is known of every tensor.

        Args:
            inputs: by name; those that are left out are known by what the graph says of them.
        """
        known = dict(self._graph.constants)
        for name, (kind, axes) in self._graph.inputs.items():
            fixed = tuple(axis for axis in axes or () if axis is not None)
            whole = axes is not None and len(fixed) == len(axes)
            known[name] = inputs.get(name) or Tensor(kind, fixed if whole else None)
        for node, kept in zip(self._graph.nodes, self._kept, strict=True):
            given = [known.get(name) if name else None for name in node.inputs]
            key = tuple(None if one is None else one.key for one in given)
            if key not in kept:
                kept[key] = tuple(self._outputs(node, given))
            known.update(zip(node.outputs, kept[key], strict=False))
        return known

    def _outputs(self, node: Node, given: Sequence[Tensor | None]) -> list[Tensor]:
        found = None
        if node.domain not in {"", "ai.onnx.ml"} or node.name in _NO_STANDARD:
            found = contrib.shapes(node.name, node.attributes, given)
        if found is None:
            found = self._standard(node, given)
        if node.name in _VALUED and not node.domain:
            found = self._valued(node, given, found)
        return found

    def _standard(self, node: Node, given: Sequence[Tensor | None]) -> list[Tensor]:
        unknown = [Tensor(0, None) for _ in node.outputs]
        try:
            schema = onnx.defs.get_schema(node.name, self._graph.opsets.get(node.domain, 1), node.domain)
            types = {name: _type(one) for name, one in zip(node.inputs, given, strict=True) if one is not None and name}
            data = {
                name: numpy_helper.from_array(one.values, name)
                for name, one in zip(node.inputs, given, strict=True)
                if one is not None and one.values is not None
            }
            inferred = onnx.shape_inference.infer_node_outputs(
                schema, node.proto, types, data, opset_imports=self._opsets, ir_version=self._graph.ir_version
            )
        except Exception:  # noqa: BLE001 - ONNX raises classes of its own; what is not known is listed
            return unknown
        return [_tensor(inferred.get(name)) for name in node.outputs]

    def _valued(  # noqa: PLR0911 - every way in which values are not known
        self, node: Node, given: Sequence[Tensor | None], found: list[Tensor]
    ) -> list[Tensor]:
        """Adds values where they are few and follow from what is known."""
        first = given[0] if given else None
        if node.name in {"Shape", "Size"}:
            if first is None or first.shape is None:
                return found
            if node.name == "Size":
                return [Tensor(TensorProto.INT64, (), np.array(math.prod(first.shape), np.int64))]
            begin, end = node.attributes.get("start", 0), node.attributes.get("end")
            values = np.array(first.shape[begin:end], np.int64)
            return [Tensor(TensorProto.INT64, values.shape, values)]
        if any(one is not None and one.values is None for one in given):
            return found
        if any(one.shape is not None and math.prod(one.shape) > MOST_VALUES for one in found):
            return found
        try:
            computed = self._computed(node, given)
        except Exception:  # noqa: BLE001 - what the reference cannot compute is not known
            return found
        kinds = [helper.np_dtype_to_tensor_dtype(one.dtype) for one in computed]
        if any(one.size > MOST_VALUES for one in computed) or not set(kinds) <= _INTEGRAL:
            return [Tensor(kind, one.shape) for kind, one in zip(kinds, computed, strict=True)]
        return [Tensor(kind, one.shape, one) for kind, one in zip(kinds, computed, strict=True)]

    def _computed(self, node: Node, given: Sequence[Tensor | None]) -> list[np.ndarray[tuple[int, ...], np.dtype]]:
        fed = {name: one for name, one in zip(node.inputs, given, strict=True) if name and one is not None}
        graph = helper.make_graph(
            [node.proto],
            "one",
            [helper.make_tensor_value_info(name, one.kind, one.shape) for name, one in fed.items()],
            [helper.make_tensor_value_info(name, 0, None) for name in node.outputs if name],
        )
        model = helper.make_model(graph, opset_imports=self._opsets, ir_version=self._graph.ir_version)
        found = ReferenceEvaluator(model).run(None, {name: one.values for name, one in fed.items()})
        return [np.asarray(one) for one in found]


def _type(tensor: Tensor) -> TypeProto:
    if tensor.shape is None:
        kind = TypeProto()
        kind.tensor_type.elem_type = tensor.kind
        return kind
    found: TypeProto = helper.make_tensor_type_proto(tensor.kind, tensor.shape)
    return found


def _tensor(kind: TypeProto | None) -> Tensor:
    if kind is None or not kind.HasField("tensor_type"):
        return Tensor(0, None)
    tensor = kind.tensor_type
    if not tensor.HasField("shape") or not all(one.HasField("dim_value") for one in tensor.shape.dim):
        return Tensor(tensor.elem_type, None)
    return Tensor(tensor.elem_type, tuple(one.dim_value for one in tensor.shape.dim))
