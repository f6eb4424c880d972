"""The parts that token engines are composed of, opened once and checked against each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, cast

from engines.contract import Component, OptionValue, Recogniser, Request
from engines.models.causal_lm import CausalLM
from engines.models.code_reader import CodeReader
from engines.models.codec import ID as CODEC
from engines.models.components import Components
from engines.models.stage_two import StageTwo
from engines.models.token_lm import TokenLM
from engines.models.trunk import Trunk
from engines.models.unit_vocoder import UnitVocoder
from engines.tokens.acoustic import AcousticTokeniser
from engines.tokens.codebook import FILE
from engines.tokens.reading import CodesReader, Reader, UnitReader
from engines.tokens.semantic import ADAPTER, SemanticTokeniser
from engines.tokens.speaking import Speaker, StageTwoSpeaker, VocoderSpeaker
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


class Mouth(Protocol):
    """Opens what speaks for a request."""

    def __call__(self, components: Components, request: Request) -> Speaker:
        """Opens what is not open yet."""
        ...


@dataclass(frozen=True)
class Parts:
    """Everything that an engine runs.

    Attributes:
        card: of the token language model.
        recogniser: whose encoder is used, or that finds out the language.
        reader: makes of speech what is read.
        tokens: reads and writes.
        model: the language model beneath.
        used: role → component of what runs to write, in that order.
        mouth: opens what speaks; None for an engine that does not.
    """

    card: AdapterCard
    recogniser: Recogniser
    reader: Reader
    tokens: TokenLM
    model: CausalLM
    used: dict[str, Component]
    mouth: Mouth | None = None

    def token(self, token_id: int) -> str:
        """A token as it stands in the vocabulary."""
        return str(self.model.tokenizer.id_to_token(token_id))


_NONE: Final[Mapping[str, OptionValue]] = {}
Opening = Callable[[Components, Mapping[str, OptionValue]], Parts]
"""Opens what an engine needs, by the options of a run."""
BUDGETS: Final = {"longer": "token-semantic", "equal": "token-semantic-first"}
"""Weights of ``token-semantic``: the best, or those of the budget that all adapters had."""


def open_semantic(
    components: Components, options: Mapping[str, OptionValue] = _NONE, *, adapter_id: str | None = None
) -> Parts:
    """Opens what reads and writes units, spoken by the vocoder.

    Args:
        components: the parts that all engines share.
        options: of a run; ``budget`` names one of :data:`BUDGETS`.
        adapter_id: weights to open whatever the options say.

    Raises:
        AdapterMissing: trained weights are not there.
        AdapterMismatch: they are for other models, or do not belong together.
        GraphInvalid: a file is damaged.
        WeightsMissing: Whisper or Gemma is not ready to run.
    """
    adapter_id = adapter_id or BUDGETS[str(options.get("budget", "longer"))]
    card = cards.read(adapter_id)
    cards.require(["trunk", ADAPTER])
    recogniser = components.recogniser()
    model = _language_model(components)
    codebook = cards.file_digest(cards.locate(ADAPTER) / FILE)

    def open_tokeniser() -> SemanticTokeniser:
        trunk = components.part("trunk", lambda: Trunk.open(ENCODER, cards.encoder_graph(ENCODER)))
        return SemanticTokeniser.open(trunk)

    tokens: TokenLM = components.part(
        ("tokens", adapter_id), lambda: TokenLM.open(adapter_id, model, LANGUAGE_MODEL, codebook)
    )
    tokeniser = components.part(ADAPTER, open_tokeniser)
    reader = UnitReader(tokeniser, codebook, tokens.vocabulary.table)
    used: dict[str, Component] = {
        "encoder": recogniser,
        "tokeniser": TokeniserComponent(tokeniser.name, recogniser.provider),
        "language model": model,
    }

    def mouth(components: Components, request: Request) -> Speaker:
        vocoder: UnitVocoder = components.part("unit-vocoder", UnitVocoder.open)
        vocoder.check_units(tokeniser.size, codebook)
        return VocoderSpeaker(vocoder, request.options.get("durations", "vocoder") == "vocoder")

    return Parts(card, recogniser, reader, tokens, model, used, mouth)


def open_hybrid(
    components: Components, _options: Mapping[str, OptionValue] = _NONE, *, adapter_id: str = "token-hybrid"
) -> Parts:
    """Opens what reads and writes units by the language model that stage two names, spoken by stage two and the codec.

    Raises:
        AdapterMissing: trained weights are not there: stage two, the codec, or those of the language model.
        AdapterMismatch: they are for other models, or do not belong together.
        GraphInvalid: a file is damaged.
        WeightsMissing: Whisper or Gemma is not ready to run.
    """
    stage_two: StageTwo = components.part(("stage-two", adapter_id), lambda: StageTwo.open(adapter_id))
    cards.require([CODEC])
    parts = open_semantic(components, adapter_id=stage_two.shape.tokens)
    reader = cast(UnitReader, parts.reader)
    stage_two.check(reader.tokeniser.size, reader.codebook, cards.codec_digest(CODEC))

    def mouth(components: Components, request: Request) -> Speaker:
        return StageTwoSpeaker(stage_two, _codec(components), dict(request.options))

    return Parts(parts.card, parts.recogniser, reader, parts.tokens, parts.model, parts.used, mouth)


def open_acoustic(
    components: Components, _options: Mapping[str, OptionValue] = _NONE, *, adapter_id: str = "token-acoustic"
) -> Parts:
    """Opens what reads codes of the codec and writes text.

    Raises:
        AdapterMissing: trained weights are not there: its own, or the codec.
        AdapterMismatch: they are for other models, or do not belong together.
        GraphInvalid: a file is damaged.
        WeightsMissing: Whisper (which finds out the language) or Gemma is not ready to run.
    """
    card = cards.read(adapter_id)
    cards.require([CODEC])
    recogniser = components.recogniser()
    model = _language_model(components)
    tokeniser, digest = _codec(components), cards.codec_digest(CODEC)
    tokens: TokenLM = components.part(
        ("tokens", adapter_id), lambda: TokenLM.open(adapter_id, model, LANGUAGE_MODEL, digest)
    )
    reader: CodeReader = components.part(("code-reader", adapter_id), lambda: CodeReader(card))
    reader.check(tokeniser.codec)
    used: dict[str, Component] = {"tokeniser": tokeniser.codec, "language model": model}
    return Parts(card, recogniser, CodesReader(tokeniser, reader, digest), tokens, model, used)


def _language_model(components: Components) -> CausalLM:
    return cast(CausalLM, components.language_model({"llm": LANGUAGE_MODEL}))


def _codec(components: Components) -> AcousticTokeniser:
    found: AcousticTokeniser = components.part(CODEC, AcousticTokeniser.open)
    return found
