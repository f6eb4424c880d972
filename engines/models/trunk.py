"""The trunk: what all adapters share on top of the speech encoder, 50 Hz → 25 Hz, with a CTC head over pieces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.errors import AdapterMismatch
from engines.models.adapter_graph import HINT, Graph
from engines.models.pieces import Inventory
from engines.weights import cards
from engines.weights.cards import AdapterCard

FRAME_SECONDS = 0.04
"""Of the trunk's states."""


@dataclass(frozen=True)
class Hidden:
    """What the trunk makes of a stretch of speech.

    Attributes:
        states: ``(T', width)`` at 25 Hz.
        log_probs: ``(T', 1 + P)`` of the piece CTC, natural logarithms, column 0 the blank.
    """

    states: NDArray[np.float32]
    log_probs: NDArray[np.float32]


class Trunk:
    """The trunk with its inventory of pieces. Open it with :meth:`open`.

    Attributes:
        digest: hex sha256 of its graph; adapters name it in their cards.
        width: of its states.
        inventory: the pieces that its CTC head and the language model write.
    """

    def __init__(self, graph: Graph, inventory: Inventory, card: AdapterCard, digest: str) -> None:
        self._graph = graph
        self.inventory = inventory
        self.card = card
        self.digest = digest
        self.width = card.width

    @classmethod
    def open(
        cls, encoder: str, encoder_graph: str, encoder_width: int = 512, *, trunk_id: str = "trunk", tuned: bool = False
    ) -> Trunk:
        """Opens the trunk and tries it.

        Args:
            encoder: model id of the encoder in use.
            encoder_graph: see :func:`engines.weights.cards.encoder_graph`.
            encoder_width: of its states.
            trunk_id: folder of the trunk.
            tuned: whether it is given the states of the encoder that it was tuned with, where there is one.

        Raises:
            AdapterMissing: it is not there.
            AdapterMismatch: it is for another encoder, or card, graph and pieces do not belong together.
            GraphInvalid: a file is damaged.
        """
        card = cards.read(trunk_id)
        folder = cards.locate(trunk_id)
        card.check_encoder(encoder, encoder_graph)
        if card.kind != "trunk" or (card.tuned_layers and not tuned):
            what = f"with {card.tuned_layers} tuned layers of the encoder" if card.tuned_layers else f"a {card.kind}"
            raise AdapterMismatch(f"{trunk_id} is {what}, where a trunk on the frozen encoder is needed.", HINT)
        graph = Graph(folder / "trunk.onnx", ("states",), ("hidden", "log_probs"))
        trunk = cls(graph, Inventory.read(folder / "pieces.json"), card, cards.file_digest(folder / "trunk.onnx"))
        tried = trunk.run(np.zeros((5, encoder_width), np.float32))
        columns = 1 + len(trunk.inventory.ctc)
        if tried.states.shape != (3, trunk.width) or tried.log_probs.shape != (3, columns):
            raise AdapterMismatch(
                f"The trunk gives states {tried.states.shape} and {tried.log_probs.shape[-1]} probabilities; "
                f"its card says a width of {trunk.width}, its pieces {columns}.",
                HINT,
            )
        return trunk

    def run(self, states: NDArray[np.float32]) -> Hidden:
        """Runs it on the encoder's states ``(T, 512)`` at 50 Hz, T ≥ 1."""
        hidden, log_probs = self._graph.run({"states": np.ascontiguousarray(states, np.float32)})
        return Hidden(hidden, log_probs)
