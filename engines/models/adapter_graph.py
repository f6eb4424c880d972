"""Opening the ONNX files of adapters, with sentences for files that are damaged or of another make."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from engines.errors import AdapterMismatch, GraphInvalid
from engines.runtime.sessions import open_session

HINT = "Install the program again, or train the adapter anew with `triptych train`."


class Graph:
    """A small graph of an adapter.

    Args:
        file: the ONNX file.
        inputs: names of the inputs that it must have.
        outputs: names of the outputs that it must have.

    Raises:
        GraphInvalid: the file is damaged.
        AdapterMismatch: it has other inputs or outputs.
    """

    def __init__(self, file: Path, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:
        self.name = f"{file.parent.name}/{file.name}"
        self._outputs = list(outputs)
        try:
            self.session: ort.InferenceSession = open_session(file)
        except GraphInvalid as error:
            raise GraphInvalid(f"The file {self.name} of an adapter is damaged.", HINT) from error
        found = {place.name for place in self.session.get_inputs()}
        given = {place.name for place in self.session.get_outputs()}
        if found != set(inputs) or not set(outputs) <= given:
            told = f"{', '.join(sorted(found))} → {', '.join(sorted(given))}"
            raise AdapterMismatch(f"The graph {self.name} is of another make: {told}.", HINT)

    def run(self, feeds: Mapping[str, NDArray[np.generic]]) -> list[NDArray[np.float32]]:
        """Its outputs, float32.

        Raises:
            AdapterMismatch: it does not take arrays of these shapes.
            GraphInvalid: it gives values that are no numbers.
        """
        try:
            found = self.session.run(self._outputs, dict(feeds))
        except Exception as error:  # ONNX Runtime raises its own unrelated classes
            shapes = ", ".join(f"{name} {value.shape}" for name, value in feeds.items())
            raise AdapterMismatch(f"The graph {self.name} does not take {shapes}.", HINT) from error
        arrays = [np.asarray(value, np.float32) for value in found]
        if any(np.isnan(array).any() for array in arrays):
            raise GraphInvalid(f"The graph {self.name} gives values that are no numbers.", HINT)
        return arrays
