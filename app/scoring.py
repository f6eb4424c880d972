"""Scores of an engine's run against the references that a person gave."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType

from app.comparison import EngineRun, Status
from engines.contract import NBest, Utterance


@dataclass(frozen=True)
class Scores:
    """What a run scores.

    Attributes:
        values: ``wer``, ``cer``, ``o_nb`` and ``o_cp`` as rates ≥ 0 (0.05 is 5 %); ``bleu`` and ``chrf`` in [0, 100].
        signatures: how BLEU and chrF were computed.
    """

    values: dict[str, float] = field(default_factory=dict)
    signatures: dict[str, str] = field(default_factory=dict)


def score(run: EngineRun, utterance: Utterance, target: str | None) -> Scores:
    """Scores a run; without references, or if it did not end well, there are no scores.

    Args:
        run: one that is over.
        utterance: with its references.
        target: ISO 639-1 code of the language that was translated to.
    """
    scores = Scores()
    if run.status is not Status.OK:
        return scores
    if utterance.reference is not None and run.transcript is not None:
        _transcript(scores, run, utterance.reference, utterance.language or run.language)
    if utterance.reference_translation is not None and run.translation is not None:
        from engines.evaluation import metrics

        references, hypotheses = [utterance.reference_translation], [run.translation]
        for name, found in (
            ("bleu", metrics.bleu(references, hypotheses, target or "en")),
            ("chrf", metrics.chrf(references, hypotheses)),
        ):
            scores.values[name] = found.value
            scores.signatures[name] = found.signature
    return scores


def _transcript(scores: Scores, run: EngineRun, reference: str, language: str | None) -> None:
    from engines.evaluation import metrics

    assert run.transcript is not None
    if not metrics.is_unspaced(language):
        scores.values["wer"] = metrics.word_errors(reference, run.transcript, language).rate
    scores.values["cer"] = metrics.character_errors(reference, run.transcript, language).rate
    lists = [
        [hypothesis.text for hypothesis in evidence.hypotheses]
        for evidence in run.evidence
        if isinstance(evidence, NBest) and evidence.content == "transcript"
    ]
    if lists:
        scores.values["o_nb"] = metrics.oracle_nbest(lists, reference, language).rate
        scores.values["o_cp"] = metrics.oracle_compositional(lists, reference, language).rate


def scored(run: EngineRun, utterance: Utterance, target: str | None) -> EngineRun:
    """The run with its scores filled in."""
    return replace(run, scores=MappingProxyType(score(run, utterance, target).values))
