"""Error correction by a mixture of experts: one LoRA per source of errors, chosen by a router from the speech.

NeKo (arXiv 2411.05945): in training every list goes to the expert of its source; at inference the router alone decides,
and its two likeliest experts write together, weighted. As one LoRA is a low-rank sum, a weighted pair of them is one
LoRA of twice the rank, so the mixture costs one pass.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

from engines.contract import Event, EvidenceFound, LanguageModel, Request, Routing, Task
from engines.errors import TaskUnsupported
from engines.models.components import Components
from engines.runtime.lora import Lora
from engines.text import routing
from engines.text.correction import GenerativeCorrection, Pen
from engines.text.learned import Learned
from engines.text.recognition import Heard

TOP = 2
"""Experts that write together."""


class ExpertCorrection(GenerativeCorrection):
    """As :class:`engines.text.correction.GenerativeCorrection`, with the LoRAs that the router chooses."""

    def run(self, request: Request) -> Iterator[Event]:
        """See :class:`engines.contract.Engine`.

        Raises:
            TaskUnsupported: it only transcribes and speaks what it transcribed.
            AdapterMissing: the experts have not been trained.
            AdapterMismatch: they were trained for another language model.
        """
        if request.task not in (Task.TRANSCRIBE, Task.SPEAK):
            raise TaskUnsupported("The experts correct transcripts; they do nothing else.", "Use the cascade.")
        yield from super().run(request)

    def prepare(self, model: LanguageModel) -> Callable[[Heard, bool], Generator[Event, None, Pen]]:
        """See :meth:`engines.text.correction.GenerativeCorrection.prepare`.

        Raises:
            AdapterMissing: the experts have not been trained.
            AdapterMismatch: they were trained for another language model, or the router is damaged.
            GraphInvalid: an expert that the router knows is missing or damaged.
        """
        found = Learned("experts")
        found.require(model)
        router = routing.Router.open(found.folder / "router.npz")
        experts = {source: found.lora(f"expert-{source}") for source in router.sources}

        def pen(heard: Heard, translated: bool) -> Generator[Event, None, Pen]:
            if not found.covers(translated=translated, language=heard.language):
                return Pen(note="The language model was shown examples: the experts do not know this language.")
            recognised = heard.recognised
            seen = routing.features(
                routing.mean_state(heard.states),
                recognised.hypotheses,
                recognised.scores.log_probabilities,
                heard.states.seconds,
            )
            chosen = router.top(seen, TOP)
            yield EvidenceFound(
                Routing(heard.segment, tuple(name for name, _ in chosen), tuple(weight for _, weight in chosen))
            )
            return Pen(mixed(experts, chosen))

        return pen


def mixed(experts: Mapping[str, Lora], chosen: Sequence[tuple[str, float]]) -> Lora:
    """The chosen experts as one LoRA; weights are taken to two digits, as mixtures that differ less are the same."""
    return Lora.mixture([(experts[name], round(weight, 2)) for name, weight in chosen])


def build(components: Components) -> ExpertCorrection:
    """Builds the engine."""
    return ExpertCorrection(components)
