"""Trained adapters of the text-based engines: LoRAs of the language model under ``resources/adapters``.

A folder has ``card.toml`` (what it was trained for and how) and one or more ``.onnx_adapter`` files. An adapter whose
card does not match the language model in use is refused: its numbers would mean nothing there.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from engines import paths
from engines.contract import LanguageModel
from engines.errors import AdapterMismatch, AdapterMissing
from engines.models.causal_lm import CausalLM
from engines.runtime.lora import Lora

CARD = "card.toml"


@dataclass(frozen=True)
class Learned:
    """A folder of trained weights.

    Attributes:
        folder: where they are.
        kind: ``correction`` or ``experts``.
        language_model: id of the model that they are for.
        vocabulary: size of its vocabulary.
        languages: ISO 639-1 codes of the texts that were trained on.
        tasks: ``transcribe``, ``translate``: which lists were trained on.
        sources: names of the experts, in the router's order.
    """

    folder: Path
    kind: str
    language_model: str
    vocabulary: int
    languages: tuple[str, ...]
    tasks: tuple[str, ...]
    sources: tuple[str, ...] = ()

    def fits(self, model: LanguageModel) -> bool:
        """Whether it was trained for a language model of this name."""
        return isinstance(model, CausalLM) and identifier(model) == self.language_model

    def require(self, model: LanguageModel) -> CausalLM:
        """The language model, once it is certain that the weights are for it.

        Raises:
            AdapterMismatch: they are not.
        """
        if not isinstance(model, CausalLM) or not self.fits(model):
            raise AdapterMismatch(
                f"The weights in {self.folder.name} were trained for {self.language_model}, not for {model.name}.",
                "Choose Gemma 3 270M as the language model.",
            )
        if model.decoder.vocabulary != self.vocabulary:
            raise AdapterMismatch(
                f"The weights in {self.folder.name} were trained with a vocabulary of {self.vocabulary} tokens; "
                f"{model.name} has {model.decoder.vocabulary} here.",
                "Run `triptych models verify`, or install the program again.",
            )
        return model

    def covers(self, *, translated: bool, language: str) -> bool:
        """Whether lists like these were trained on."""
        return ("translate" if translated else "transcribe") in self.tasks and language in self.languages

    def lora(self, name: str = "lora") -> Lora:
        """One of its LoRAs, opened once.

        Raises:
            GraphInvalid: it is missing or broken.
        """
        return _opened(self.folder / f"{name}.onnx_adapter")


def read(kind: str, folder: Path | None = None) -> Learned:
    """Reads the card of a folder of weights.

    Args:
        kind: ``correction`` or ``experts``.
        folder: holds a folder of that name; the program's own adapters by default.

    Raises:
        AdapterMissing: there is none.
        AdapterMismatch: the card says something else or nothing sensible.
    """
    place = (folder or paths.adapters()) / kind
    try:
        card: dict[str, Any] = tomllib.loads((place / CARD).read_text(encoding="utf-8"))
    except OSError as error:
        raise AdapterMissing(
            f"There are no trained weights for {kind} in {place}.",
            f"Train them with `triptych train resources/recipes/{kind}.toml`.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AdapterMismatch(f"The card of {kind} cannot be read: {error}.", "Install the program again.") from error
    try:
        found = Learned(
            place,
            str(card["kind"]),
            str(card["language_model"]),
            int(card["vocabulary"]),
            tuple(card["languages"]),
            tuple(card.get("tasks", ("transcribe",))),
            tuple(card.get("experts", ())),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise AdapterMismatch(f"The card of {kind} lacks {error}.", "Install the program again.") from error
    if found.kind != kind or card.get("format") != 1:
        raise AdapterMismatch(
            f"The card in {place.name} is one of {found.kind} in format {card.get('format')}; {kind} in format 1 is "
            "needed.",
            "Install the program again.",
        )
    return found


def identifier(model: LanguageModel) -> str:
    """A language model's id, from its name: ``"Gemma 3 270M"`` is ``"gemma-3-270m"``."""
    return model.name.lower().replace(" ", "-")


@lru_cache(maxsize=16)
def _opened(file: Path) -> Lora:
    return Lora.open(file)
