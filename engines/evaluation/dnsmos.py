"""DNSMOS: how good people would find speech, estimated without a reference (Reddy et al. 2022, arXiv 2110.01763)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from engines.contract import SAMPLE_RATE, Samples
from engines.errors import WeightsMissing
from engines.runtime.sessions import open_session

WEIGHTS: Final = "dnsmos"
"""Id of the weights in the manifest."""
_FILE: Final = "sig_bak_ovr.onnx"
_WINDOW: Final = int(9.01 * SAMPLE_RATE)
_HOP: Final = SAMPLE_RATE
_CURVES: Final = (
    (-0.08397278, 1.22083953, 0.0052439),
    (-0.13166888, 1.60915514, -0.39604546),
    (-0.06766283, 1.11546468, 0.04602535),
)
"""By which the network's three values become opinion scores: signal, background, overall (microsoft/DNS-Challenge)."""


@dataclass(frozen=True)
class Opinion:
    """Mean opinion scores after ITU-T P.835, 1 to 5.

    Attributes:
        signal: of the speech.
        background: of what is behind it.
        overall: of both together.
    """

    signal: float
    background: float
    overall: float


class Dnsmos:
    """The network. Open it with :meth:`open`."""

    def __init__(self, file: Path) -> None:
        self._session = open_session(file)

    @classmethod
    def open(cls, folder: Path) -> Dnsmos:
        """Opens it from the folder of its weights.

        Raises:
            WeightsMissing: it is not installed.
            GraphInvalid: its file is damaged.
        """
        if not (folder / _FILE).is_file():
            raise WeightsMissing("DNSMOS is not installed.", f"Run `triptych models fetch {WEIGHTS}`.")
        return cls(folder / _FILE)

    def rate(self, samples: Samples) -> Opinion:
        """The opinion of speech, mean over windows of nine seconds, one a second; short speech is repeated.

        Args:
            samples: ``(n,)`` at 16 kHz in [-1, 1], n ≥ 1.
        """
        whole = samples
        while whole.shape[0] < _WINDOW:
            whole = np.concatenate([whole, whole])
        last = max(1, int(whole.shape[0] / SAMPLE_RATE - 9.01) + 1)
        windows = [whole[start * _HOP : start * _HOP + _WINDOW] for start in range(last)]
        raw = [self._session.run(None, {"input_1": np.float32(window[None])})[0][0] for window in windows]
        scores = [[np.polyval(curve, value) for curve, value in zip(_CURVES, row, strict=True)] for row in raw]
        return Opinion(*np.mean(scores, axis=0).tolist())
