"""What reaches the language model of each paradigm, opened from the program's own parts: words, vectors, units."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import soxr
from numpy.typing import NDArray

from engines.contract import SAMPLE_RATE, Request, Samples, Task, Utterance
from engines.errors import TriptychError
from engines.evaluation import kept, paralinguistic
from engines.evaluation.paralinguistic import Input, Say
from engines.evaluation.probing import one_hot
from engines.evaluation.spoken import reader
from engines.latent.parts import Parts
from engines.models.components import Components
from engines.tokens.semantic import ADAPTER, SemanticTokeniser

LATENT = ("latent-convolution", "latent-ctc", "latent-qformer", "latent-pooling")
UNITS = "token-semantic"
"""Engine whose language model reads the units; they are there before it is trained."""


def inputs(components: Components, lacking: dict[str, str]) -> list[Input]:
    """Everything that can be opened here; what cannot is noted with its reason.

    Raises:
        WeightsMissing: there is no recogniser, whose words and states the others build on.
    """
    read = reader(components.recogniser())
    found = [
        Input("signal", None, "1", paralinguistic.signal),
        Input("whisper", "text", "whisper-base, beam 5", lambda samples: paralinguistic.words(read(samples))),
    ]
    for engine in LATENT:
        try:
            version = kept.version((engine, "trunk"), engine)
            found.append(Input(engine, "latent", version, _vectors(components, engine)))
        except TriptychError as error:
            lacking[engine] = f"{error.message} {error.hint}"
    try:
        found.append(Input(UNITS, "token", kept.version([ADAPTER]), _units(components)))
    except TriptychError as error:
        lacking[UNITS] = f"{error.message} {error.hint}"
    return found


def _vectors(components: Components, engine: str) -> Callable[[Samples], NDArray[np.float32]]:
    parts = Parts.open(components, engine)

    def rows(samples: Samples) -> NDArray[np.float32]:
        encoder = parts.recogniser if parts.encoder is None else parts.encoder
        states = encoder.encode(samples)
        request = Request(Utterance(samples, "", ""), Task.TRANSCRIBE)
        return parts.adapt(parts.trunk.run(states.frames), request).vectors

    return rows


def _units(components: Components) -> Callable[[Samples], NDArray[np.float32]]:
    tokeniser, recogniser = SemanticTokeniser.open(), components.recogniser()
    return lambda samples: one_hot(tokeniser.units_of(recogniser.encode(samples)).tolist(), tokeniser.size)


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
