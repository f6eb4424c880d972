"""Piper: VITS voices that read espeak's phonemes (Kim et al. 2021, arXiv 2106.06103; rhasspy/piper).

The network takes ids ``(1, n)``: a begin mark, then every phoneme followed by a blank, then an end mark; and three
scales: noise, length, and noise of the durations.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime as ort

from engines.contract import AudioChunk
from engines.errors import GraphInvalid, VoiceUnavailable, WeightsMissing
from engines.models.phonemes import phonemize
from engines.models.phonemes.alphabets import encode
from engines.models.speech_output import finish, pieces
from engines.runtime import cancellation
from engines.runtime.sessions import open_session, provider_of

WEIGHTS: Final = "piper-en-us-joe"
"""Id of the weights in the manifest."""
LANGUAGES: Final = ("en",)
VOICE: Final = "joe"
GRAPH: Final = "en_US-joe-medium.onnx"
"""File of the network; its description is beside it."""

_LIMIT: Final = 300
_PAD, _BEGIN, _END = "_", "^", "$"


@dataclass(frozen=True)
class _Description:
    """What the voice's own JSON file says."""

    rate: int
    scales: tuple[float, float, float]
    ids: Mapping[str, int]

    @classmethod
    def read(cls, path: Path) -> _Description:
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            inference = document["inference"]
            return cls(
                rate=int(document["audio"]["sample_rate"]),
                scales=(float(inference["noise_scale"]), float(inference["length_scale"]), float(inference["noise_w"])),
                ids={symbol: int(values[0]) for symbol, values in document["phoneme_id_map"].items()},
            )
        except FileNotFoundError as error:
            raise WeightsMissing(
                f"The file {path.name} is missing.", f"Run `triptych models fetch {WEIGHTS}`."
            ) from error
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise GraphInvalid(
                f"The voice description {path.name} is not understood.", "Run `triptych models verify`."
            ) from error


class Piper:
    """A Piper voice; implements :class:`engines.contract.Synthesiser`."""

    def __init__(self, session: ort.InferenceSession, description: _Description) -> None:
        self._session = session
        self._description = description

    @classmethod
    def open(cls, weights_folder: Path) -> Piper:
        """Opens the voice from the folder that holds its graph and its JSON description.

        Raises:
            WeightsMissing: a file is missing.
            GraphInvalid: a file is broken.
        """
        graph = weights_folder / GRAPH
        description = _Description.read(weights_folder / f"{GRAPH}.json")
        if not graph.is_file():
            raise WeightsMissing(f"The file {graph.name} is missing.", f"Run `triptych models fetch {WEIGHTS}`.")
        return cls(open_session(graph), description)

    @property
    def name(self) -> str:
        """For people."""
        return "Piper joe"

    @property
    def provider(self) -> str:
        """What it really runs on."""
        return provider_of(self._session)

    @property
    def precision(self) -> str:
        """Of its weights."""
        return "fp32"

    @property
    def rate(self) -> int:
        """Samples per second of what it speaks."""
        return self._description.rate

    def speak(self, text: str, language: str, voice: str | None = None) -> Iterator[AudioChunk]:
        """Yields audio sentence by sentence, long sentences in parts.

        Args:
            text: what to say.
            language: ``"en"``.
            voice: ``"joe"`` or None.

        Raises:
            VoiceUnavailable: another language or voice was asked for.
            TextUnspeakable: nothing in the text can be pronounced.
            Cancelled: the user cancelled between two parts.
        """
        if language not in LANGUAGES:
            raise VoiceUnavailable(f"Piper has no voice for the language {language!r}.", "It speaks en (English).")
        if voice not in (None, VOICE):
            raise VoiceUnavailable(f"Piper has no voice {voice!r}.", f"Choose {VOICE}.")
        first = True
        for sentence in phonemize(text, language, "espeak"):
            for piece in pieces(sentence.phonemes, limit=_LIMIT, early=first):
                cancellation.check()
                samples = self._synthesise(piece.phonemes, piece.pause)
                if samples.size:
                    yield AudioChunk(samples, self.rate)
                    first = False

    def ids(self, phonemes: str) -> list[int]:
        """What the network is given for phonemes; symbols that it does not have are left out."""
        table = self._description.ids
        ids = [table[_BEGIN], table[_PAD]]
        for symbol in encode(phonemes, table).ids:
            ids += [symbol, table[_PAD]]
        return [*ids, table[_END]]

    def _synthesise(self, phonemes: str, pause: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        ids = self.ids(phonemes)
        feeds = {
            "input": np.array([ids], np.int64),
            "input_lengths": np.array([len(ids)], np.int64),
            "scales": np.array(self._description.scales, np.float32),
        }
        raw = self._session.run(None, feeds)[0]
        return finish(raw, self.rate, symbols=len(ids) // 2 - 1, pause=pause)
