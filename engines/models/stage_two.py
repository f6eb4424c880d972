"""Stage two: units of speech to codes of the codec in the voice of a prompt, chunk by chunk.

AudioLM's second stage (arXiv 2209.03143) for a small machine: the first codebook by masked prediction in a few rounds
(MaskGIT, arXiv 2202.04200; SoundStorm, arXiv 2305.09636), the others at once, as the codes of what the first one leaves
of the codec's latent. The voice is that of a prompt, which is read once (AudioPaLM, arXiv 2306.12925).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engines.errors import AdapterMismatch, BadOption, TokensInvalid
from engines.models.adapter_graph import HINT, Graph
from engines.models.code_stream import CodeStream
from engines.models.codes import Codes, require_codes
from engines.runtime.sessions import provider_of
from engines.weights import cards
from engines.weights.cards import AdapterCard

ID: Final = "token-hybrid"
"""The folder of stage two among the adapters."""
ROUNDS: Final = (1, 32)
TEMPERATURES: Final = (0.0, 2.0)
FIRST, REST, PROMPT = range(3)
"""What is wanted of the graph: the first codebook, what it leaves, or nothing, where a prompt is read."""
FRAMES_PER_UNIT: Final = 2
"""Units come at 25 Hz, codes at 50."""


@dataclass(frozen=True)
class Prompt:
    """A voice that was read.

    Attributes:
        keys: ``(layers, P, width)``.
        values: ``(layers, P, width)``.
    """

    keys: NDArray[np.float32]
    values: NDArray[np.float32]


class StageTwo:
    """Makes codes of units. Open it with :meth:`open`.

    Attributes:
        card: what it is.
        shape: of what it makes codes, and which.
    """

    precision = "int8, fp16"

    def __init__(self, card: AdapterCard) -> None:
        shape = card.stage_two
        if shape is None:
            raise AdapterMismatch(f"The card of {card.id} is not that of stage two.", HINT)
        self.card, self.shape = card, shape
        self._graph = Graph(
            cards.locate(card.id) / "stage_two.onnx",
            ("units", "codes", "level", "keys", "values"),
            ("scores", "rest", "own_keys", "own_values"),
        )
        tried = self.scores(
            np.zeros(3, np.int64), np.full((shape.books, 3), -1, np.int64), self.prompt(np.zeros(0, np.int64))
        )
        if tried.shape != (3, shape.codes):
            raise AdapterMismatch(
                f"Stage two of {card.id} tells {tried.shape[-1]} codes apart where its card promises {shape.codes}.",
                HINT,
            )

    @classmethod
    def open(cls, adapter_id: str = ID) -> StageTwo:
        """Opens it from the folder of adapters, and tries it.

        Raises:
            AdapterMissing: it is not there.
            AdapterMismatch: card and graph do not belong together.
            GraphInvalid: a file is damaged.
        """
        return cls(cards.read(adapter_id))

    @property
    def name(self) -> str:
        """For people."""
        return self.card.name

    @property
    def provider(self) -> str:
        """What it really runs on."""
        return provider_of(self._graph.session)

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639-1 codes of those that it was trained on."""
        return self.card.languages

    def check(self, units: int, codebook: str, codec: str) -> None:
        """Checks the units and the codec in use.

        Args:
            units: how many there are.
            codebook: hex sha256 of the file that defines them.
            codec: hex sha256 of the codec's files.

        Raises:
            AdapterMismatch: it was trained on others.
        """
        if (self.shape.units, self.shape.codebook) != (units, codebook):
            raise AdapterMismatch(f"Stage two of {self.card.id} was trained on other units.", HINT)
        if self.shape.codec != codec:
            raise AdapterMismatch(f"Stage two of {self.card.id} was trained on another codec.", HINT)

    def prompt(self, units: NDArray[np.integer], codes: Codes | None = None) -> Prompt:
        """Reads a voice.

        Args:
            units: ``(P25,)`` of what the voice says, at 25 Hz; empty for no voice in particular.
            codes: ``(k, P50)`` of the same speech, the first k codebooks; P50 ≤ 2 · P25, and at most as long as
                prompts were in training.

        Raises:
            TokensInvalid: units or codes do not exist, are too many or do not go together.
        """
        shape = self.shape
        said = np.repeat(self.checked(units), FRAMES_PER_UNIT) if len(units) else np.zeros(0, np.int64)
        given = np.zeros((shape.books, 0), np.int32)
        if codes is not None:
            given = require_codes(codes, shape.books, shape.codes, lost=True)
        frames = given.shape[1]
        if frames > len(said):
            message = f"{frames} frames of codes came with units for {len(said)}."
            raise TokensInvalid(message, "Give units and codes of the same speech.")
        if frames > round(50 * shape.prompt_seconds):
            message = f"A voice of {frames / 50:.1f} s is longer than stage two reads ({shape.prompt_seconds:g} s)."
            raise TokensInvalid(message, "Give less of it.")
        known = np.full((shape.books, 1 + frames), -1, np.int64)
        known[: given.shape[0], 1:] = given
        empty = np.zeros((shape.layers, 0, shape.width), np.float32)
        feeds = self._feeds(np.concatenate([[shape.units], said[:frames]]), known, PROMPT, Prompt(empty, empty))
        _, _, keys, values = self._graph.run(feeds)
        return Prompt(keys, values)

    def scores(self, units: NDArray[np.int64], codes: NDArray[np.int64], prompt: Prompt) -> NDArray[np.float32]:
        """Scores of the first codebook, ``(T, codes)``.

        Args:
            units: ``(T,)`` at 50 Hz.
            codes: ``(books, T)`` what is known; -1 elsewhere.
            prompt: the voice.
        """
        return self._graph.run(self._feeds(units, codes, FIRST, prompt))[0]

    def rest(self, units: NDArray[np.int64], codes: NDArray[np.int64], prompt: Prompt) -> NDArray[np.int64]:
        """Codes of all further codebooks, ``(books - 1, T)``; see :meth:`scores`."""
        return self._graph.run(self._feeds(units, codes, REST, prompt))[1].astype(np.int64)

    def speaking(
        self,
        prompt: Prompt | None = None,
        *,
        books: int | None = None,
        rounds: int = 6,
        temperature: float = 0.7,
        seed: int = 0,
        longest: float = 60.0,
    ) -> CodeStream:
        """Begins to make codes of units that come piece by piece.

        Args:
            prompt: the voice; none in particular by default.
            books: the first so many codebooks are made; all by default.
            rounds: in which the first codebook is made, 1 to 32.
            temperature: of the first codebook, 0 to 2; 0 takes the likeliest.
            seed: the same gives the same codes.
            longest: seconds that are made at most.

        Raises:
            BadOption: rounds, temperature, books or longest is impossible.
        """
        _require("rounds", rounds, ROUNDS)
        _require("temperature", temperature, TEMPERATURES)
        _require("books", self.shape.books if books is None else books, (1, self.shape.books))
        _require("longest", longest, (0.1, 3600.0))
        voice = prompt if prompt is not None else self.prompt(np.zeros(0, np.int64))
        return CodeStream(
            self, voice, books=books or self.shape.books, rounds=rounds, temperature=temperature, seed=seed,
            most=round(50 * longest),
        )  # fmt: skip

    def checked(self, units: NDArray[np.integer]) -> NDArray[np.int64]:
        """Units ``(T,)`` that exist.

        Raises:
            TokensInvalid: one does not, or they are no whole numbers.
        """
        found = np.asarray(units)
        if found.ndim != 1 or (found.size and not np.issubdtype(found.dtype, np.integer)):
            raise TokensInvalid(f"Units are whole numbers in a row, not {found.shape} {found.dtype}.", "Give ids.")
        wrong = found[(found < 0) | (found >= self.shape.units)]
        if wrong.size:
            raise TokensInvalid(
                f"There is a unit {int(wrong[0])}, but stage two knows {self.shape.units}.",
                "Use units of the tokeniser that it was trained with.",
            )
        return found.astype(np.int64)

    def _feeds(
        self, units: NDArray[np.integer], codes: NDArray[np.int64], level: int, prompt: Prompt
    ) -> dict[str, NDArray[np.generic]]:
        return {
            "units": units.astype(np.int64),
            "codes": codes,
            "level": np.array([level], np.int64),
            "keys": prompt.keys,
            "values": prompt.values,
        }


def _require(name: str, value: float, bounds: tuple[float, float]) -> None:
    if not bounds[0] <= value <= bounds[1]:
        raise BadOption(f"{name} cannot be {value:g}.", f"Give a value from {bounds[0]:g} to {bounds[1]:g}.")
