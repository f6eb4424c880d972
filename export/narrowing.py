"""Keeps weights of graphs in fewer bits on disk; a session folds them back to float32 when it loads the graph.

Nothing is computed in fewer bits: a cast (and a product with the scales) stands behind each weight and is a constant,
which ONNX Runtime folds (``ConstantFolding``), so that the speed is that of the graph before.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

_SMALL: Final = 256
"""Values of a tensor below which it stays as it is."""
_STEPS: Final = 127


def halve(model: onnx.ModelProto) -> None:
    """Keeps large float32 weights in float16, with a cast to float32 behind each."""
    casts = []
    for tensor, values in _large(model):
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    _before(model, casts)


def quarter(model: onnx.ModelProto) -> None:
    """Keeps the float32 matrices that are only multiplied with in int8, a scale per column; all else large in float16.

    The step of a column is a 127th of its largest weight (symmetric, per-channel, weight-only; Jacob et al.,
    arXiv:1712.05877, section 3).
    """
    graph = model.graph
    used: dict[str, set[tuple[str, int]]] = {}
    for node in graph.node:
        for place, name in enumerate(node.input):
            used.setdefault(name, set()).add((node.op_type, place))
    made = []
    scales = []
    for tensor, values in _large(model):
        name = tensor.name
        if values.ndim != 2 or used.get(name) != {("MatMul", 1)}:
            continue
        step = np.abs(values).max(axis=0, keepdims=True).astype(np.float32) / _STEPS
        step[step == 0] = 1
        tensor.CopyFrom(numpy_helper.from_array(np.rint(values / step).astype(np.int8), f"{name}_steps"))
        scales.append(numpy_helper.from_array(step, f"{name}_step"))
        made += [
            helper.make_node("Cast", [f"{name}_steps"], [f"{name}_counted"], to=TensorProto.FLOAT),
            helper.make_node("Mul", [f"{name}_counted", f"{name}_step"], [name]),
        ]
    halve(model)
    graph.initializer.extend(scales)
    _before(model, made)


def _large(model: onnx.ModelProto) -> list[tuple[TensorProto, NDArray[np.float32]]]:
    found = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.size > _SMALL:
            found.append((tensor, values))
    return found


def _before(model: onnx.ModelProto, nodes: list[onnx.NodeProto]) -> None:
    graph = model.graph
    together = [*nodes, *graph.node]
    del graph.node[:]
    graph.node.extend(together)
