"""The parts that engines are composed of, opened on first use and shared inside one process.

An engine asks for a role; it never opens a file. Everything raises :class:`engines.errors.WeightsMissing` when the
weights or graphs are not there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, cast

from engines import counting
from engines.contract import LanguageModel, OptionValue, Recogniser, Synthesiser
from engines.errors import BadOption, LicenceNotAccepted, WeightsMissing
from engines.memo import Memo
from engines.weights import graphs
from engines.weights.store import WeightStore

if TYPE_CHECKING:
    from engines.audio.vad import VoiceActivity

Part = TypeVar("Part")

LANGUAGE_MODELS = ("gemma-3-270m", "smollm2-135m-instruct")
"""Embedded language models, the better one for text in general first."""

CHAT_MODELS = ("smollm2-135m-instruct", "gemma-3-270m")
"""The same for answering: an instruction-tuned model comes first."""


@dataclass
class Components:
    """Everything an engine can be composed of.

    Attributes:
        memo: equal work is done once; shared by all engines of the process.
        store: where weights are.
        opening_seconds: what opening models, and explaining what engines did, has taken so far; the host leaves it out
            of the engines' times.
    """

    memo: Memo = field(default_factory=Memo)
    store: WeightStore = field(default_factory=WeightStore)
    opening_seconds: float = 0.0
    _recogniser: Recogniser | None = None
    _voice_activity: VoiceActivity | None = None
    _language_models: dict[str, LanguageModel] = field(default_factory=dict)
    _synthesisers: dict[tuple[str, str | None], Synthesiser] = field(default_factory=dict)
    _parts: dict[Hashable, object] = field(default_factory=dict)

    def part(self, key: Hashable, open_it: Callable[[], Part]) -> Part:
        """A part that only some engines know, opened on first use and shared.

        Args:
            key: names it; the same key always goes with the same type.
            open_it: opens it.
        """
        if key not in self._parts:
            with self._opening():
                self._parts[key] = open_it()
        return cast(Part, self._parts[key])

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Work that is none of the engine's own, such as gathering evidence: it is left out of its time."""
        with self._opening():
            yield

    @contextmanager
    def _opening(self) -> Iterator[None]:
        began = time.perf_counter()
        try:
            with counting.aside():
                yield
        finally:
            self.opening_seconds += time.perf_counter() - began

    def recogniser(self) -> Recogniser:
        """Whisper base.

        Raises:
            WeightsMissing: its graphs have not been built.
        """
        if self._recogniser is None:
            from engines.models.whisper import WhisperRecogniser

            with self._opening():
                self._recogniser = WhisperRecogniser.open(graphs.locate("whisper-base"))
        return self._recogniser

    def voice_activity(self) -> VoiceActivity:
        """Silero voice activity detection."""
        if self._voice_activity is None:
            from engines.audio.vad import VoiceActivity

            with self._opening():
                self._voice_activity = VoiceActivity.open(self.store.path("silero-vad"))
        return self._voice_activity

    def language_model(
        self, options: Mapping[str, OptionValue], preference: tuple[str, ...] = LANGUAGE_MODELS
    ) -> LanguageModel:
        """The language model that the options ask for.

        Args:
            options: ``llm`` is a model id, ``"auto"`` (the first of ``preference`` that is ready) or ``"server"``
                (then ``server_url``, ``server_model`` and ``server_key`` are read).
            preference: model ids that ``auto`` tries in order.

        Raises:
            WeightsMissing: none of them is ready.
            BadOption: there is no such model, or no server was configured.
        """
        choice = str(options.get("llm", "auto"))
        if choice == "server":
            return self._server(options)
        if choice == "auto":
            for candidate in preference:
                try:
                    return self._embedded(candidate)
                except (WeightsMissing, LicenceNotAccepted):
                    continue
            raise WeightsMissing("No language model is ready to run.", f"Run `triptych models fetch {preference[-1]}`.")
        return self._embedded(choice)

    def _embedded(self, model: str) -> LanguageModel:
        if model not in LANGUAGE_MODELS:
            raise BadOption(
                f"There is no language model {model!r}.", f"Choose auto, server or one of {', '.join(LANGUAGE_MODELS)}."
            )
        if model not in self._language_models:
            from engines.models.causal_lm import CausalLM

            with self._opening():
                self._language_models[model] = CausalLM.open(graphs.locate(model))
        return self._language_models[model]

    def _server(self, options: Mapping[str, OptionValue]) -> LanguageModel:
        url, model = str(options.get("server_url", "")), str(options.get("server_model", ""))
        if not url:
            raise BadOption(
                "No language-model server is configured.",
                "Set the option server_url to its address, for example the one that llama-server prints.",
            )
        key = str(options.get("server_key", ""))
        name = f"{url}#{model}#{key}"
        if name not in self._language_models:
            from engines.models.server import ServerLM

            self._language_models[name] = ServerLM(url, model, key)
        return self._language_models[name]

    def synthesiser(self, language: str, prefer: str | None = None) -> Synthesiser:
        """A voice for a language.

        Args:
            language: ISO 639-1 code.
            prefer: ``"piper"``, ``"kokoro"`` or None for the better one.

        Raises:
            VoiceUnavailable: no voice speaks the language.
            WeightsMissing: the voice's files are not installed.
        """
        key = (language, prefer)
        if key not in self._synthesisers:
            from engines.models.synthesis import synthesiser_for

            with self._opening():
                self._synthesisers[key] = synthesiser_for(language, self.store.path, prefer)
        return self._synthesisers[key]
