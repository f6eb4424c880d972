"""Trained adapters of the text-based engines: LoRAs of the language model, kept as :mod:`engines.weights.cards` says.

An adapter whose card does not match the language model in use is refused: its numbers would mean nothing there.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from engines import paths
from engines.contract import LanguageModel
from engines.errors import AdapterMismatch
from engines.models.causal_lm import CausalLM
from engines.runtime.lora import Lora
from engines.weights import cards
from engines.weights.cards import AdapterCard


class Learned:
    """A folder of trained weights.

    Args:
        kind: ``correction`` or ``experts``; the folder's name.

    Raises:
        AdapterMissing: there is none, or something of it is not there.
        AdapterMismatch: its card is damaged, or of something else.
    """

    def __init__(self, kind: str) -> None:
        self.card: AdapterCard = cards.read(kind)
        if self.card.kind != kind:
            raise AdapterMismatch(f"The card in {kind} is one of {self.card.kind}.", "Install the program again.")
        self.folder: Path = paths.adapters() / kind

    def fits(self, model: LanguageModel) -> bool:
        """Whether it was trained for a language model of this name."""
        return isinstance(model, CausalLM) and identifier(model) == self.card.language_model

    def require(self, model: LanguageModel) -> CausalLM:
        """The language model, once it is certain that the weights are for it.

        Raises:
            AdapterMismatch: they are not.
        """
        if not isinstance(model, CausalLM):
            raise AdapterMismatch(
                f"The weights of {self.card.id} were trained for {self.card.language_model}, not for {model.name}.",
                "Choose Gemma 3 270M as the language model.",
            )
        self.card.check_language_model(identifier(model), model.decoder.vocabulary, model.decoder.width)
        return model

    def covers(self, *, translated: bool, language: str) -> bool:
        """Whether lists like these were trained on."""
        return language in (self.card.translates if translated else self.card.languages)

    def lora(self, name: str = "lora") -> Lora:
        """One of its LoRAs, opened once.

        Raises:
            GraphInvalid: it is missing or broken.
        """
        return _opened(self.folder / f"{name}.onnx_adapter")


def identifier(model: LanguageModel) -> str:
    """A language model's id, from its name: ``"Gemma 3 270M"`` is ``"gemma-3-270m"``."""
    return model.name.lower().replace(" ", "-")


@lru_cache(maxsize=16)
def _opened(file: Path) -> Lora:
    return Lora.open(file)
