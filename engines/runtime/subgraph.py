"""The lower part of an encoder's graph, cut out in memory; the file stays as it is."""

from __future__ import annotations

from pathlib import Path

from engines.errors import GraphInvalid

_HINT = "Run `triptych models verify` to rebuild it."


def encoder_below(file: Path, layer: int) -> bytes:
    """The part of Whisper's encoder below a layer.

    Args:
        file: graph of Whisper's encoder, ``mel (1, 80, F)`` → ``frames (1, F/2, d)``, as the exporter builds it: its
            first norm reads what the convolutions and positions make; behind that each layer adds to what went in
            twice, in nodes that are sum and norm in one.
        layer: the first that is left out, from 0.

    Returns:
        a model ``mel`` → ``hidden (1, F/2, d)``, what that layer reads.

    Raises:
        GraphInvalid: the file is missing or has another make.
    """
    import onnx

    try:
        model = onnx.load(str(file))
    except Exception as error:  # onnx and protobuf raise their own unrelated classes
        raise GraphInvalid(f"The model graph {file.name} could not be read.", _HINT) from error
    graph = model.graph
    sums = [node.output[3] for node in graph.node if node.op_type == "SkipLayerNormalization" and len(node.output) > 3]
    first = [node.input[0] for node in graph.node if node.op_type == "LayerNormalization"]
    read = [*first[:1], *sums[1::2]]
    if len(first) != 1 or not 0 <= layer < len(read) or not read[layer]:
        raise GraphInvalid(f"The model graph {file.name} is of another make; it has no layer {layer}.", _HINT)
    kept, wanted = [], {read[layer]}
    for node in reversed(graph.node):
        if wanted & set(node.output):
            kept.append(node)
            wanted.update(name for name in node.input if name)
    nodes = [*reversed(kept), onnx.helper.make_node("Identity", [read[layer]], ["hidden"])]
    values = [value for value in graph.initializer if value.name in wanted]
    hidden = onnx.helper.make_tensor_value_info("hidden", onnx.TensorProto.FLOAT, None)
    inputs = [value for value in graph.input if value.name in wanted]
    for place, new in (
        (graph.node, nodes),
        (graph.initializer, values),
        (graph.input, inputs),
        (graph.output, [hidden]),
    ):
        copies = [type(each).FromString(each.SerializeToString()) for each in new]
        del place[:]
        place.extend(copies)
    del graph.value_info[:]
    found: bytes = model.SerializeToString()
    return found
