"""Weights in fewer bits give nearly what they gave, and the graph says the same."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from export.narrowing import halve, quarter


def _graph() -> onnx.ModelProto:
    random = np.random.default_rng(3)
    weights = {
        "table": random.normal(size=(50, 32)), "matrix": random.normal(size=(32, 40)) * np.logspace(-3, 2, 40),
        "bias": random.normal(size=40),
    }  # fmt: skip
    weights["matrix"][:, 7] = 0
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["rows"]),
        helper.make_node("MatMul", ["rows", "matrix"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["out"]),
    ]
    graph = helper.make_graph(
        nodes, "small", [helper.make_tensor_value_info("ids", TensorProto.INT64, ["n"])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", 40])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def _run(model: onnx.ModelProto) -> np.ndarray:
    onnx.checker.check_model(model)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"ids": np.arange(50)})[0])


def _kinds(model: onnx.ModelProto) -> dict[str, int]:
    return {tensor.name: tensor.data_type for tensor in model.graph.initializer}


def test_half_precision_changes_little():
    model = _graph()
    before = _run(model)
    halve(model)
    assert _kinds(model)["matrix_half"] == _kinds(model)["table_half"] == TensorProto.FLOAT16
    assert np.abs(_run(model) - before).max() <= 2e-3 * np.abs(before).max()


def test_each_column_of_a_matrix_has_its_own_scale():
    model = _graph()
    before = _run(model)
    quarter(model)
    kinds = _kinds(model)
    assert kinds["matrix_steps"] == TensorProto.INT8
    assert kinds["table_half"] == TensorProto.FLOAT16
    assert kinds["bias"] == TensorProto.FLOAT
    error = np.abs(_run(model) - before)
    assert (error <= 0.05 * np.abs(before).max(axis=0) + 1e-6).all()


def test_a_matrix_that_is_also_looked_up_in_stays_in_half_precision():
    model = _graph()
    model.graph.node.append(helper.make_node("Gather", ["matrix", "ids"], ["unused"]))
    quarter(model)
    assert _kinds(model)["matrix_half"] == TensorProto.FLOAT16


@pytest.mark.parametrize("narrow", [halve, quarter])
def test_a_graph_without_weights_stays_as_it_is(narrow):
    model = _graph()
    del model.graph.initializer[:]
    narrow(model)
    assert len(model.graph.node) == 3
