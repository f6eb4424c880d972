"""What each operator costs: a formula per operator, from the shapes of what goes in and comes out.

A multiplication with the addition that follows it counts as two operations, also where it is done in integers or where
weights have to be unpacked first: what is counted is the work that the model asks for, not how a machine does it. Work
that is done once per element (additions, activations, norms) counts as one operation per element of the output, as in
fvcore; moving data counts as nothing. Sources:

* matrix products, convolutions: 2·(products), for example Hoffmann et al. 2022, arXiv 2203.15556, appendix F;
* attention: 2·d per pair of query and key for the scores and as much for the values, over the pairs that the mask
  allows (Dao et al. 2022, arXiv 2205.14135, §3, and FlashAttention-2, arXiv 2307.08691, §4.1, for the causal half);
* LSTM and GRU: the matrix products of their gates (ONNX operator specification);
* Fourier transforms: 5·N·log2 N, for real input half of it (Frigo and Johnson 2005, doi 10.1109/JPROC.2004.840301, §5).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from engines.flops.operators import ELEMENTWISE, MOVING
from engines.flops.tensors import Tensor

Attributes = Mapping[str, Any]
Formula = Callable[[Attributes, Sequence["Tensor | None"], Sequence["Tensor | None"]], float]


class Uncountable(Exception):
    """The shapes that a formula needs are not known."""


def shape(tensors: Sequence[Tensor | None], index: int) -> tuple[int, ...]:
    """The shape of an input or output.

    Raises:
        Uncountable: it is not known.
    """
    tensor = tensors[index] if index < len(tensors) else None
    if tensor is None or tensor.shape is None:
        raise Uncountable
    return tensor.shape


def _matmul(_: Attributes, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor | None]) -> float:
    return 2.0 * math.prod(shape(outputs, 0)) * shape(inputs, 0)[-1]


def _dynamic_matmul(attributes: Attributes, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor | None]) -> float:
    return _matmul(attributes, inputs, outputs) + 2.0 * math.prod(shape(inputs, 0))  # quantises: scale and round


def _gemm(attributes: Attributes, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor | None]) -> float:
    first, size = shape(inputs, 0), math.prod(shape(outputs, 0))
    inner = first[0] if attributes.get("transA", 0) else first[1]
    biased = len(inputs) > 2 and inputs[2] is not None
    return 2.0 * size * inner + (size if biased else 0)


def _matmul_nbits(attributes: Attributes, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor | None]) -> float:
    size = math.prod(shape(outputs, 0))
    biased = len(inputs) > 5 and inputs[5] is not None
    return 2.0 * size * int(attributes["K"]) + (size if biased else 0)


def _conv(kernel: int, bias: int) -> Formula:
    """A convolution whose kernel is input ``kernel`` and whose bias is input ``bias``."""

    def count(_: Attributes, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor | None]) -> float:
        taps, size = shape(inputs, kernel), math.prod(shape(outputs, 0))
        biased = len(inputs) > bias >= 0 and inputs[bias] is not None
        return 2.0 * size * math.prod(taps[1:]) + (size if biased else 0)

    return count


def _conv_transpose(_: Attributes, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor | None]) -> float:
    taps, size = shape(inputs, 1), math.prod(shape(outputs, 0))
    biased = len(inputs) > 2 and inputs[2] is not None
    return 2.0 * math.prod(shape(inputs, 0)) * math.prod(taps[1:]) + (size if biased else 0)


def _recurrent(gates: int, weight: int, recurrence: int, *, transposed: bool = False) -> Formula:
    """Gates of ``(H, inputs)`` and ``(H, H)`` products per step, with their sums and about as many other operations."""

    def count(attributes: Attributes, inputs: Sequence[Tensor | None], _: Sequence[Tensor | None]) -> float:
        steps, batch, width = shape(inputs, 0)
        directions = shape(inputs, weight)[0]
        last = shape(inputs, recurrence)
        hidden = int(attributes.get("hidden_size") or (last[1] if transposed else last[2]))
        products = 2.0 * gates * hidden * (width + hidden)
        return steps * batch * directions * (products + 3.0 * gates * hidden)

    return count


def pairs(queries: int, keys: int, *, causal: bool, window: int = -1) -> float:
    """How many (query, key) pairs a mask allows.

    Args:
        queries: of them the last sees all keys, if causal.
        keys: in all.
        causal: whether a query sees those up to its own place alone.
        window: how many of the last of those it sees; all if not above 0.
    """
    if not causal:
        return float(queries) * min(keys, window if window > 0 else keys)
    return float(sum(_seen(keys - queries + 1 + at, window) for at in range(queries)))


def _seen(keys: int, window: int) -> int:
    return min(max(keys, 0), window) if window > 0 else max(keys, 0)


def attended(batch: int, width: float, values: float, seen: float) -> float:
    """Scores and weighted sums of attention with their softmax-free part: 2·(width + values) per pair.

    Args:
        batch: sequences.
        width: of all heads' queries together.
        values: of all heads' values together.
        seen: pairs of query and key of one sequence.
    """
    return batch * seen * 2.0 * (width + values)


def _group_query(attributes: Attributes, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor | None]) -> float:
    batch, queries, width = shape(outputs, 0)
    total = inputs[6] if len(inputs) > 6 else None
    if total is None or total.values is None:
        raise Uncountable
    window = int(attributes.get("local_window_size", -1))
    seen = pairs(queries, int(total.values.reshape(-1)[0]), causal=True, window=window)
    return attended(batch, width, width, seen)


def _multi_head(attributes: Attributes, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor | None]) -> float:
    batch, queries, values = shape(outputs, 0)
    key = inputs[1] if len(inputs) > 1 else None
    query = shape(inputs, 0)
    width = query[2] if len(query) == 3 else values
    if key is None:
        keys = queries  # packed: query, key and value in one
    elif key.shape is None:
        raise Uncountable
    else:
        keys = key.shape[2] if len(key.shape) == 4 else key.shape[1]
    if len(inputs) > 6 and inputs[6] is not None:
        keys += shape(inputs, 6)[2]
    causal = bool(attributes.get("unidirectional", 0))
    return attended(batch, width, values, pairs(queries, keys, causal=causal))


def _attention(attributes: Attributes, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor | None]) -> float:
    """The contrib operator with its projection inside."""
    batch, queries, values = shape(outputs, 0)
    weight = shape(inputs, 1)
    past = shape(inputs, 4)[3] if len(inputs) > 4 and inputs[4] is not None else 0
    width = (weight[1] - values) / 2
    causal = bool(attributes.get("unidirectional", 0))
    products = batch * queries * (2.0 * weight[0] + 1) * weight[1]
    return products + attended(batch, width, values, pairs(queries, queries + past, causal=causal))


def _onnx_attention(attributes: Attributes, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor | None]) -> float:
    """The operator of the standard since opset 23; heads apart (4 axes) or together (3)."""
    del outputs
    query, key, value = shape(inputs, 0), shape(inputs, 1), shape(inputs, 2)
    past = shape(inputs, 4)[2] if len(inputs) > 4 and inputs[4] is not None else 0
    apart = len(query) == 4
    queries, keys = (query[2], key[2] + past) if apart else (query[1], key[1] + past)
    width = query[1] * query[3] if apart else query[2]
    heads, own = int(attributes.get("q_num_heads", 1)), int(attributes.get("kv_num_heads", 1))
    values = query[1] * value[3] if apart else value[2] / own * heads
    return attended(query[0], width, values, pairs(queries, keys, causal=bool(attributes.get("is_causal", 0))))


def fourier(points: int, *, real: bool) -> float:
    """Operations of one fast Fourier transform of so many points."""
    return (2.5 if real else 5.0) * points * math.log2(max(points, 1))


def _dft(attributes: Attributes, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor | None]) -> float:
    given, found = shape(inputs, 0), shape(outputs, 0)
    axis = attributes.get("axis")
    if axis is None:
        third = inputs[2] if len(inputs) > 2 else None
        axis = -2 if third is None or third.values is None else int(third.values.reshape(-1)[0])
    onesided = bool(attributes.get("onesided", 0))
    points = given[int(axis)] if onesided else found[int(axis)]
    others = math.prod(found[:-1]) / found[int(axis)]
    return others * fourier(points, real=given[-1] == 1)


def _stft(_: Attributes, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor | None]) -> float:
    batch, frames, bins, _parts = shape(outputs, 0)
    window = inputs[2] if len(inputs) > 2 else None
    length = inputs[3] if len(inputs) > 3 else None
    if window is not None and window.shape:
        points = window.shape[0]
    elif length is not None and length.values is not None:
        points = int(length.values.reshape(-1)[0])
    else:
        points = 2 * (bins - 1)
    windowed = points if window is not None else 0
    given = shape(inputs, 0)
    return batch * frames * (fourier(points, real=len(given) == 2 or given[-1] == 1) + windowed)


def _einsum(attributes: Attributes, inputs: Sequence[Tensor | None], _: Sequence[Tensor | None]) -> float:
    equation = str(attributes["equation"]).replace(" ", "")
    if "." in equation:
        raise Uncountable
    sizes: dict[str, int] = {}
    for letters, index in zip(equation.partition("->")[0].split(","), range(len(inputs)), strict=True):
        sizes |= dict(zip(letters, shape(inputs, index), strict=True))
    return float(len(inputs)) * math.prod(sizes.values())


def _resize(_: Attributes, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor | None]) -> float:
    del inputs
    return float(math.prod(shape(outputs, 0)))


def _reduce(_: Attributes, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor | None]) -> float:
    del outputs
    return float(math.prod(shape(inputs, 0)))


def each(_: Attributes, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor | None]) -> float:
    """One per element of the output."""
    del inputs
    return float(math.prod(shape(outputs, 0)))


def _pool(attributes: Attributes, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor | None]) -> float:
    del inputs
    return float(math.prod(shape(outputs, 0)) * math.prod(attributes["kernel_shape"]))


PRODUCTS: Final[Mapping[str, Formula]] = {
    "MatMul": _matmul,
    "FusedMatMul": _matmul,
    "Gemm": _gemm,
    "FusedGemm": _gemm,
    "MatMulInteger": _matmul,
    "MatMulIntegerToFloat": _matmul,
    "QLinearMatMul": _matmul,
    "DynamicQuantizeMatMul": _dynamic_matmul,
    "MatMulNBits": _matmul_nbits,
    "Conv": _conv(1, 2),
    "FusedConv": _conv(1, 2),
    "ConvInteger": _conv(1, -1),
    "QLinearConv": _conv(3, 8),
    "ConvTranspose": _conv_transpose,
    "LSTM": _recurrent(4, 1, 2),
    "DynamicQuantizeLSTM": _recurrent(4, 1, 2, transposed=True),
    "GRU": _recurrent(3, 1, 2),
    "RNN": _recurrent(1, 1, 2),
    "GroupQueryAttention": _group_query,
    "MultiHeadAttention": _multi_head,
    "Attention": _onnx_attention,
    "com.microsoft:Attention": _attention,
    "DFT": _dft,
    "STFT": _stft,
    "Einsum": _einsum,
}
"""Operators whose formula counts products; a domain goes before a name where two operators share it."""

REDUCED: Final[Mapping[str, Formula]] = dict.fromkeys(
    ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSumExp",
     "ReduceSumSquare", "ArgMax", "ArgMin", "GlobalAveragePool", "TopK", "CumSum"),
    _reduce,
) | {"AveragePool": _pool, "MaxPool": _pool, "Resize": _resize, "Upsample": _resize}  # fmt: skip


def formula(domain: str, name: str) -> Formula | None:
    """The formula of an operator; None where it is not known."""
    found = PRODUCTS.get(f"{domain}:{name}") or PRODUCTS.get(name) or REDUCED.get(name)
    if found is not None:
        return found
    if name in ELEMENTWISE:
        return each
    return _nothing if name in MOVING else None


def _nothing(_: Attributes, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor | None]) -> float:
    del inputs, outputs
    return 0.0
