"""Generative error correction: the language model reads the N-best list and writes the text.

For transcripts as in HyPoradise (H2T, arXiv 2309.15701), for translations as in GenTranslate (arXiv 2402.06894). The
language model is prompted with examples. What it writes is only a proposal: the recogniser scores it against the speech
by forced decoding, the language model scores it as text, and it is accepted if the two together prefer it to the best
hypothesis. So a small model can improve a transcript without being able to make one up.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from typing import Literal, NamedTuple

from engines.contract import (
    Correction,
    Event,
    EvidenceFound,
    Hypothesis,
    LanguageModel,
    Request,
    StageFinished,
    StageStarted,
    Task,
    TextDelta,
)
from engines.errors import TaskUnsupported
from engines.models.components import Components
from engines.stages.stopwatch import Stopwatch
from engines.text import listwise, prompts, results
from engines.text.cascade import token_bound
from engines.text.origins import word_origins
from engines.text.ranking import combined
from engines.text.recognition import Heard
from engines.text.rescoring import DEFAULT_WEIGHT, scored


class GenerativeCorrection:
    """Writes the transcript, or the English translation, from Whisper's N-best list."""

    def __init__(self, components: Components) -> None:
        self._components = components

    def run(self, request: Request) -> Iterator[Event]:
        """See :class:`engines.contract.Engine`.

        Raises:
            TaskUnsupported: it does not answer.
            UnknownLanguage: its translations start from Whisper's, which go to English only.
        """
        if request.task is Task.RESPOND:
            raise TaskUnsupported("Error correction writes what was said; it does not answer.", "Use the cascade.")
        listwise.require_english(request)
        model = self._components.language_model(request.options)

        def choose(heard: Heard, text: results.Text) -> Iterator[Event]:
            yield from self._correct(model, heard, request, text)

        yield from listwise.run(self._components, request, choose, {"language model": model})

    def _correct(
        self, model: LanguageModel, heard: Heard, request: Request, text: results.Text
    ) -> Generator[Event, None, None]:
        translating = text.kind == "translation"
        hypotheses = heard.recognised.hypotheses
        texts = distinct(hypotheses)
        verdict = Verdict(
            heard.text, accepted=True, reason="All hypotheses say the same, so there was nothing to correct."
        )
        if len(texts) > 1:
            proposal = yield from _propose(model, texts, request, text, translating=translating)
            hypotheses, verdict = yield from self._judge(model, heard, proposal, request, translating=translating)
        chosen = verdict.text if verdict.accepted else heard.text
        yield from text.add(chosen)
        yield from results.evidence(heard, translated=translating, hypotheses=hypotheses)
        words = tuple(chosen.split())
        listed = [h.text for h in heard.recognised.hypotheses]
        yield EvidenceFound(
            Correction(
                heard.segment, words, word_origins(words, listed), verdict.accepted, verdict.text, verdict.reason
            )
        )

    def _judge(
        self, model: LanguageModel, heard: Heard, proposal: str, request: Request, *, translating: bool
    ) -> Generator[Event, None, tuple[tuple[Hypothesis, ...], Verdict]]:
        """Weighs the proposal against the best hypothesis with both models' scores."""
        hypotheses = heard.recognised.hypotheses
        if not proposal:
            return hypotheses, Verdict("", accepted=False, reason="The language model wrote nothing.")
        if proposal == heard.text.strip():
            return hypotheses, Verdict(proposal, accepted=True, reason="The language model kept the best hypothesis.")
        if not model.can_score:
            return hypotheses, Verdict(
                proposal, accepted=True, reason=f"Taken as written: {model.name} gives no scores to weigh it by."
            )
        yield StageStarted("verify")
        began = time.perf_counter()
        task: Literal["transcribe", "translate"] = "translate" if translating else "transcribe"
        recogniser = self._components.recogniser()
        acoustic, tokens = recogniser.score(heard.states, [proposal], language=heard.language, task=task)[0]
        yield StageFinished("verify", time.perf_counter() - began)
        both = (heard.recognised.hypotheses[0], Hypothesis(proposal, acoustic, tokens))
        best, proposed = yield from scored(self._components, model, both)
        weight = float(request.options.get("lambda", DEFAULT_WEIGHT))
        accepted = combined(proposed, weight, normalised=True) > combined(best, weight, normalised=True)
        return hypotheses, Verdict(proposal, accepted=accepted, reason=_reason(best, proposed, accepted=accepted))


class Verdict(NamedTuple):
    """What became of a proposal.

    Attributes:
        text: the proposal.
        accepted: whether it replaces the best hypothesis.
        reason: one plain sentence.
    """

    text: str
    accepted: bool
    reason: str


def _reason(best: Hypothesis, proposed: Hypothesis, *, accepted: bool) -> str:
    heard = proposed.acoustic - best.acoustic
    written = (proposed.lm or 0.0) - (best.lm or 0.0)
    return (
        f"{'Accepted' if accepted else 'Rejected'}: by the sound it is {_nats(heard)}, as language {_nats(written)} "
        "than the best hypothesis."
    )


def _nats(difference: float) -> str:
    return f"{abs(difference):.1f} nats {'likelier' if difference >= 0 else 'less likely'}"


def _propose(
    model: LanguageModel, texts: Sequence[str], request: Request, text: results.Text, *, translating: bool
) -> Generator[Event, None, str]:
    yield StageStarted("correct")
    watch = Stopwatch()
    written = ""
    pieces = model.generate(
        prompts.correction(texts, translated=translating),
        max_tokens=token_bound(texts[0]),
        stop=("\n",),
        temperature=float(request.options.get("temperature", 0.0)),
        seed=int(request.options.get("seed", 0)),
    )
    for piece in watch.over(pieces):
        written += piece
        yield TextDelta(written.strip(), final=False, kind=text.kind)
    yield StageFinished("correct", watch.seconds)
    return written.strip()


def distinct(hypotheses: Sequence[Hypothesis], limit: int = 5) -> list[str]:
    """The first hypotheses that differ in more than case and punctuation, best first, as HyPoradise lists them.

    Args:
        hypotheses: the N-best list.
        limit: at most so many.
    """
    seen: dict[str, str] = {}
    for hypothesis in hypotheses:
        key = "".join(c for c in hypothesis.text.casefold() if c.isalnum() or c.isspace())
        seen.setdefault(" ".join(key.split()), hypothesis.text.strip())
    return [text for text in seen.values() if text][:limit]


def build(components: Components) -> GenerativeCorrection:
    """Builds the engine."""
    return GenerativeCorrection(components)
