"""Whisper's encoder with its last layers tuned along with a trunk.

What stayed frozen is cut out of the recogniser's own graph; the tuned layers lie beside the trunk, a graph each.
Nothing else reads these states, so that the speech is not padded to 30 s as the recogniser's decoder wants it, but to a
second more than it is, as in training.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from engines.audio.features import BANDS, log_mel
from engines.contract import SAMPLE_RATE, Samples, SpeechStates
from engines.errors import AdapterMismatch, GraphInvalid
from engines.models.adapter_graph import HINT, Graph
from engines.runtime.sessions import open_session, provider_of
from engines.runtime.subgraph import encoder_below
from engines.weights import cards
from engines.weights.cards import AdapterCard

MARGIN_SECONDS = 1.0
"""Of silence behind the speech."""
SHORTEST_SECONDS = 4.0
"""Of speech with the silence behind it."""
LONGEST_SECONDS = 30.0
"""The encoder has no positions beyond."""


def window(seconds: float, margin: float = MARGIN_SECONDS, shortest: float = SHORTEST_SECONDS) -> float:
    """Seconds that speech is padded to, in tenths so that the runtime meets few different shapes."""
    return min(LONGEST_SECONDS, float(np.ceil(round(max(seconds + margin, shortest) * 10, 6)) / 10))


class TunedEncoder:
    """The encoder of a trunk that it was tuned with. Open it with :meth:`open`.

    Attributes:
        name: for people, unique to these weights.
        provider: what runs it.
        precision: of its weights.
    """

    def __init__(self, lower: ort.InferenceSession, upper: tuple[Graph, ...], name: str) -> None:
        self._lower, self._upper = lower, upper
        self.name = name
        self.provider = provider_of(lower)
        self.precision = "int8, fp16"

    @classmethod
    def open(cls, card: AdapterCard, whisper: Path, width: int = 512) -> TunedEncoder:
        """Opens what a trunk's card tells of, and tries it.

        Args:
            card: of the trunk, with tuned layers.
            whisper: folder of the recogniser's graphs.
            width: of the encoder's states.

        Raises:
            AdapterMissing: a layer is not there.
            AdapterMismatch: the layers are not those of the card.
            GraphInvalid: a file is damaged.
        """
        folder = cards.locate(card.id)
        files = [folder / name for name in cards.encoder_files(card.tuned_layers)]
        digest = cards.files_digest(files)
        if digest != card.encoder_digest:
            raise AdapterMismatch(
                f"The tuned layers of the encoder of {card.id} are not those of its card "
                f"({card.encoder_digest[:12]}, here {digest[:12]}).",
                HINT,
            )
        upper = tuple(Graph(file, ("hidden",), ("states",)) for file in files)
        model = encoder_below(whisper / "encoder.onnx", cards.ENCODER_LAYERS - card.tuned_layers)
        lower = open_session(whisper / "encoder.onnx", model)
        found = cls(
            lower, upper, f"{card.encoder}, {card.tuned_layers} of {cards.ENCODER_LAYERS} layers tuned ({digest[:8]})"
        )
        shape = found._run(np.zeros((1, BANDS, 20), np.float32)).shape
        if shape != (10, width):
            told = f"gives states {shape} for ten frames, not (10, {width})"
            raise AdapterMismatch(f"The tuned encoder of {card.id} {told}.", HINT)
        return found

    def encode(self, samples: Samples) -> SpeechStates:
        """The states of at most 30 s of speech.

        Args:
            samples: ``(n,)`` at 16 kHz.
        """
        seconds = samples.shape[0] / SAMPLE_RATE
        states = self._run(log_mel(samples, window(seconds)))
        return SpeechStates(states, seconds)

    def _run(self, mel: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            hidden = np.asarray(self._lower.run(["hidden"], {"mel": mel})[0][0], np.float32)
        except Exception as error:  # ONNX Runtime raises its own unrelated classes
            raise GraphInvalid("The graph of the speech encoder does not run.", HINT) from error
        for graph in self._upper:
            (hidden,) = graph.run({"hidden": hidden})
        return hidden
