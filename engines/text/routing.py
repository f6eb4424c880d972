"""The router of a mixture of experts: where do the errors of this stretch of speech come from?

NeKo (arXiv 2411.05945) tells every expert in training which error source it is for, and leaves the choice to a router
at inference. Here the router is a softmax regression on what the recogniser knows anyway: the mean of its encoder's
states, which tell noise and room apart well (Whisper-AT, arXiv 2307.03183), and how sure and how united its list is.
It never sees the label.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.contract import Hypothesis, SpeechStates
from engines.errors import AdapterMismatch

LIST_FEATURES = (
    "entropy of the list", "lead of the best", "mean token score", "worst token score", "spread of token scores",
    "disagreement", "length of the list", "tokens per second",
)  # fmt: skip
"""What is read off the N-best list, in this order."""


def mean_state(states: SpeechStates) -> NDArray[np.float32]:
    """Mean of the encoder's states over the speech, ``(d,)``."""
    count = max(1, min(len(states.frames), round(states.seconds / states.frame_seconds)))
    return np.asarray(states.frames[:count].mean(0), np.float32)


def list_features(
    hypotheses: Sequence[Hypothesis], token_scores: Sequence[float], seconds: float
) -> NDArray[np.float32]:
    """What an N-best list tells of how the speech was heard; see :data:`LIST_FEATURES`.

    Args:
        hypotheses: at least one, best first.
        token_scores: log-probabilities of the best hypothesis's tokens in nats.
        seconds: length of the speech.
    """
    means = np.array([h.acoustic / max(1, h.tokens) for h in hypotheses])
    sums = np.array([h.acoustic for h in hypotheses])
    shares = np.exp(sums - sums.max())
    shares /= shares.sum()
    tokens = np.array(token_scores) if len(token_scores) else np.zeros(1)
    best = hypotheses[0].text.casefold().split()
    others = [h.text.casefold().split() for h in hypotheses[1:]]
    apart = [1 - difflib.SequenceMatcher(None, best, other, autojunk=False).ratio() for other in others]
    return np.array(
        [
            -float((shares * np.log(np.maximum(shares, 1e-12))).sum()),
            float(means[0] - means[1:].mean()) if len(means) > 1 else 0.0,
            float(means[0]),
            float(tokens.min()),
            float(tokens.std()),
            float(np.mean(apart)) if apart else 0.0,
            float(len(hypotheses)),
            math.log1p(len(tokens) / max(seconds, 0.1)),
        ],
        np.float32,
    )


@dataclass(frozen=True)
class Router:
    """Softmax regression over the sources of errors.

    Attributes:
        sources: names of the experts, K of them.
        mean: ``(F,)`` of the features in training.
        scale: ``(F,)``, one over their standard deviation.
        weights: ``(F, K)``.
        bias: ``(K,)``.
    """

    sources: tuple[str, ...]
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Of every source, for features ``(F,)`` or ``(N, F)``; they sum to 1."""
        logits = ((features - self.mean) * self.scale).astype(np.float64) @ self.weights + self.bias
        odds = np.exp(logits - logits.max(-1, keepdims=True))
        return np.asarray(odds / odds.sum(-1, keepdims=True))

    def top(self, features: NDArray[np.float32], count: int = 2) -> list[tuple[str, float]]:
        """The likeliest sources, likeliest first, with weights that sum to 1; equal ones in the router's order."""
        chances = self.probabilities(features)
        order = np.argsort(-chances, kind="stable")[:count]
        kept = chances[order] / chances[order].sum()
        return [(self.sources[index], float(weight)) for index, weight in zip(order, kept, strict=True)]

    def save(self, file: Path) -> None:
        """Writes it as numpy's archive, without pickled objects."""
        np.savez(
            file, sources=np.array(self.sources), mean=self.mean, scale=self.scale, weights=self.weights, bias=self.bias
        )

    @classmethod
    def open(cls, file: Path) -> Router:
        """Reads it.

        Raises:
            AdapterMismatch: the file is missing, damaged or of another shape.
        """
        try:
            with np.load(file, allow_pickle=False) as data:
                sources = tuple(str(name) for name in data["sources"])
                mean, scale, weights, bias = (
                    np.asarray(data[name], np.float32) for name in ("mean", "scale", "weights", "bias")
                )
        except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
            raise AdapterMismatch(
                f"The router {file.name} of the experts is missing or damaged.", "Reinstall Triptych."
            ) from error
        if weights.shape != (len(mean), len(sources)) or mean.shape != scale.shape or bias.shape != (len(sources),):
            raise AdapterMismatch(
                f"The router {file.name} of the experts is of an impossible shape.", "Reinstall Triptych."
            )
        return cls(sources, mean, scale, weights, bias)


def features(
    state: NDArray[np.float32], hypotheses: Sequence[Hypothesis], token_scores: Sequence[float], seconds: float
) -> NDArray[np.float32]:
    """Everything the router goes by, ``(F,)``: the mean state and :func:`list_features`."""
    return np.concatenate([state, list_features(hypotheses, token_scores, seconds)])
