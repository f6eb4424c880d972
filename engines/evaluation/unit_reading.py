"""What can be read from units alone: each state is replaced by the mean of its unit before words are recognised.

The reader is the trunk with its CTC head, as it is: nothing is trained for units. So this is a lower bound of what they
tell, and nearer to it for the trunk's own states than for those of the encoder, which pass through all of the trunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper

from engines.evaluation.metrics import Errors, word_errors
from engines.models.pieces import MARK, Inventory
from engines.models.trunk import Trunk
from engines.tokens.codebook import Codebook


class Reader:
    """The trunk, and its head alone.

    Args:
        trunk: as it is opened.
        file: its graph.
    """

    def __init__(self, trunk: Trunk, file: Path) -> None:
        self._trunk = trunk
        model = onnx.load(str(file))
        head, self._input = head_of(model)
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self._head = ort.InferenceSession(head.SerializeToString(), options, ["CPUExecutionProvider"])

    def read(self, states: NDArray[np.float32], source: str, rate: int) -> str:
        """Words in lower case.

        Args:
            states: ``(T, d)`` of the trunk, or of the encoder at 25 or 50 Hz.
            source: ``trunk`` or ``encoder``.
            rate: of the states in Hz.
        """
        if source == "trunk":
            log_probs = np.asarray(
                self._head.run(["log_probs"], {self._input: states if self._input == "hidden" else states[None]})[0]
            )
        else:
            log_probs = self._trunk.run(np.repeat(states, 50 // rate, axis=0)).log_probs
        return greedy(log_probs, self._trunk.inventory)


def head_of(model: ModelProto) -> tuple[ModelProto, str]:
    """The part of a trunk's graph behind its states, and the name of its input.

    The input is ``hidden``, or what that is taken from, with a dimension for the batch before it.

    Raises:
        ValueError: the head does not read the states.
    """
    makers = {name: node for node in model.graph.node for name in node.output}
    source = str(makers["hidden"].input[0])
    nodes, names, waiting = [], set(), ["log_probs"]
    while waiting:
        name = waiting.pop()
        if name in names or name in {"hidden", source}:
            names.add(name)
            continue
        names.add(name)
        if name in makers:
            nodes.append(makers[name])
            waiting += makers[name].input
    entry = next((name for name in ("hidden", source) if name in names), None)
    if entry is None or "states" in names:
        raise ValueError("the head of the trunk does not read its states")
    kept = [node for node in model.graph.node if node in nodes]
    graph = helper.make_graph(
        kept,
        "head",
        [helper.make_tensor_value_info(entry, TensorProto.FLOAT, None)],
        [output for output in model.graph.output if output.name == "log_probs"],
        [value for value in model.graph.initializer if value.name in names],
    )
    return helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version), entry


def greedy(log_probs: NDArray[np.float32], inventory: Inventory) -> str:
    """The likeliest label of each frame, repetitions joined, blanks dropped, as text."""
    best = log_probs.argmax(1)
    kept = best[np.concatenate([[True], best[1:] != best[:-1]])]
    return (
        "".join(inventory.pieces[inventory.ctc[label - 1]].text for label in kept if label).replace(MARK, " ").strip()
    )


def unit_means(book: Codebook, learned: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means ``(K, d)`` of the states of each unit; of one that got none, the mean of all."""
    ids = book.assign(learned)
    order = np.argsort(ids, kind="stable")
    found, starts, counts = np.unique(ids[order], return_index=True, return_counts=True)
    means = np.tile(learned.mean(0), (book.size, 1))
    means[found] = np.add.reduceat(learned[order], starts, axis=0) / counts[:, None]
    return np.asarray(means, np.float32)


def word_error_rate(
    reader: Reader, states: Sequence[NDArray[np.float32]], texts: Sequence[str], source: str, rate: int
) -> float:
    """Word errors per word over clips, in [0, …).

    Args:
        reader: reads.
        states: of each clip.
        texts: what is said in it.
        source: ``trunk`` or ``encoder``.
        rate: of the states in Hz.
    """
    errors = Errors()
    for rows, text in zip(states, texts, strict=True):
        errors += word_errors(text, reader.read(rows, source, rate))
    return errors.rate
