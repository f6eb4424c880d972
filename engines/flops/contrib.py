"""Shapes of what ONNX Runtime's own operators give, which the standard's shape inference does not know.

Source: docs/ContribOperators.md of ONNX Runtime.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from engines.flops.tensors import Tensor

Shape = tuple[int, ...] | None
Rule = Callable[[Mapping[str, Any], Sequence[Tensor | None]], list[Shape]]

_FLOAT = 1


def shapes(name: str, attributes: Mapping[str, Any], inputs: Sequence[Tensor | None]) -> list[Tensor] | None:
    """What an operator gives; None where the operator, or what it needs, is not known.

    Args:
        name: of the operator.
        attributes: of the node.
        inputs: of the node.
    """
    rule = _RULES.get(name)
    if rule is None:
        return None
    try:
        found = rule(attributes, inputs)
    except (TypeError, IndexError, AttributeError, KeyError):  # an input or its shape is not known
        return None
    floating = next((one.kind for one in inputs if one is not None and one.kind in {1, 10, 11, 16}), _FLOAT)
    return [Tensor(floating, shape) for shape in found]


def _given(inputs: Sequence[Tensor | None], index: int) -> tuple[int, ...]:
    tensor = inputs[index]
    assert tensor is not None
    if tensor.shape is None:
        raise TypeError
    return tensor.shape


def _there(inputs: Sequence[Tensor | None], index: int) -> bool:
    return index < len(inputs) and inputs[index] is not None


def _same(_: Mapping[str, Any], inputs: Sequence[Tensor | None]) -> list[Shape]:
    return [_given(inputs, 0)]


def _norm(_: Mapping[str, Any], inputs: Sequence[Tensor | None]) -> list[Shape]:
    given = _given(inputs, 0)
    return [given, (*given[:-1], 1), (*given[:-1], 1)]


def _skip_norm(_: Mapping[str, Any], inputs: Sequence[Tensor | None]) -> list[Shape]:
    given = _given(inputs, 0)
    return [given, (*given[:-1], 1), (*given[:-1], 1), given]


def _nbits(attributes: Mapping[str, Any], inputs: Sequence[Tensor | None]) -> list[Shape]:
    return [(*_given(inputs, 0)[:-1], int(attributes["N"]))]


def _product(attributes: Mapping[str, Any], inputs: Sequence[Tensor | None]) -> list[Shape]:
    first, second = _given(inputs, 0), _given(inputs, 1)
    if attributes.get("transA"):
        first = (*first[:-2], first[-1], first[-2])
    if attributes.get("transB"):
        second = (*second[:-2], second[-1], second[-2])
    lead = first[:-2] if len(first) >= len(second) else second[:-2]
    return [(*lead, first[-2], second[-1])]


def _gather_quantised(attributes: Mapping[str, Any], inputs: Sequence[Tensor | None]) -> list[Shape]:
    data, ids = list(_given(inputs, 0)), _given(inputs, 1)
    table = inputs[0]
    assert table is not None
    axis, packed = int(attributes.get("gather_axis", 0)), int(attributes.get("quantize_axis", 1))
    bits = int(attributes.get("bits", 4))
    if table.kind == 2 and bits < 8:
        data[packed] *= 8 // bits
    return [(*data[:axis], *ids, *data[axis + 1 :])]


def _group_query(attributes: Mapping[str, Any], inputs: Sequence[Tensor | None]) -> list[Shape]:
    batch, queries, width = _given(inputs, 0)
    heads, own = int(attributes["num_heads"]), int(attributes["kv_num_heads"])
    apart = _there(inputs, 1)
    size = width // heads if apart else width // (heads + 2 * own)
    total = inputs[6]
    assert total is not None
    if total.values is None:
        raise TypeError
    kept = int(total.values.reshape(-1)[0])
    if _there(inputs, 3):
        kept = max(kept, _given(inputs, 3)[2])
    cache = (batch, own, kept, size)
    return [(batch, queries, heads * size), cache, cache]


def _multi_head(attributes: Mapping[str, Any], inputs: Sequence[Tensor | None]) -> list[Shape]:
    query, heads = _given(inputs, 0), int(attributes["num_heads"])
    batch, queries = query[:2]
    if not _there(inputs, 1):  # (B, S, heads, 3, size)
        width = query[2] * query[4] if len(query) == 5 else query[2]
        return [
            (batch, queries, width),
            (batch, heads, queries, width // heads),
            (batch, heads, queries, width // heads),
        ]
    key, value = _given(inputs, 1), _given(inputs, 2) if _there(inputs, 2) else _given(inputs, 1)
    apart = len(key) == 4
    keys = key[2] if apart else key[1]
    if _there(inputs, 6):
        keys += _given(inputs, 6)[2]
    width = heads * value[3] if len(value) == 4 else value[2]
    cache = (batch, heads, keys)
    return [(batch, queries, width), (*cache, query[2] // heads), (*cache, width // heads)]


def _attention(attributes: Mapping[str, Any], inputs: Sequence[Tensor | None]) -> list[Shape]:
    batch, queries, _ = _given(inputs, 0)
    sizes = attributes.get("qkv_hidden_sizes")
    width = int(sizes[2]) if sizes else _given(inputs, 1)[1] // 3
    past = _given(inputs, 4)[3] if _there(inputs, 4) else 0
    heads = int(attributes["num_heads"])
    return [(batch, queries, width), (2, batch, heads, queries + past, width // heads)]


def _lstm(_: Mapping[str, Any], inputs: Sequence[Tensor | None]) -> list[Shape]:
    steps, batch, _width = _given(inputs, 0)
    directions, hidden, _gates = _given(inputs, 2)  # (directions, H, 4H), turned round
    state = (directions, batch, hidden)
    return [(steps, directions, batch, hidden), state, state]


_RULES: Final[Mapping[str, Rule]] = {
    "Attention": _attention,
    "BiasGelu": _same,
    "DynamicQuantizeLSTM": _lstm,
    "DynamicQuantizeMatMul": _product,
    "FastGelu": _same,
    "FusedMatMul": _product,
    "GatherBlockQuantized": _gather_quantised,
    "Gelu": _same,
    "GroupQueryAttention": _group_query,
    "MatMulIntegerToFloat": _product,
    "MatMulNBits": _nbits,
    "MultiHeadAttention": _multi_head,
    "QuickGelu": _same,
    "RotaryEmbedding": _same,
    "SimplifiedLayerNormalization": _norm,
    "SkipLayerNormalization": _skip_norm,
    "SkipSimplifiedLayerNormalization": _skip_norm,
}
