"""Generative error correction: the language model reads the N-best list and writes the text.

For transcripts as in HyPoradise (H2T, arXiv 2309.15701), for translations as in GenTranslate (arXiv 2402.06894). The
language model writes with a LoRA that was trained on such lists; without one it is shown examples. What it writes is
only a proposal: the recogniser scores it against the speech by forced decoding, the language model scores it as text,
and it is accepted if the two together prefer it to the best hypothesis (or always, if that is asked for). So a small
model can improve a transcript without being able to make one up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
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
from engines.errors import AdapterMissing, TaskUnsupported
from engines.models.causal_lm import CausalLM
from engines.models.components import Components
from engines.runtime.lora import Lora
from engines.stages.stopwatch import Stopwatch
from engines.text import listwise, prompts, results
from engines.text.cascade import token_bound
from engines.text.learned import Learned
from engines.text.origins import word_origins
from engines.text.ranking import combined
from engines.text.recognition import Heard
from engines.text.rescoring import DEFAULT_WEIGHT, scored


@dataclass(frozen=True)
class Pen:
    """How the language model is made to write.

    Attributes:
        lora: the trained adapter; None: the model as it is, shown examples.
        note: for the user, why it is done in this way, if that needs saying.
    """

    lora: Lora | None = None
    note: str = ""


class GenerativeCorrection:
    """Writes the transcript, or the English translation, from Whisper's N-best list."""

    def __init__(self, components: Components) -> None:
        self._components = components

    def run(self, request: Request) -> Iterator[Event]:
        """See :class:`engines.contract.Engine`.

        Raises:
            TaskUnsupported: it does not answer.
            UnknownLanguage: its translations start from Whisper's, which go to English only.
            AdapterMismatch: the trained weights are for another form of the language model.
        """
        if request.task is Task.RESPOND:
            raise TaskUnsupported("Error correction writes what was said; it does not answer.", "Use the cascade.")
        listwise.require_english(request)
        model = self._components.language_model(request.options)
        choose_pen = self.prepare(model)
        notes: dict[str, None] = {}

        def choose(heard: Heard, text: results.Text) -> Iterator[Event]:
            yield from self._correct(model, choose_pen, heard, request, text, notes)

        yield from listwise.run(self._components, request, choose, {"language model": model}, lambda: tuple(notes))

    def prepare(self, model: LanguageModel) -> Callable[[Heard, bool], Generator[Event, None, Pen]]:
        """What decides how a stretch is written: the trained LoRA where there is one for it, examples otherwise.

        Args:
            model: the language model in use.

        Returns:
            a function of a stretch and of whether its list holds translations.

        Raises:
            AdapterMismatch: the trained weights are for another form of the language model.
        """
        try:
            found = Learned("correction")
        except AdapterMissing:
            return _always(Pen(note="The language model was shown examples: no trained weights are installed."))
        if not found.fits(model):
            return _always(
                Pen(note=f"{model.name} was shown examples: the trained weights are for {found.card.language_model}.")
            )
        found.require(model)
        trained = Pen(found.lora())

        def pen(heard: Heard, translated: bool) -> Generator[Event, None, Pen]:
            yield from ()
            return trained if found.covers(translated=translated, language=heard.language) else Pen()

        return pen

    def _correct(
        self,
        model: LanguageModel,
        choose_pen: Callable[[Heard, bool], Generator[Event, None, Pen]],
        heard: Heard,
        request: Request,
        text: results.Text,
        notes: dict[str, None],
    ) -> Generator[Event, None, None]:
        translating = text.kind == "translation"
        hypotheses = heard.recognised.hypotheses
        texts = distinct(hypotheses)
        verdict = Verdict(
            heard.text, accepted=True, reason="All hypotheses say the same, so there was nothing to correct."
        )
        if len(texts) > 1:
            pen = yield from choose_pen(heard, translating)
            if pen.note:
                notes[pen.note] = None
            proposal = yield from propose(model, pen.lora, texts, request, text)
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
        """Weighs the proposal against the best hypothesis with both models' scores, unless it is always taken."""
        hypotheses = heard.recognised.hypotheses
        if not proposal:
            return hypotheses, Verdict("", accepted=False, reason="The language model wrote nothing.")
        if proposal == heard.text.strip():
            return hypotheses, Verdict(proposal, accepted=True, reason="The language model kept the best hypothesis.")
        if request.options.get("accept", "weighed") == "always":
            return hypotheses, Verdict(proposal, accepted=True, reason="Taken as written, as the settings say.")
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
        accepted = preferred(proposed, best, weight)
        return hypotheses, Verdict(proposal, accepted=accepted, reason=_reason(best, proposed, accepted=accepted))


def preferred(proposed: Hypothesis, best: Hypothesis, weight: float) -> bool:
    """Whether recogniser and language model together prefer a proposal to the best hypothesis, per token."""
    return combined(proposed, weight, normalised=True) > combined(best, weight, normalised=True)


def _always(pen: Pen) -> Callable[[Heard, bool], Generator[Event, None, Pen]]:
    def choose(heard: Heard, translated: bool) -> Generator[Event, None, Pen]:  # noqa: ARG001 - one form for all
        yield from ()
        return pen

    return choose


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


def propose(
    model: LanguageModel, lora: Lora | None, texts: Sequence[str], request: Request, text: results.Text
) -> Generator[Event, None, str]:
    """Lets the language model write.

    Args:
        model: the language model; one that can take a LoRA, if there is one.
        lora: the trained adapter to write with; None shows examples instead.
        texts: the N-best list, best first.
        request: options read: ``temperature``, ``seed``.
        text: what the stretch will be appended to.

    Returns:
        the proposal.
    """
    yield StageStarted("correct")
    watch = Stopwatch()
    written = ""
    writing = pieces(
        model,
        lora,
        texts,
        translated=text.kind == "translation",
        temperature=float(request.options.get("temperature", 0.0)),
        seed=int(request.options.get("seed", 0)),
    )
    for piece in watch.over(writing):
        written += piece
        yield TextDelta(written.strip(), final=False, kind=text.kind)
    yield StageFinished("correct", watch.seconds)
    return written.strip()


def pieces(
    model: LanguageModel,
    lora: Lora | None,
    texts: Sequence[str],
    *,
    translated: bool = False,
    temperature: float = 0.0,
    seed: int = 0,
) -> Iterator[str]:
    """The correction of a list, as it is written.

    Args:
        model: the language model; one that can take a LoRA, if there is one.
        lora: the trained adapter to write with; None shows examples instead.
        texts: the list of differing hypotheses, best first.
        translated: whether they are translations.
        temperature: 0 decodes greedily.
        seed: for sampling.
    """
    bound = token_bound(texts[0])
    if lora is None:
        prompt = prompts.correction(texts, translated=translated)
        return model.generate(prompt, max_tokens=bound, stop=("\n",), temperature=temperature, seed=seed)
    assert isinstance(model, CausalLM)
    return model.generate(
        prompts.learned(texts), max_tokens=bound, stop=("\n",), temperature=temperature, seed=seed, lora=lora
    )


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
