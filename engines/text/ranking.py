"""Ranking an N-best list by two scores: the arithmetic of LLM rescoring.

``Y* = argmax_i [(1-λ) log p_AM(Y_i|X) + λ log p_LLM(Y_i)]`` (survey, text-based integration). The window's λ slider and
the engine use this one function.
"""

from __future__ import annotations

from collections.abc import Sequence

from engines.contract import Hypothesis


def combined(hypothesis: Hypothesis, weight: float, *, normalised: bool = False) -> float:
    """The interpolated score of one hypothesis in nats.

    Args:
        hypothesis: with ``lm`` set, or ``weight`` 0.
        weight: λ in [0, 1].
        normalised: divide each log-probability by its own token count first.
    """
    acoustic = hypothesis.acoustic / max(hypothesis.tokens, 1) if normalised else hypothesis.acoustic
    if weight == 0 or hypothesis.lm is None:
        return (1 - weight) * acoustic
    lm = hypothesis.lm / max(hypothesis.lm_tokens, 1) if normalised else hypothesis.lm
    return (1 - weight) * acoustic + weight * lm


def rank(hypotheses: Sequence[Hypothesis], weight: float, normalised: bool = False) -> list[tuple[int, float]]:
    """Indices and combined scores, best first; equal scores keep the recogniser's order.

    Args:
        hypotheses: the list, in the recogniser's order.
        weight: λ in [0, 1].
        normalised: divide each log-probability by its own token count first.
    """
    scored = [(index, combined(h, weight, normalised=normalised)) for index, h in enumerate(hypotheses)]
    return sorted(scored, key=lambda pair: (-pair[1], pair[0]))
