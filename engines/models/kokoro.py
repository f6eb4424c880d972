"""Kokoro 82M: StyleTTS 2 with an iSTFTNet decoder (Li et al. 2023, arXiv 2306.07691; hexgrad/Kokoro-82M).

The network takes phoneme ids ``(1, n + 2)`` with a pad id 0 at both ends, one style vector ``(1, 256)`` that the voice
has for n phonemes, and a speed; it gives 24 kHz audio.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime as ort

from engines.contract import AudioChunk, Samples
from engines.errors import GraphInvalid, VoiceUnavailable, WeightsMissing
from engines.models.phonemes import phonemize
from engines.models.phonemes.alphabets import encode
from engines.models.speech_output import finish, pieces
from engines.models.voices import Voice, default_voice, find_voice, load_style, voices
from engines.runtime import cancellation
from engines.runtime.sessions import open_session, provider_of

WEIGHTS: Final = "kokoro-82m"
"""Id of the weights in the manifest."""
RATE: Final = 24_000
MOST_TOKENS: Final = 510
"""Longest input the network was trained for, without the two pads."""

_GRAPH: Final = "kokoro-v1.0.int8.onnx"
_VOCABULARY: Final = "vocab.json"
_LIMIT: Final = 240
_PAD: Final = 0


class Kokoro:
    """Kokoro with the voices that ship with the program; implements :class:`engines.contract.Synthesiser`."""

    def __init__(self, session: ort.InferenceSession, vocabulary: Mapping[str, int]) -> None:
        self._session = session
        self._vocabulary = vocabulary
        self._styles: dict[str, Samples] = {}

    @classmethod
    def open(cls, weights_folder: Path) -> Kokoro:
        """Opens the model from the folder that holds its graph and its vocabulary.

        Raises:
            WeightsMissing: a file is missing.
            GraphInvalid: a file is broken.
        """
        graph, vocabulary = weights_folder / _GRAPH, weights_folder / _VOCABULARY
        for path in (graph, vocabulary):
            if not path.is_file():
                raise WeightsMissing(f"The file {path.name} is missing.", f"Run `triptych models fetch {WEIGHTS}`.")
        try:
            table = {str(k): int(v) for k, v in json.loads(vocabulary.read_text(encoding="utf-8"))["vocab"].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise GraphInvalid(
                f"The vocabulary {vocabulary.name} is not understood.", "Run `triptych models verify`."
            ) from error
        return cls(open_session(graph), table)

    @property
    def name(self) -> str:
        """For people."""
        return "Kokoro 82M"

    @property
    def provider(self) -> str:
        """What it really runs on."""
        return provider_of(self._session)

    @property
    def precision(self) -> str:
        """Of its weights."""
        return "int8"

    @property
    def rate(self) -> int:
        """Samples per second of what it speaks."""
        return RATE

    def speak(self, text: str, language: str, voice: str | None = None) -> Iterator[AudioChunk]:
        """Yields audio sentence by sentence, long sentences in parts.

        Args:
            text: what to say.
            language: ``en``, ``es``, ``fr``, ``it``, ``pt`` or ``zh``.
            voice: id of a voice of that language; None takes the language's first.

        Raises:
            VoiceUnavailable: there is no voice for the language, or no such voice in it.
            TextUnspeakable: nothing in the text can be pronounced.
            Cancelled: the user cancelled between two parts.
        """
        chosen = self._choose(language, voice)
        first = True
        for sentence in phonemize(text, language, "kokoro"):
            for piece in pieces(sentence.phonemes, limit=_LIMIT, early=first):
                cancellation.check()
                samples = self._synthesise(piece.phonemes, chosen, piece.pause)
                if samples.size:
                    yield AudioChunk(samples, RATE)
                    first = False

    def _choose(self, language: str, voice: str | None) -> Voice:
        if voice is None:
            return default_voice(language)
        found = find_voice(voice)
        if found.language != language:
            ids = ", ".join(v.id for v in voices() if v.language == language)
            raise VoiceUnavailable(
                f"The voice {voice!r} does not speak {language!r}.", f"Choose one of {ids}." if ids else ""
            )
        return found

    def _synthesise(self, phonemes: str, voice: Voice, pause: float) -> Samples:
        encoded = encode(phonemes, self._vocabulary)
        ids = encoded.ids[:MOST_TOKENS]
        if not ids:
            return np.zeros(0, np.float32)
        if voice.id not in self._styles:
            self._styles[voice.id] = load_style(voice)
        feeds = {
            "tokens": np.array([[_PAD, *ids, _PAD]], np.int64),
            "style": self._styles[voice.id][len(ids) - 1][np.newaxis],
            "speed": np.ones(1, np.float32),
        }
        raw = self._session.run(None, feeds)[0]
        return finish(raw, RATE, symbols=len(ids), pause=pause)
