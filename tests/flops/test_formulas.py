"""Every formula by hand, on graphs of one operator."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from engines.counting import Fed
from engines.flops.count import Count, Counted
from engines.flops.graph import read

MS = "com.microsoft"


def graph(op: str, inputs: dict[str, Any], *, domain: str = "", outputs: int = 1, **attributes: Any) -> Counted:
    """A graph of one operator; an input is a shape, or an array that is fixed in the graph."""
    names = [name if not name.startswith("_") else "" for name in inputs]
    node = helper.make_node(op, names, [f"y{at}" for at in range(outputs)], domain=domain, **attributes)
    fed = [
        helper.make_tensor_value_info(name, kind_of(name), [None] * len(shape))
        for name, shape in inputs.items()
        if isinstance(shape, tuple) and not name.startswith("_")
    ]
    fixed = [numpy_helper.from_array(value, name) for name, value in inputs.items() if isinstance(value, np.ndarray)]
    found = [helper.make_tensor_value_info("y0", TensorProto.FLOAT, None)]
    body = helper.make_graph([node], "one", fed, found, fixed)
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid(MS, 1)]
    return Counted(read(helper.make_model(body, opset_imports=opsets)))


def kind_of(name: str) -> int:
    """Names tell the type: of integers, bytes or numbers."""
    return {"i": TensorProto.INT32, "u": TensorProto.UINT8}.get(name[0], TensorProto.FLOAT)


def count(op: str, inputs: dict[str, Any], values: dict[str, tuple[int, ...]] | None = None, **rest: Any) -> Count:
    """Counts a graph of one operator."""
    fed = [
        Fed(name, shape, (values or {}).get(name))
        for name, shape in inputs.items()
        if isinstance(shape, tuple) and not name.startswith("_")
    ]
    return graph(op, inputs, **rest).count(fed)


def test_a_product_of_matrices_counts_two_per_multiplication() -> None:
    assert count("MatMul", {"a": (3, 4), "b": (4, 5)}).flops == 2 * 3 * 4 * 5
    assert count("MatMul", {"a": (2, 7, 3, 4), "b": (7, 4, 5)}).flops == 2 * 14 * 3 * 4 * 5


def test_gemm_adds_its_bias_and_heeds_its_turns() -> None:
    assert count("Gemm", {"a": (4, 3), "b": (4, 5), "c": (5,)}, transA=1).flops == 2 * 3 * 4 * 5 + 3 * 5
    assert count("Gemm", {"a": (3, 4), "b": (5, 4)}, transB=1).flops == 2 * 3 * 4 * 5


def test_integer_products_count_as_others() -> None:
    assert count("MatMulInteger", {"ua": (3, 4), "ub": (4, 5)}).flops == 120
    inputs = {"a": (3, 4), "ub": (4, 5), "s": (), "uz": ()}
    assert count("DynamicQuantizeMatMul", inputs, domain=MS).flops == 120 + 2 * 12


def test_packed_weights_count_by_their_true_size() -> None:
    inputs = {"a": (2, 3, 64), "uw": (10, 2, 16), "s": (20,)}
    found = count("MatMulNBits", inputs, domain=MS, K=64, N=10, bits=4, block_size=32)
    assert found.flops == 2 * 6 * 64 * 10


def test_convolutions() -> None:
    plain = count("Conv", {"x": (1, 4, 20), "w": (6, 4, 3), "b": (6,)}, kernel_shape=[3], pads=[1, 1], strides=[2])
    assert plain.flops == 2 * 6 * 10 * 4 * 3 + 60
    grouped = count("Conv", {"x": (1, 4, 8, 8), "w": (4, 1, 3, 3)}, group=4, kernel_shape=[3, 3])
    assert grouped.flops == 2 * 4 * 36 * 9
    up = count("ConvTranspose", {"x": (1, 4, 20), "w": (4, 2, 8)}, strides=[4], kernel_shape=[8])
    assert up.flops == 2 * 20 * 4 * 2 * 8


def test_recurrent_layers() -> None:
    inputs = {"x": (7, 2, 3), "w": (1, 20, 3), "r": (1, 20, 5)}
    steps = 7 * 2
    assert count("LSTM", inputs, hidden_size=5, outputs=3).flops == steps * (2 * 4 * 5 * (3 + 5) + 3 * 4 * 5)
    inputs = {"x": (7, 2, 3), "w": (2, 15, 3), "r": (2, 15, 5)}
    found = count("GRU", inputs, hidden_size=5, direction="bidirectional", outputs=2)
    assert found.flops == 2 * steps * (2 * 3 * 5 * (3 + 5) + 3 * 3 * 5)


def test_attention_of_several_heads_sees_what_it_remembers() -> None:
    inputs = {"q": (2, 3, 8), "k": (2, 4, 8), "v": (2, 4, 8)}
    found = count("MultiHeadAttention", inputs, domain=MS, num_heads=2, outputs=1)
    assert found.flops == 4 * 2 * 3 * 4 * 8
    more = {
        "q": (2, 3, 8),
        "k": (2, 3, 8),
        "v": (2, 3, 8),
        "_b": (),
        "_m": (),
        "_a": (),
        "p": (2, 2, 10, 4),
        "pv": (2, 2, 10, 4),
    }
    found = count("MultiHeadAttention", more, domain=MS, num_heads=2, outputs=3)
    assert found.flops == 4 * 2 * 3 * 13 * 8
    causal = count(
        "MultiHeadAttention", inputs | {"k": (2, 3, 8), "v": (2, 3, 8)}, domain=MS, num_heads=2, unidirectional=1
    )
    assert causal.flops == 4 * 2 * (1 + 2 + 3) * 8


def group_query(queries: int, total: int, window: int = -1) -> Count:
    """Two query heads of four values each, over one head of keys in a buffer of 32 places."""
    inputs = {
        "q": (1, queries, 8), "k": (1, queries, 4), "v": (1, queries, 4), "pk": (1, 1, 32, 4), "pv": (1, 1, 32, 4),
        "il": (1,), "it": (),
    }  # fmt: skip
    values = {"il": (total - 1,), "it": (total,)}
    rest: dict[str, Any] = {"num_heads": 2, "kv_num_heads": 1, "local_window_size": window}
    return count("GroupQueryAttention", inputs, values, domain=MS, outputs=3, **rest)


def test_grouped_attention_counts_the_places_that_are_filled() -> None:
    assert group_query(1, 10).flops == 4 * 10 * 8
    assert group_query(5, 5).flops == 4 * (1 + 2 + 3 + 4 + 5) * 8
    assert group_query(2, 10).flops == 4 * (9 + 10) * 8
    assert group_query(5, 5, window=2).flops == 4 * (1 + 2 + 2 + 2 + 2) * 8


def test_fourier_transforms() -> None:
    found = count("DFT", {"x": (3, 8, 1), "_n": (), "axis": np.array(1, np.int64)})
    assert found.flops == 3 * 2.5 * 8 * math.log2(8)
    found = count("DFT", {"x": (3, 8, 2), "_n": (), "axis": np.array(1, np.int64)})
    assert found.flops == 3 * 5 * 8 * math.log2(8)
    step = np.array(4, np.int64)
    stft = count("STFT", {"x": (1, 24, 1), "step": step, "w": (16,), "n": np.array(16, np.int64)})
    assert stft.flops == 3 * (2.5 * 16 * 4 + 16)


def test_sums_of_products() -> None:
    assert count("Einsum", {"a": (2, 3, 4), "b": (2, 4, 5)}, equation="bij,bjk->bik").flops == 2 * 2 * 3 * 4 * 5


def test_the_rest_counts_one_per_element_or_nothing() -> None:
    assert count("Add", {"a": (3, 4), "b": (4,)}).flops == 12
    assert count("Softmax", {"a": (3, 4)}).flops == 12
    assert count("ReduceMean", {"a": (3, 4)}, keepdims=0).flops == 12
    assert count("Transpose", {"a": (3, 4)}).flops == 0
    assert count("SkipLayerNormalization", {"a": (1, 3, 4), "b": (1, 3, 4), "g": (4,)}, domain=MS).flops == 12


def test_what_is_not_known_is_listed() -> None:
    found = count("FancyNewThing", {"a": (3, 4)}, domain=MS)
    assert found.flops == 0
    assert found.unknown == {"com.microsoft:FancyNewThing": 1}


def test_a_product_whose_shape_depends_on_data_is_listed() -> None:
    places = helper.make_node("NonZero", ["x"], ["n"])
    turned = helper.make_node("Cast", ["n"], ["f"], to=TensorProto.FLOAT)
    product = helper.make_node("MatMul", ["f", "w"], ["y"])
    body = helper.make_graph(
        [places, turned, product],
        "three",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, None]) for name in "xw"],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    counted = Counted(read(helper.make_model(body, opset_imports=[helper.make_opsetid("", 20)])))
    assert counted.count([Fed("x", (3, 4)), Fed("w", (5, 2))]).unknown == {"MatMul": 1}


@pytest.mark.parametrize(("rows", "width"), [(3, 4), (5, 2)])
def test_shapes_that_are_computed_are_followed(rows: int, width: int) -> None:
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("ReduceProd", ["s"], ["n"], keepdims=1),
        helper.make_node("Concat", ["one", "n"], ["t"], axis=0),
        helper.make_node("Reshape", ["x", "t"], ["flat"]),
        helper.make_node("MatMul", ["flat", "x2"], ["y"]),
    ]
    body = helper.make_graph(
        nodes,
        "flat",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, None]) for name in ("x", "x2")],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.array([1], np.int64), "one")],
    )
    counted = Counted(read(helper.make_model(body, opset_imports=[helper.make_opsetid("", 20)])))
    found = counted.count([Fed("x", (rows, width)), Fed("x2", (rows * width, 7))])
    assert found.products == 2 * rows * width * 7
