"""N-best rescoring: the language model scores every hypothesis, λ weighs it against the recogniser.

``Y* = argmax_i [(1-λ) log p_AM(Y_i|X) + λ log p_LLM(Y_i)]`` over the N-best list.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace

from engines.contract import Event, Hypothesis, LanguageModel, Request, Task
from engines.errors import BadOption, TaskUnsupported
from engines.models.components import Components
from engines.stages.sharing import shared_stage
from engines.text import listwise, results
from engines.text.ranking import rank
from engines.text.recognition import Heard

DEFAULT_WEIGHT = 0.15
"""λ as tuned on development recordings; see docs/decisions/0006-text-engines.md."""


class Rescoring:
    """Re-ranks the recogniser's transcripts, or its translations to English."""

    def __init__(self, components: Components) -> None:
        self._components = components

    def run(self, request: Request) -> Iterator[Event]:
        """See :class:`engines.contract.Engine`.

        Raises:
            TaskUnsupported: it does not answer.
            UnknownLanguage: its translations come from Whisper, which goes to English only.
            BadOption: λ is outside [0, 1], or the language model cannot score.
        """
        if request.task is Task.RESPOND:
            raise TaskUnsupported("Rescoring chooses among transcripts; it does not answer.", "Use the cascade.")
        listwise.require_english(request)
        weight = float(request.options.get("lambda", DEFAULT_WEIGHT))
        if not 0 <= weight <= 1:
            raise BadOption(f"λ is {weight:g}; it has to lie between 0 and 1.", "Choose a value from 0 to 1.")
        model = self._components.language_model(request.options)
        if not model.can_score:
            raise BadOption(
                f"{model.name} gives no log-probabilities, which rescoring needs.", "Choose an embedded language model."
            )
        normalised = bool(request.options.get("normalised", False))

        def choose(heard: Heard, text: results.Text) -> Iterator[Event]:
            hypotheses = yield from scored(self._components, model, heard.recognised.hypotheses)
            chosen = rank(hypotheses, weight, normalised)[0][0]
            yield from text.add(hypotheses[chosen].text)
            yield from results.evidence(
                heard,
                translated=text.kind == "translation",
                hypotheses=hypotheses,
                weight=weight,
                normalised=normalised,
                chosen=chosen,
            )

        yield from listwise.run(self._components, request, choose, {"language model": model})


def scored(
    components: Components, model: LanguageModel, hypotheses: tuple[Hypothesis, ...]
) -> Generator[Event, None, tuple[Hypothesis, ...]]:
    """Fills in the language model's log-probability of every hypothesis; one batch, through the memo."""
    texts = [hypothesis.text.strip() for hypothesis in hypotheses]
    scores = yield from shared_stage(
        components, "rescore", ("lm-scores", model.name, *texts), lambda: model.score("", texts)
    )
    return tuple(
        replace(hypothesis, lm=score, lm_tokens=tokens)
        for hypothesis, (score, tokens) in zip(hypotheses, scores, strict=True)
    )


def build(components: Components) -> Rescoring:
    """Builds the engine."""
    return Rescoring(components)
