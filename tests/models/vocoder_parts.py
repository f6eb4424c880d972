"""A tiny voice and a tiny vocoder of random weights, written as the real ones are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from engines.weights import graphs
from engines.weights.cards import AdapterCard, VocoderShape

WIDTH, RATE, UNITS = 6, 22_050, 11
_UPS = ((8, 16), (8, 16), (4, 8))
_CHANNELS = (8, 6, 4, 3)


def voice(folder: Path) -> Path:
    """Writes a graph named like VITS's: something before the latents, and a HiFi-GAN behind them."""
    random = np.random.default_rng(3)
    nodes: list[onnx.NodeProto] = []
    weights: list[onnx.TensorProto] = []

    def tensor(name: str, *shape: int) -> str:
        values = random.normal(0, 1 / np.sqrt(np.prod(shape[1:])), shape).astype(np.float32)
        weights.append(numpy_helper.from_array(values, name))
        return name

    def conv(source: str, name: str, outputs: int, inputs: int, kernel: int, dilation: int) -> str:
        pad = (kernel - 1) * dilation // 2
        nodes.append(
            helper.make_node(
                "Conv",
                [source, tensor(f"{name}.weight", outputs, inputs, kernel)],
                [name],
                name=f"/{name}/Conv",
                dilations=[dilation],
                kernel_shape=[kernel],
                pads=[pad, pad],
                strides=[1],
            )
        )
        return name

    nodes.append(helper.make_node("Mul", ["input", "scales"], ["/Mul_7_output_0"], name="/Mul_7"))
    last = conv("/Mul_7_output_0", "dec/conv_pre", _CHANNELS[0], WIDTH, 7, 1)
    nodes[-1].name = "/dec/conv_pre/Conv"
    for place, (stride, kernel) in enumerate(_UPS):
        name, pad = f"dec/ups.{place}", (kernel - stride) // 2
        given = tensor(f"{name}.weight", _CHANNELS[place], _CHANNELS[place + 1], kernel)
        nodes.append(
            helper.make_node(
                "ConvTranspose",
                [last, given],
                [name],
                name=f"/{name}/ConvTranspose",
                dilations=[1],
                kernel_shape=[kernel],
                pads=[pad, pad],
                strides=[stride],
            )
        )
        inner = conv(name, f"dec/resblocks.{place}", _CHANNELS[place + 1], _CHANNELS[place + 1], 3, 3)
        nodes.append(helper.make_node("Add", [name, inner], [f"{name}.sum"], name=f"/{name}/Add"))
        last = f"{name}.sum"
    last = conv(last, "dec/conv_post", 1, _CHANNELS[-1], 7, 1)
    nodes.append(helper.make_node("Tanh", [last], ["output"], name="/dec/Tanh"))
    graph = helper.make_graph(
        nodes, "voice",
        [
            helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, WIDTH, "frames"]),
            helper.make_tensor_value_info("scales", TensorProto.FLOAT, [1]),
        ],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, "samples"])], weights,
    )  # fmt: skip
    file = folder / "en_US-joe-medium.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8), str(file))
    (folder / f"{file.name}.json").write_text(json.dumps({"audio": {"sample_rate": RATE}}), encoding="utf-8")
    return file


def install_decoder(folder: Path) -> Path:
    """Cuts the tiny voice and publishes its decoder, as preparing does; returns the file of the whole voice."""
    from export.vocoder_decoder import build

    folder.mkdir(parents=True, exist_ok=True)
    file = voice(folder)
    graphs.publish("piper-en-us-joe", "a" * 64, lambda target: build(folder, target))
    return file


def install_vocoder(adapters: Path, **changes: object) -> AdapterCard:
    """Writes a vocoder of random weights into a folder of adapters."""
    import torch

    from engines.training.networks.unit_vocoder import UnitVocoder, VocoderSize
    from export.unit_vocoder import shape_of, write_graphs

    torch.manual_seed(5)
    size = VocoderSize(UNITS, width=16, layers=2, fine=1, durations=1, inner=24, kernel=5, latents=WIDTH)
    network = UnitVocoder(size)
    torch.nn.init.normal_(network.length.weight, std=0.3)
    with torch.no_grad():
        network.length.bias.fill_(1.0)
        for name, value in network.named_parameters():
            if name.endswith("scale"):
                value.fill_(1.0)
    folder = adapters / "vocoder"
    folder.mkdir(parents=True)
    write_graphs(network, folder)
    shape = VocoderShape(**{**shape_of(network, "b" * 64).model_dump(), **changes})
    card = AdapterCard(id="vocoder", kind="vocoder", name="Tiny vocoder", vocoder=shape)
    card.write(folder)
    return card
