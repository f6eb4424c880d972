"""Semantic units: k-means clusters of a speech encoder's states (HuBERT, arXiv 2106.07447; GSLM, arXiv 2102.01192).

What is clustered is the output of the recogniser's encoder, which was trained to tell what is said, as with the
supervised tokens of CosyVoice (arXiv 2407.05407) and GLM-4-Voice (arXiv 2412.02612); or the trunk's states behind it;
or those of HuBERT and wav2vec 2.0. docs/decisions/0010 has the measurements by which the source was chosen.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.contract import SpeechStates, TokenStream, UnitPhones
from engines.errors import AdapterMismatch
from engines.models.trunk import Trunk
from engines.tokens.codebook import Codebook
from engines.tokens.units import Runs, collapse, expand, halve, stream
from engines.weights import cards
from engines.weights.cards import AdapterCard

__all__ = ["ADAPTER", "NAME", "Runs", "SemanticTokeniser", "collapse", "expand"]

ADAPTER = "units"
NAME = "Semantic units"
_STATES_SECONDS = 0.02
_HINT = "Install the program again, or make the units anew with `triptych train units`."

Features = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Encoder states ``(T, 512)`` at 50 Hz → what is clustered, ``(T', d)``."""


@dataclass(frozen=True)
class SemanticTokeniser:
    """Turns states into units. Open the one of this installation with :meth:`open`.

    Attributes:
        codebook: the clusters.
        features: makes of the encoder's states what is clustered.
        frame_seconds: seconds per unit.
        card: of the codebook, if it is that of an installation.
    """

    codebook: Codebook
    features: Features
    frame_seconds: float = 0.04
    card: AdapterCard | None = None

    @classmethod
    def open(
        cls, trunk: Trunk | None = None, *, encoder: str = "whisper-base", adapter: str = ADAPTER
    ) -> SemanticTokeniser:
        """Opens the units that were trained, and tries them.

        Args:
            trunk: if it is open already; opened where it is needed.
            encoder: model id of the encoder in use.
            adapter: folder of the codebook among the adapters.

        Raises:
            AdapterMissing: there is no codebook, or no trunk where it needs one.
            AdapterMismatch: it is for another encoder or trunk, or clusters something that this cannot compute.
            GraphInvalid: a file is damaged.
        """
        card = cards.read(adapter)
        shape = card.units
        if shape is None:
            raise AdapterMismatch(f"The card of {adapter} does not say what its units are clusters of.", _HINT)
        graph = cards.encoder_graph(encoder)
        card.check_encoder(encoder, graph)
        features: Features = _whole if shape.frame_seconds == _STATES_SECONDS else halve
        if shape.source == "trunk":
            trunk = trunk or Trunk.open(encoder, graph)
            card.check_trunk(trunk.digest)
            features = _through(trunk)
        elif shape.source != "encoder" or shape.layer:
            raise AdapterMismatch(
                f"The units of {adapter} are clusters of {shape.source}, layer {shape.layer}, which no engine runs.",
                _HINT,
            )
        codebook = Codebook.read(cards.locate(adapter))
        tokeniser = cls(codebook, features, shape.frame_seconds, card)
        width = features(np.zeros((5, 512), np.float32)).shape[1]
        if (codebook.size, codebook.width) != (shape.size, width):
            raise AdapterMismatch(
                f"The codebook of {adapter} has {codebook.size} × {codebook.width} values where its card promises "
                f"{shape.size} × {width}.",
                _HINT,
            )
        return tokeniser

    @property
    def name(self) -> str:
        """For people."""
        return NAME

    @property
    def size(self) -> int:
        """How many units there are."""
        return self.codebook.size

    @property
    def bits(self) -> float:
        """Of one unit."""
        return math.log2(self.size)

    def units(self, states: NDArray[np.float32]) -> NDArray[np.int32]:
        """The unit of each frame.

        Args:
            states: of the encoder, ``(T50, 512)`` at 50 Hz, T50 ≥ 0.

        Returns:
            ``(T25,)`` ids in [0, size); T25 is half of T50, rounded up.
        """
        if not len(states):
            return np.zeros(0, np.int32)
        return self.codebook.assign(self.features(np.asarray(states, np.float32)))

    def units_of(self, speech: SpeechStates) -> NDArray[np.int32]:
        """The units of what a recogniser's encoder gave, without those of the silence that it was padded with."""
        frames = math.ceil(round(speech.seconds / speech.frame_seconds, 6))
        return self.units(speech.frames[: max(1, frames)])

    def stream(
        self,
        ids: NDArray[np.int32],
        *,
        segment: int = 0,
        start: float = 0.0,
        joined: bool = True,
        generated: bool = False,
    ) -> TokenStream:
        """Evidence of units; see :func:`engines.tokens.units.stream`."""
        return stream(
            NAME, ids, (self.size,), self.frame_seconds,
            segment=segment, start=start, joined=joined, generated=generated,
        )  # fmt: skip

    def phones(self, ids: NDArray[np.int32], *, segment: int = 0) -> UnitPhones | None:
        """Evidence of what the units of a stretch mean; None where phones were not counted with the codebook."""
        counts = self.codebook.counts
        if counts is None:
            return None
        units = np.unique(ids[ids >= 0]).astype(np.int32)
        heard = counts[units].astype(np.float64)
        shares = heard / np.maximum(heard.sum(1, keepdims=True), 1)
        kept = np.flatnonzero(shares.sum(0) > 0)
        return UnitPhones(
            segment=segment,
            name=NAME,
            units=units,
            phones=tuple(self.codebook.phones[column] for column in kept),
            shares=shares[:, kept].astype(np.float32),
            origin=self.codebook.origin,
        )


def _whole(states: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(states, np.float32)


def _through(trunk: Trunk) -> Features:
    def features(states: NDArray[np.float32]) -> NDArray[np.float32]:
        return trunk.run(states).states

    return features
