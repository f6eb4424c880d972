"""The parts that the engine of semantic tokens is composed of, opened once and checked against each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from engines.contract import Component, Recogniser
from engines.models.causal_lm import CausalLM
from engines.models.components import Components
from engines.models.token_lm import TokenLM
from engines.models.trunk import Trunk
from engines.models.unit_vocoder import UnitVocoder
from engines.tokens.codebook import FILE
from engines.tokens.semantic import ADAPTER, SemanticTokeniser
from engines.weights import cards
from engines.weights.cards import AdapterCard

ENCODER = "whisper-base"
LANGUAGE_MODEL = "gemma-3-270m"


@dataclass(frozen=True)
class TokeniserComponent:
    """The tokeniser as it stands in a result; implements :class:`engines.contract.Component`."""

    name: str
    provider: str
    precision: str = "fp16"


@dataclass(frozen=True)
class Parts:
    """Everything that the engine runs to write.

    Attributes:
        card: of the token language model.
        recogniser: whose encoder is used.
        tokeniser: makes units of its states.
        tokens: reads and writes them.
        model: the language model beneath.
        codebook: hex sha256 of the tokeniser's file.
    """

    card: AdapterCard
    recogniser: Recogniser
    tokeniser: SemanticTokeniser
    tokens: TokenLM
    model: CausalLM
    codebook: str

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
        cards.require(["trunk", ADAPTER])
        recogniser = components.recogniser()
        model = cast(CausalLM, components.language_model({"llm": LANGUAGE_MODEL}))
        codebook = cards.file_digest(cards.locate(ADAPTER) / FILE)

        def tokeniser() -> SemanticTokeniser:
            trunk = components.part("trunk", lambda: Trunk.open(ENCODER, cards.encoder_graph(ENCODER)))
            return SemanticTokeniser.open(trunk)

        tokens: TokenLM = components.part(
            ("tokens", adapter_id), lambda: TokenLM.open(adapter_id, model, LANGUAGE_MODEL, codebook)
        )
        return cls(card, recogniser, components.part(ADAPTER, tokeniser), tokens, model, codebook)

    def vocoder(self, components: Components) -> UnitVocoder:
        """The vocoder of the units.

        Raises:
            AdapterMissing: it is not there.
            AdapterMismatch: it was trained on other units.
            WeightsMissing: the voice that it speaks with is not installed.
        """
        found: UnitVocoder = components.part("unit-vocoder", UnitVocoder.open)
        found.check_units(self.tokeniser.size, self.codebook)
        return found

    def token(self, token_id: int) -> str:
        """A token as it stands in the vocabulary."""
        return str(self.model.tokenizer.id_to_token(token_id))

    def used(self) -> dict[str, Component]:
        """Role → component, in the order in which they run."""
        return {
            "encoder": self.recogniser,
            "tokeniser": TokeniserComponent(self.tokeniser.name, self.recogniser.provider),
            "language model": self.model,
        }
