"""What reaches the language model of each paradigm, opened from the program's own parts: words, vectors, units."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import soxr
from numpy.typing import NDArray

from engines.contract import SAMPLE_RATE, Recognised, Recogniser, Request, Samples, SpeechStates, Task, Utterance
from engines.errors import TriptychError
from engines.evaluation import kept, paralinguistic
from engines.evaluation.paralinguistic import Input, Say
from engines.evaluation.probing import one_hot
from engines.latent.parts import Parts
from engines.models.components import Components
from engines.stages.listening import Encoder
from engines.tokens.semantic import ADAPTER, SemanticTokeniser

LATENT = ("latent-convolution", "latent-ctc", "latent-qformer", "latent-pooling")
UNITS = "token-semantic"
"""Engine whose language model reads the units; they are there before it is trained."""


def inputs(components: Components, lacking: dict[str, str]) -> list[Input]:
    """Everything that can be opened here; what cannot is noted with its reason.

    Raises:
        WeightsMissing: there is no recogniser, whose words and states the others build on.
    """
    encoded = _Encoded()
    read = _Reading(components.recogniser(), encoded)
    found = [
        Input("signal", None, "1", paralinguistic.signal),
        Input("whisper", "text", "whisper-base, beam 5", lambda samples: paralinguistic.words(read(samples))),
    ]
    for engine in LATENT:
        try:
            version = kept.version((engine, "trunk"), engine)
            found.append(Input(engine, "latent", version, _vectors(components, engine, encoded)))
        except TriptychError as error:
            lacking[engine] = f"{error.message} {error.hint}"
    try:
        found.append(Input(UNITS, "token", kept.version([ADAPTER]), _units(components, encoded)))
    except TriptychError as error:
        lacking[UNITS] = f"{error.message} {error.hint}"
    return found


class _Encoded:
    """States of sounds, each computed once however many inputs are made of it."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, bytes], SpeechStates] = {}

    def __call__(self, encoder: Encoder, samples: Samples) -> SpeechStates:
        key = id(encoder), hashlib.sha256(samples.tobytes()).digest()
        if key not in self._known:
            self._known[key] = encoder.encode(samples)
        return self._known[key]


class _Reading:
    """A recogniser that reads what was encoded before."""

    def __init__(self, recogniser: Recogniser, encoded: _Encoded) -> None:
        self._recogniser, self._encoded = recogniser, encoded

    def __call__(self, samples: Samples) -> str:
        *_, found = self._recogniser.nbest(self._encoded(self._recogniser, samples), language="en")
        return found.hypotheses[0].text if isinstance(found, Recognised) else ""


def _vectors(components: Components, engine: str, encoded: _Encoded) -> Callable[[Samples], NDArray[np.float32]]:
    parts = Parts.open(components, engine)

    def rows(samples: Samples) -> NDArray[np.float32]:
        encoder = parts.recogniser if parts.encoder is None else parts.encoder
        states = encoded(encoder, samples)
        request = Request(Utterance(samples, "", ""), Task.TRANSCRIBE)
        return parts.adapt(parts.trunk.run(states.frames), request).vectors

    return rows


def _units(components: Components, encoded: _Encoded) -> Callable[[Samples], NDArray[np.float32]]:
    tokeniser, recogniser = SemanticTokeniser.open(), components.recogniser()
    return lambda samples: one_hot(tokeniser.units_of(encoded(recogniser, samples)).tolist(), tokeniser.size)


def kokoro(components: Components) -> Say:
    """Speaks by Kokoro at 16 kHz.

    Raises:
        WeightsMissing: it is not there.
    """
    speaker = components.synthesiser("en", "kokoro")

    def say(text: str, voice: str) -> Samples:
        chunks = list(speaker.speak(text, "en", voice))
        whole = np.concatenate([chunk.samples for chunk in chunks])
        return np.asarray(soxr.resample(whole, chunks[0].rate, SAMPLE_RATE), np.float32)

    return say
