"""Trunk and adapters with the real geometry and random weights: what they write is gibberish, all else is as it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from engines.models.pieces import MARK, Inventory, Piece
from engines.weights.cards import AdapterCard, Parameters, Shape, file_digest

STATES, HIDDEN, WIDTH = 512, 384, 640
VOCABULARY = 90_239
STACK, WINDOW, QUERIES = 2, 8, 2
KINDS = ("convolution", "ctc", "qformer", "pooling")
SHAPES = {
    "convolution": Shape(frames_per_vector=STACK),
    "pooling": Shape(frames_per_vector=STACK),
    "qformer": Shape(window=WINDOW, queries=QUERIES),
    "ctc": Shape(),
}


def inventory(ids=None) -> Inventory:
    """Letters and a few words; ids from a tokenizer's vocabulary, or made up."""
    letters = "abcdefghijklmnopqrstuvwxyz'"
    texts = [MARK + letter for letter in letters] + list(letters)
    texts += [MARK + word for word in ("the", "callers", "waiting", "to", "speak", "with")] + ["ing", "The", "."]
    pieces = [
        Piece(text, 10 + place if ids is None else ids[text], -float(place + 1) / 9, text not in {"The", "."})
        for place, text in enumerate(texts)
        if ids is None or text in ids
    ]
    return Inventory(tuple(pieces), (MARK, *letters))


class _Graph:
    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._nodes: list[onnx.NodeProto] = []
        self._values: list[onnx.TensorProto] = []

    def weight(self, *shape: int, scale: float = 1.0) -> str:
        """A random matrix, in half precision with a cast as training writes it."""
        name = f"w{len(self._values)}"
        array = self._random.normal(0, scale / np.sqrt(shape[0]), shape).astype(np.float16)
        self._values.append(numpy_helper.from_array(array, name))
        return self.node("Cast", name, to=TensorProto.FLOAT)

    def whole(self, *values: int) -> str:
        name = f"i{len(self._values)}"
        self._values.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    def floats(self, array: np.ndarray) -> str:
        name = f"f{len(self._values)}"
        self._values.append(numpy_helper.from_array(array.astype(np.float32), name))
        return name

    def node(self, kind: str, *inputs: str, out: str | None = None, **attributes) -> str:
        name = out or f"n{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def grouped(self, x: str, width: int, size: int) -> str:
        """``(T, width)`` → ``(ceil(T / size), size · width)``, padded with zeros."""
        count = self.node("Slice", self.node("Shape", x), self.whole(0), self.whole(1), self.whole(0))
        groups = self.node("Div", self.node("Add", count, self.whole(size - 1)), self.whole(size))
        end = self.node("Mul", groups, self.whole(size))
        padded = self.node("Concat", x, self.floats(np.zeros((size, width))), axis=0)
        return self.node(
            "Reshape", self.node("Slice", padded, self.whole(0), end, self.whole(0)), self.whole(-1, size * width)
        )

    def write(self, file: Path, inputs: dict, outputs: dict) -> None:
        made = [[helper.make_tensor_value_info(n, k, s) for n, (k, s) in side.items()] for side in (inputs, outputs)]
        graph = helper.make_graph(self._nodes, file.stem, made[0], made[1], self._values)
        file.parent.mkdir(parents=True, exist_ok=True)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(file))


def write_trunk_graph(file: Path, pieces: int, *, hidden: int = HIDDEN, seed: int = 1) -> None:
    g = _Graph(seed)
    stacked = g.grouped("states", STATES, 2)
    g.node("Tanh", g.node("MatMul", stacked, g.weight(2 * STATES, hidden)), out="hidden")
    bias = np.zeros(1 + pieces)
    bias[0] = 6.0  # most frames are blank, as of a trained head
    logits = g.node("Add", g.node("MatMul", "hidden", g.weight(hidden, 1 + pieces, scale=5.0)), g.floats(bias))
    g.node("LogSoftmax", logits, out="log_probs", axis=-1)
    f = TensorProto.FLOAT
    g.write(
        file,
        {"states": (f, ["T", STATES])},
        {"hidden": (f, ["H", hidden]), "log_probs": (f, ["H", 1 + pieces])},
    )


def write_adapter_graph(file: Path, kind: str, pieces: int, *, width: int = WIDTH, seed: int = 2) -> None:
    g, f = _Graph(seed), TensorProto.FLOAT
    inputs: dict = {"hidden": (f, ["T", HIDDEN])}
    outputs: dict = {"vectors": (f, ["N", width])}
    match kind:
        case "convolution":
            g.node("MatMul", g.grouped("hidden", HIDDEN, STACK), g.weight(STACK * HIDDEN, width), out="vectors")
        case "pooling":
            frames = g.node("Reshape", g.grouped("hidden", HIDDEN, STACK), g.whole(-1, STACK, HIDDEN))
            mean = g.node("ReduceMean", frames, axes=[1], keepdims=0)
            g.node("MatMul", mean, g.weight(HIDDEN, width), out="vectors")
        case "qformer":
            frames = g.node("Reshape", g.grouped("hidden", HIDDEN, WINDOW), g.whole(-1, WINDOW, HIDDEN))
            scores = g.node("Transpose", g.node("MatMul", frames, g.weight(HIDDEN, QUERIES)), perm=[0, 2, 1])
            looked = g.node("Softmax", scores, axis=-1)
            read = g.node("MatMul", g.node("MatMul", looked, frames), g.weight(HIDDEN, width))
            g.node("Reshape", read, g.whole(-1, width), out="vectors")
            g.node("Reshape", looked, g.whole(-1, WINDOW), out="attention")
            outputs["attention"] = (f, ["N", WINDOW])
        case "ctc":
            inputs |= {"ids": (TensorProto.INT64, ["N", 8]), "weights": (f, ["N", 8])}
            rows = g.node("Gather", g.weight(pieces, width, scale=5.0), "ids", axis=0)
            heard = g.node("Mul", rows, g.node("Unsqueeze", "weights", g.whole(2)))
            summed = g.node("ReduceSum", heard, g.whole(1), keepdims=0)
            g.node("Add", summed, g.node("MatMul", "hidden", g.weight(HIDDEN, width)), out="vectors")
    g.write(file, inputs, outputs)


def write_lora(file: Path, rank: int = 2) -> None:
    from export.lora import write_adapter

    random = np.random.default_rng(3)
    write_adapter(
        {
            "layers.0.q_proj.lora_A": random.normal(0, 0.01, (WIDTH, rank)),
            "layers.0.q_proj.lora_B": random.normal(0, 0.01, (rank, 1024)),
        },
        file,
    )


def trunk_card(**changes) -> AdapterCard:
    return AdapterCard(
        **{
            "id": "trunk", "kind": "trunk", "name": "Trunk", "encoder": "whisper-base", "encoder_graph": "abc",
            "width": HIDDEN, "languages": ("en", "es"), "parameters": Parameters(trunk=1), **changes,
        }
    )  # fmt: skip


def adapter_card(kind: str, trunk: str, **changes) -> AdapterCard:
    return AdapterCard(
        **{
            "id": f"latent-{kind}", "kind": kind, "name": f"Random {kind}", "encoder": "whisper-base",
            "encoder_graph": "abc", "language_model": "gemma-3-270m", "vocabulary": VOCABULARY, "width": WIDTH,
            "trunk": trunk, "languages": ("en", "es"), "translates": ("es",), "adapter": SHAPES[kind],
            "metrics": {"wer": 0.97}, "licence": "Apache-2.0", "notes": ("Never trained: “gibberish”.",), **changes,
        }
    )  # fmt: skip


def write_all(root: Path, encoder_graph: str = "abc", ids: dict | None = None) -> Inventory:
    """Fills a folder of adapters with a trunk and all four kinds."""
    pieces = inventory(ids)
    count = len(pieces.ctc)
    write_trunk_graph(root / "trunk" / "trunk.onnx", count)
    pieces.write(root / "trunk" / "pieces.json")
    trunk_card(encoder_graph=encoder_graph).write(root / "trunk")
    digest = file_digest(root / "trunk" / "trunk.onnx")
    for kind in KINDS:
        folder = root / f"latent-{kind}"
        write_adapter_graph(folder / "adapter.onnx", kind, count)
        write_lora(folder / "lora.onnx_adapter")
        adapter_card(kind, digest, encoder_graph=encoder_graph).write(folder)
    return pieces
