"""States of the recogniser's encoder at inner layers, by its own graph with further outputs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper

from engines.audio.features import log_mel
from engines.contract import Samples
from engines.errors import GraphInvalid

_INNER = "encoder/layer_{}.out.sum"
"""What the n-th layer, from 0, hands to the next: the residual stream, before any norm."""


class EncoderLayers:
    """The encoder with some of its inner layers.

    Args:
        folder: of the recogniser's graphs.
        layers: from 1; 0 stands for what the encoder gives in the end, behind its last norm.
        threads: that it works with.

    Raises:
        GraphInvalid: the graph is missing or damaged, or has no such layer.
    """

    def __init__(self, folder: Path, layers: Sequence[int], threads: int = 1) -> None:
        self.layers = tuple(layers)
        self._names = [_INNER.format(layer - 1) if layer else "frames" for layer in layers]
        try:
            model = onnx.load(str(folder / "encoder.onnx"))
        except Exception as error:  # onnx raises protobuf's own classes
            raise GraphInvalid(f"The encoder in {folder.name} is missing or damaged.", "Build it anew.") from error
        made = {name for node in model.graph.node for name in node.output}
        missing = [layer for layer, name in zip(layers, self._names, strict=True) if name not in made]
        if missing:
            raise GraphInvalid(f"The encoder in {folder.name} has no layer {missing[0]}.", "Choose a lower one.")
        model.graph.output.extend(
            helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in self._names if name != "frames"
        )
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = ort.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])

    def encode(self, samples: Samples, window: float = 30.0) -> list[NDArray[np.float32]]:
        """States ``(50 · window, 512)`` of each layer, in the order that was asked for.

        Args:
            samples: at most ``window`` seconds at 16 kHz.
            window: seconds that the speech is padded to; the recogniser itself works on 30.
        """
        found = self._session.run(self._names, {"mel": log_mel(samples, window)})
        return [np.asarray(states, np.float32)[0] for states in found]
