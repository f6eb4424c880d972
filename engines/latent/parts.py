"""The parts that a latent engine is composed of, opened once per process and checked against each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from engines.contract import Component, Recogniser, Request
from engines.latent.adapters import Adapted, Adapter, open_adapter
from engines.latent.compression import Mode
from engines.models.causal_lm import CausalLM
from engines.models.components import Components
from engines.models.trunk import Hidden, Trunk
from engines.models.tuned_encoder import TunedEncoder
from engines.runtime.lora import Lora
from engines.weights import cards, graphs
from engines.weights.cards import AdapterCard

ENCODER = "whisper-base"
LANGUAGE_MODEL = "gemma-3-270m"


@dataclass(frozen=True)
class AdapterComponent:
    """An adapter as it stands in a result; implements :class:`engines.contract.Component`."""

    name: str
    provider: str
    precision: str = "fp16"


@dataclass(frozen=True)
class Parts:
    """Everything that an engine runs.

    Attributes:
        card: of the adapter.
        recogniser: whose encoder is used.
        encoder: the encoder that the trunk was tuned with; None where it is the recogniser's.
        trunk: shared by all adapters.
        adapter: shortens and maps.
        model: writes.
        lora: what it writes with.
    """

    card: AdapterCard
    recogniser: Recogniser
    encoder: TunedEncoder | None
    trunk: Trunk
    adapter: Adapter
    model: CausalLM
    lora: Lora

    @classmethod
    def open(cls, components: Components, adapter_id: str) -> Parts:
        """Opens what is not open yet.

        Raises:
            AdapterMissing: trained weights are not there.
            AdapterMismatch: they are for other models, or do not belong together.
            GraphInvalid: a file is damaged.
            WeightsMissing: Whisper or Gemma is not ready to run.
        """
        card = cards.read(adapter_id)
        cards.require([card.trunk_id])
        recogniser = components.recogniser()
        model = cast(CausalLM, components.language_model({"llm": LANGUAGE_MODEL}))
        graph = cards.encoder_graph(ENCODER)
        trunk = components.part(card.trunk_id, lambda: Trunk.open(ENCODER, graph, trunk_id=card.trunk_id, tuned=True))
        encoder = None
        if trunk.card.tuned_layers:
            encoder = components.part(
                ("encoder", card.trunk_id), lambda: TunedEncoder.open(trunk.card, graphs.locate(ENCODER))
            )
        vocabulary, width = model.decoder.vocabulary, model.decoder.width
        adapter: Adapter = components.part(
            ("adapter", adapter_id), lambda: open_adapter(adapter_id, trunk, LANGUAGE_MODEL, vocabulary, width)
        )
        lora = components.part(("lora", adapter_id), lambda: Lora.open(cards.locate(adapter_id) / "lora.onnx_adapter"))
        return cls(card, recogniser, encoder, trunk, adapter, model, lora)

    @property
    def begin(self) -> int:
        """The token that begins a text."""
        return self._special("<bos>")

    @property
    def end(self) -> int:
        """The token that ends a text."""
        return self._special("<eos>")

    def _special(self, token: str) -> int:
        found = self.model.tokenizer.token_to_id(token)
        assert found is not None
        return int(found)

    def ids(self, text: str) -> list[int]:
        """Token ids of a text."""
        return list(self.model.tokenizer.encode(text, add_special_tokens=False).ids)

    def token(self, token_id: int) -> str:
        """A token as it stands in the vocabulary."""
        return str(self.model.tokenizer.id_to_token(token_id))

    def adapt(self, hidden: Hidden, request: Request) -> Adapted:
        """Adapts a stretch as the options say."""
        mode = cast(Mode, str(request.options.get("compression", "average")))
        return self.adapter.adapt(hidden, mode, float(request.options.get("threshold", 0.9)))

    def used(self) -> dict[str, Component]:
        """Role → component, in the order in which they run."""
        return {
            "encoder": self.recogniser if self.encoder is None else self.encoder,
            "adapter": AdapterComponent(self.card.name, self.recogniser.provider),
            "language model": self.model,
        }
