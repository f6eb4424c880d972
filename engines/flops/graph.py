"""A graph as far as counting needs it: its nodes, what is fixed in it, and how large it is; weights are not kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from engines.errors import GraphInvalid
from engines.flops.tensors import MOST_VALUES, Tensor

_FOLLOWED: Final = {TensorProto.INT32, TensorProto.INT64, TensorProto.BOOL, TensorProto.FLOAT}
_PACKED: Final = "MatMulNBits"


@dataclass(frozen=True)
class Node:
    """An operator of a graph.

    Attributes:
        proto: as it is written, without its name.
        domain: empty for the standard's operators.
        name: of the operator.
        inputs: names; empty where one is left out.
        outputs: the same.
        attributes: as Python values.
    """

    proto: NodeProto
    domain: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class Graph:
    """A graph without its weights.

    Attributes:
        nodes: in the order in which they run.
        opsets: domain → version.
        ir_version: of the file.
        inputs: name → element type and the axes that are fixed (None where one is not).
        outputs: names.
        constants: name → what is known of a weight.
        parameters: weights of all kinds, without scales and zero points; packed ones count each.
        file_bytes: of the file and of the data beside it.
    """

    nodes: tuple[Node, ...]
    opsets: Mapping[str, int]
    ir_version: int
    inputs: Mapping[str, tuple[int, tuple[int | None, ...] | None]]
    outputs: tuple[str, ...]
    constants: Mapping[str, Tensor]
    parameters: int
    file_bytes: int


def load(path: Path, model: bytes | None = None) -> Graph:
    """Reads a graph.

    Args:
        path: its file.
        model: what is read in its place: a part of it.

    Raises:
        GraphInvalid: it is none.
    """
    try:
        proto = onnx.load_model_from_string(model) if model is not None else onnx.load(path, load_external_data=False)
    except Exception as error:  # protobuf raises classes of its own
        message = f"The model graph {path.name} could not be read to count its operations."
        raise GraphInvalid(message, "Run `triptych models verify` to rebuild it.") from error
    size = len(model) if model is not None else path.stat().st_size + _beside(proto, path)
    return read(proto, size)


def read(proto: ModelProto, file_bytes: int = 0) -> Graph:
    """What a model in memory holds; see :func:`load`."""
    constants = {one.name: _constant(one) for one in proto.graph.initializer}
    nodes = tuple(_node(one) for one in proto.graph.node)
    inputs = {
        one.name: (one.type.tensor_type.elem_type, _axes(one)) for one in proto.graph.input if one.name not in constants
    }
    return Graph(
        nodes,
        {one.domain: one.version for one in proto.opset_import},
        proto.ir_version,
        inputs,
        tuple(one.name for one in proto.graph.output),
        constants,
        _parameters(nodes, proto),
        file_bytes,
    )


def _node(proto: NodeProto) -> Node:
    bare = NodeProto()
    bare.CopyFrom(proto)
    bare.name = bare.doc_string = ""
    domain = "" if bare.domain == "ai.onnx" else bare.domain
    attributes = {one.name: _plain(one) for one in bare.attribute}
    return Node(bare, domain, bare.op_type, tuple(bare.input), tuple(bare.output), attributes)


def _plain(attribute: onnx.AttributeProto) -> Any:
    value = helper.get_attribute_value(attribute)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _axes(value: onnx.ValueInfoProto) -> tuple[int | None, ...] | None:
    kind = value.type.tensor_type
    if not kind.HasField("shape"):
        return None
    return tuple(one.dim_value if one.HasField("dim_value") else None for one in kind.shape.dim)


def _constant(proto: TensorProto) -> Tensor:
    shape = tuple(proto.dims)
    few = proto.data_type in _FOLLOWED and int(np.prod(shape)) <= MOST_VALUES
    inside = proto.data_location != TensorProto.EXTERNAL
    return Tensor(proto.data_type, shape, numpy_helper.to_array(proto) if few and inside else None)


def _parameters(nodes: tuple[Node, ...], proto: ModelProto) -> int:
    """Weights; scales, zero points and what steers the graph are none.

    A packed table that is read by row and one of the same size that is multiplied are one and the same, stored twice:
    in the language models that are quantised so, the head is tied to the embedding.
    """
    sizes = {one.name: int(np.prod(tuple(one.dims))) for one in proto.graph.initializer}
    kinds = {one.name: one.data_type for one in proto.graph.initializer}
    steering = {
        name for name, kind in kinds.items() if kind in {TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL}
    }
    for node in nodes:
        names = [*node.inputs, "", "", "", ""]
        if node.name == _PACKED:
            if names[1] in sizes:
                sizes[names[1]] = int(node.attributes["N"]) * int(node.attributes["K"])
            steering |= {names[2], names[3]}
        elif node.name == "GatherBlockQuantized":
            if kinds.get(names[0]) == TensorProto.UINT8:
                sizes[names[0]] *= 8 // int(node.attributes.get("bits", 4))
            steering |= {names[2], names[3]}
        elif node.name == "DynamicQuantizeMatMul":
            steering |= {names[2], names[3]}
        elif node.name in {"DequantizeLinear", "QuantizeLinear"}:
            steering |= {names[1], names[2]}
        elif node.name in {"MatMulInteger", "ConvInteger"}:
            steering |= {names[2], names[3]}
    looked_up = {node.inputs[0] for node in nodes if node.name == "GatherBlockQuantized"}
    multiplied = {sizes.get(node.inputs[1]) for node in nodes if node.name == _PACKED}
    tied = {name for name in looked_up if sizes.get(name) in multiplied}
    return sum(size for name, size in sizes.items() if name not in steering | tied)


def _beside(proto: ModelProto, path: Path) -> int:
    """Bytes of the files that hold the graph's external data."""
    names = {
        entry.value
        for one in proto.graph.initializer
        if one.data_location == TensorProto.EXTERNAL
        for entry in one.external_data
        if entry.key == "location"
    }
    return sum((path.parent / name).stat().st_size for name in names if (path.parent / name).is_file())
