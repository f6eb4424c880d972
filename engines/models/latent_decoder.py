"""The decoder of a VITS voice by itself: latents to sound, whole or in pieces that join without a seam.

HiFi-GAN (Kong et al. 2020, arXiv 2010.05646) is convolutions alone: a sample depends on no more than a few latents on
either side, so that a piece computed with that many neighbours equals the same piece of the whole.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from engines.contract import Samples
from engines.errors import GraphInvalid
from engines.models.piper import WEIGHTS
from engines.runtime.sessions import open_session, provider_of
from engines.weights import graphs

_HINT: Final = "Run `triptych models verify` to rebuild it."


class LatentDecoder:
    """A decoder. Open it with :meth:`open`.

    Attributes:
        rate: samples per second.
        hop: samples per latent.
        width: of a latent.
        context: latents on either side that a sample can depend on.
    """

    def __init__(self, folder: Path) -> None:
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            self.rate, self.hop = int(config["rate"]), int(config["hop"])
            self.width, self.context = int(config["width"]), int(config["context"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise GraphInvalid(f"The decoder in {folder.name} is incomplete.", _HINT) from error
        self.session: ort.InferenceSession = open_session(folder / "decoder.onnx")

    @classmethod
    def open(cls, model_id: str = WEIGHTS) -> LatentDecoder:
        """Opens the decoder that was cut out of a voice.

        Raises:
            WeightsMissing: it has not been built.
            GraphInvalid: it is damaged.
        """
        return cls(graphs.locate(model_id))

    @property
    def frames_per_second(self) -> float:
        """Latents per second."""
        return self.rate / self.hop

    @property
    def provider(self) -> str:
        """What it really runs on."""
        return provider_of(self.session)

    def whole(self, latents: NDArray[np.float32]) -> Samples:
        """``(T · hop,)`` samples in [-1, 1] of ``(T, width)`` latents, T ≥ 1."""
        values = np.ascontiguousarray(latents.T[None], np.float32)
        return np.asarray(self.session.run(None, {"latents": values})[0], np.float32).reshape(-1)
