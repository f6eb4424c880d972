"""Cuts a VITS voice's ONNX graph in two at its latent: what speaks text as latents, and what makes sound of them.

VITS (Kim et al. 2021, arXiv 2106.06103) ends in a HiFi-GAN decoder (arXiv 2010.05646) that knows nothing of text. It is
kept as it is, so that whatever gives latents like those it was trained on has the voice's full sound.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Final

import onnx
from onnx import helper
from onnx.utils import Extractor

from engines.errors import GraphInvalid

VOICE: Final = "en_US-joe-medium.onnx"
_FIRST: Final = "/dec/conv_pre/"
_HINT: Final = "Run `triptych models verify`."


def build(weights: Path, target: Path) -> None:
    """Writes ``decoder.onnx`` and ``config.json`` of a Piper voice.

    The graph's ``latents`` are ``(1, width, T)``, its ``samples`` hold ``T · hop`` values in [-1, 1]. The
    configuration has ``rate`` (samples per second), ``hop``, ``width``, and ``context``: how many latents on each side
    a sample can depend on.

    Args:
        weights: folder of the voice.
        target: an empty folder.

    Raises:
        GraphInvalid: the voice is missing, damaged, or no VITS of this make.
    """
    model = _read(weights / VOICE)
    voice = json.loads((weights / f"{VOICE}.json").read_text(encoding="utf-8"))
    decoder = cut(model)
    context, hop = reach(decoder.graph)
    onnx.save(decoder, str(target / "decoder.onnx"))
    width = _kernels(decoder.graph)[_first(decoder.graph).input[1]][1]
    config = {"rate": int(voice["audio"]["sample_rate"]), "hop": hop, "width": width, "context": context}
    (target / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def cut(model: onnx.ModelProto) -> onnx.ModelProto:
    """The decoder alone: ``latents`` to ``samples``.

    Raises:
        GraphInvalid: there is no such decoder in the graph.
    """
    latents, samples = _first(model.graph).input[0], model.graph.output[0].name
    if latents not in {place.name for place in model.graph.value_info}:  # the extractor wants to know what it cuts at
        model.graph.value_info.append(helper.make_tensor_value_info(latents, onnx.TensorProto.FLOAT, None))
    part = Extractor(model).extract_model([latents], [samples])
    graph = part.graph
    for node in graph.node:
        node.input[:] = ["latents" if name == latents else name for name in node.input]
        node.output[:] = ["samples" if name == samples else name for name in node.output]
    width = _kernels(graph)[_first(graph).input[1]][1]
    del graph.input[:], graph.value_info[:]
    graph.input.append(helper.make_tensor_value_info("latents", onnx.TensorProto.FLOAT, [1, width, "frames"]))
    graph.output[0].name = "samples"
    onnx.checker.check_model(part)
    return part


def reach(graph: onnx.GraphProto) -> tuple[int, int]:
    """How many latents on each side a sample can depend on, and how many samples there are per latent.

    Convolutions are followed through the graph, each at the resolution that the transposed ones before it led to.
    """
    kernels = _kernels(graph)
    radius: dict[str, float] = {"latents": 0.0}
    scale: dict[str, int] = {"latents": 1}
    for node in graph.node:
        known = [name for name in node.input if name in radius]
        if not known:
            continue
        far, fine = max(radius[name] for name in known), max(scale[name] for name in known)
        attributes = {item.name: helper.get_attribute_value(item) for item in node.attribute}
        if node.op_type == "Conv":
            dilation = (attributes.get("dilations") or [1])[0]
            far += (kernels[node.input[1]][2] - 1) * dilation / 2 / fine
        elif node.op_type == "ConvTranspose":
            stride = attributes["strides"][0]
            far += kernels[node.input[1]][2] / stride / fine
            fine *= stride
        for name in node.output:
            radius[name], scale[name] = far, fine
    last = graph.output[0].name
    return math.ceil(radius[last]), scale[last]


def _first(graph: onnx.GraphProto) -> onnx.NodeProto:
    found = [node for node in graph.node if node.op_type == "Conv" and node.name.startswith(_FIRST)]
    if not found:
        raise GraphInvalid("The voice's graph has no decoder where VITS has one.", _HINT)
    first: onnx.NodeProto = found[0]
    return first


def _kernels(graph: onnx.GraphProto) -> dict[str, tuple[int, ...]]:
    return {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}


def _read(file: Path) -> onnx.ModelProto:
    try:
        return onnx.load(str(file))
    except Exception as error:  # protobuf raises its own unrelated classes
        raise GraphInvalid(f"The voice {file.name} is missing or damaged.", _HINT) from error
