"""Learning a mixture of experts: which lists go to which expert, and the router that has to guess it later.

NeKo (arXiv 2411.05945) maps every training set to its expert and lets a router choose two at inference. The experts
branch off the LoRA that was trained on all lists, as in Branch-Train-MiX (arXiv 2403.07816), so that each needs little.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engines.errors import CorpusInvalid
from engines.text import routing
from engines.text.routing import Router
from engines.training.text import examples
from engines.training.text.degradation import SOURCES
from engines.training.text.lists import NBestList

_STEPS = 400
_RATE = 0.5
_DECAY = 3e-3


def assigned(
    training: Sequence[NBestList], development: Sequence[NBestList], source: str, fewest: int = 20
) -> tuple[list[NBestList], list[NBestList]]:
    """The lists of one expert, to learn from and to measure on.

    Where too few lists of this source were set aside for development, a tenth of its clips is.

    Raises:
        CorpusInvalid: there are no lists of this source.
    """
    own = [item for item in training if item.source == source]
    measured = [item for item in development if item.source == source]
    if len(measured) < fewest:
        measured = [item for item in own if examples.held(item)]
        own = [item for item in own if not examples.held(item)]
    if not own or not measured:
        raise CorpusInvalid(f"There are no N-best lists of {source} speech.", "Make lists of every source.")
    return own, measured


def sources(training: Sequence[NBestList], fewest: int = 40) -> tuple[str, ...]:
    """The sources that have enough lists for an expert, in the router's order."""
    counts = {source: sum(item.source == source for item in training) for source in SOURCES}
    return tuple(source for source, count in counts.items() if count >= fewest)


def features(items: Sequence[NBestList]) -> NDArray[np.float32]:
    """``(N, F)``, what the router will see of each list; see :func:`engines.text.routing.features`."""
    return np.stack(
        [routing.features(item.mean_state, item.hypotheses, item.token_scores, item.seconds) for item in items]
    )


def train_router(items: Sequence[NBestList], names: Sequence[str]) -> Router:
    """Softmax regression by gradient descent with momentum, every source weighing the same; the same every time.

    Args:
        items: lists to learn from; those of other sources are left out.
        names: the sources.
    """
    items = [item for item in items if item.source in names]
    seen = features(items).astype(np.float64)
    labels = np.array([names.index(item.source) for item in items])
    mean, deviation = seen.mean(0), seen.std(0)
    scale = 1 / np.maximum(deviation, 1e-4)
    seen = (seen - mean) * scale
    share = 1 / np.maximum(np.bincount(labels, minlength=len(names)), 1)[labels]
    share /= share.sum()
    wanted = np.eye(len(names))[labels]
    weights = np.zeros((seen.shape[1], len(names)))
    bias = np.zeros(len(names))
    speed, bias_speed = np.zeros_like(weights), np.zeros_like(bias)
    rate = _RATE / np.sqrt(seen.shape[1])
    for _ in range(_STEPS):
        logits = seen @ weights + bias
        odds = np.exp(logits - logits.max(1, keepdims=True))
        wrong = (odds / odds.sum(1, keepdims=True) - wanted) * share[:, None]
        speed = 0.9 * speed - rate * (seen.T @ wrong + _DECAY * weights)
        bias_speed = 0.9 * bias_speed - rate * wrong.sum(0)
        weights += speed
        bias += bias_speed
    return Router(
        tuple(names), mean.astype(np.float32), scale.astype(np.float32), weights.astype(np.float32),
        bias.astype(np.float32),
    )  # fmt: skip


def accuracy(router: Router, items: Sequence[NBestList]) -> dict[str, float]:
    """How often the source is the router's first, and among its first two, in [0, 1]."""
    items = [item for item in items if item.source in router.sources]
    first = two = 0
    for item, seen in zip(items, features(items), strict=True):
        chosen = [name for name, _ in router.top(seen, 2)]
        first += chosen[0] == item.source
        two += item.source in chosen
    return {"first": first / max(1, len(items)), "first two": two / max(1, len(items))}
