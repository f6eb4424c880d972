"""Whisper: a recogniser with an N-best list, and a translator to English (Radford et al. 2022, arXiv 2212.04356).

Runs the graphs that :mod:`export.whisper` builds. Hypotheses are ranked by log-probability over length, as Whisper's
own decoding does; :attr:`Hypothesis.acoustic` is the sum.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from engines.audio.features import log_mel
from engines.contract import SAMPLE_RATE, Attention, Hypothesis, Recognised, Samples, SpeechStates, TokenScores
from engines.errors import GraphInvalid
from engines.languages import NAMES
from engines.models.whisper_decoder import CrossStates, Decoder
from engines.runtime import beam as search
from engines.runtime.sessions import open_session, provider_of

WINDOW_SECONDS = 30.0

_END = 50257
_START = 50258
_TRANSLATE = 50358
_TRANSCRIBE = 50359
_NO_SPEECH = 50362
_NO_TIMESTAMPS = 50363
_TIMESTAMPS = 50364
_FASTEST = 14.0
"""Tokens per second of speech that nobody exceeds; bounds what is written for noise."""


class WhisperRecogniser:
    """See :class:`engines.contract.Recogniser`. Open it with :meth:`open`."""

    def __init__(self, folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self._encoder = open_session(folder / "encoder.onnx")
        self._decoder = Decoder(folder, config["layers"], config["heads"])
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._mask = self._suppression(config["suppress"])
        self._first_mask = self._mask + self._suppression(config["suppress_first"])
        self.name = str(config["name"])
        self.precision = str(config["precision"])
        self.provider = provider_of(self._encoder)
        self.languages = tuple(code for code in NAMES if self._tokenizer.token_to_id(f"<|{code}|>") is not None)
        self._states: SpeechStates | None = None
        self._cross: CrossStates | None = None

    @classmethod
    def open(cls, folder: Path) -> WhisperRecogniser:
        """Opens a graph set.

        Raises:
            GraphInvalid: it cannot be loaded.
        """
        try:
            return cls(folder)
        except (OSError, KeyError, TypeError, ValueError) as error:
            message = f"The graphs of Whisper in {folder.name} are incomplete or damaged."
            raise GraphInvalid(message, "Run `triptych models verify` to rebuild them.") from error

    def encode(self, samples: Samples) -> SpeechStates:
        """See :meth:`engines.contract.Recogniser.encode`. Speech is padded to 30 s: the decoder was trained on that."""
        seconds = samples.shape[0] / SAMPLE_RATE
        mel = log_mel(samples, WINDOW_SECONDS)
        frames = self._encoder.run(["frames"], {"mel": mel})[0]
        return SpeechStates(np.asarray(frames[0], np.float32), seconds)

    def detect_language(self, states: SpeechStates) -> dict[str, float]:
        """See :meth:`engines.contract.Recogniser.detect_language`."""
        logits = self._decoder.begin(self._cross_states(states), [_START])
        ids = [self._tokenizer.token_to_id(f"<|{code}|>") for code in self.languages]
        probabilities = np.exp(search.log_softmax(logits[ids]))
        return dict(zip(self.languages, map(float, probabilities), strict=True))

    def nbest(
        self,
        states: SpeechStates,
        *,
        language: str,
        task: Literal["transcribe", "translate"] = "transcribe",
        beam: int = 5,
        temperature: float = 0.0,
        seed: int = 0,
        attention: bool = False,
    ) -> Iterator[str | Recognised]:
        """See :meth:`engines.contract.Recogniser.nbest`."""
        prompt = self._prompt(language, task)
        logits = self._decoder.begin(self._cross_states(states), prompt, no_speech=_NO_SPEECH)
        no_speech = self._decoder.no_speech
        bounds = search.Bounds(_END, longest=min(224, int(16 + _FASTEST * states.seconds)))
        first = logits + self._first_mask
        if beam == 1:
            paths = search.sample(self._decoder, first, self._mask, bounds, temperature=temperature, seed=seed)
        else:
            paths = search.beam_search(self._decoder, first, self._mask, beam, bounds)
        found: list[search.Path] = []
        for item in paths:
            if isinstance(item, list):
                found = item
            else:
                yield self._text(item.tokens)
        looked = self._attention(states, prompt, found[0]) if attention else None
        yield Recognised(self._hypotheses(found)[:beam], self._scores(found[0]), looked, no_speech)

    def score(
        self,
        states: SpeechStates,
        texts: list[str],
        *,
        language: str,
        task: Literal["transcribe", "translate"] = "transcribe",
    ) -> list[tuple[float, int]]:
        """See :meth:`engines.contract.Recogniser.score`."""
        prompt = self._prompt(language, task)
        # The first word may be written with or without the space before it; the likelier spelling counts.
        spelled = [lead + text.strip() for text in texts for lead in ("", " ")]
        tokens = [[*self._tokenizer.encode(text, add_special_tokens=False).ids, _END] for text in spelled]
        values = self._decoder.force(self._cross_states(states), prompt, tokens, self._mask)
        sums = [(float(value.sum()), len(value)) for value in values]
        return [max(pair) for pair in zip(sums[::2], sums[1::2], strict=True)]

    def _cross_states(self, states: SpeechStates) -> CrossStates:
        """The cross-attention cache of the speech in hand, computed once."""
        if self._states is not states or self._cross is None:
            self._cross = self._decoder.cross(states.frames)
            self._states = states
        return self._cross

    def _prompt(self, language: str, task: Literal["transcribe", "translate"]) -> list[int]:
        spoken = self._tokenizer.token_to_id(f"<|{language}|>")
        return [_START, spoken, _TRANSLATE if task == "translate" else _TRANSCRIBE, _NO_TIMESTAMPS]

    def _suppression(self, tokens: list[int]) -> NDArray[np.float32]:
        mask = np.zeros(self._decoder.vocabulary, np.float32)
        mask[[token for token in tokens if token >= 0]] = -np.inf
        mask[_START:] = -np.inf
        return mask

    def _text(self, tokens: tuple[int, ...]) -> str:
        return str(self._tokenizer.decode(list(tokens), skip_special_tokens=True)).replace("\ufffd", "").strip()

    def _hypotheses(self, paths: list[search.Path]) -> tuple[Hypothesis, ...]:
        unique: dict[str, Hypothesis] = {}
        for path in paths:
            text = self._text(path.tokens)
            unique.setdefault(text, Hypothesis(text, path.score, len(path.log_probabilities)))
        best = next(iter(unique))
        return tuple(h for h in unique.values() if not breaks_off(h.text, best))

    def _scores(self, path: search.Path) -> TokenScores:
        pieces = tuple(self._tokenizer.decode([token], skip_special_tokens=True) for token in path.tokens)
        return TokenScores(0, pieces, path.log_probabilities[: len(pieces)])

    def _attention(self, states: SpeechStates, prompt: list[int], path: search.Path) -> Attention:
        weights = self._decoder.attention(self._cross_states(states), prompt, list(path.tokens))
        frames = max(1, min(weights.shape[1], round(states.seconds / states.frame_seconds)))
        labels = tuple(self._tokenizer.decode([token], skip_special_tokens=True) for token in path.tokens)
        return Attention(labels, np.ascontiguousarray(weights[:, :frames]), 0.0, states.frame_seconds)


def breaks_off(text: str, best: str) -> bool:
    """Whether a text is the beginning of the best hypothesis and lacks more than its last word.

    Such a text is a search error, not another reading: the end came early, and a sum of log-probabilities over fewer
    tokens would favour it.
    """
    words, whole = ([word.strip(".,!?;:") for word in each.casefold().split()] for each in (text, best))
    return len(words) < len(whole) - 1 and whole[: len(words)] == words
