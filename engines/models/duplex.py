"""The model that listens and speaks at once: a step per frame of 80 ms, with a memory that does not grow.

Moshi's structure (arXiv 2410.00037): the Temporal Transformer reads what the last frame held, text, own codes and heard
codes, and scores the text of the next; the Depth Transformer makes its codes, coarsest first. What is remembered is a
plain value that can be put aside and taken up again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engines.errors import AdapterMismatch, TokensInvalid
from engines.models.adapter_graph import HINT, Graph
from engines.models.codec import Codec
from engines.models.codes import LOST, Codes, require_codes
from engines.models.duplex_frames import stacked
from engines.models.pieces import Inventory
from engines.runtime.sessions import provider_of
from engines.weights import cards
from engines.weights.cards import AdapterCard, DuplexShape

ID: Final = "token-duplex"
"""Its folder among the adapters."""


@dataclass(frozen=True)
class Memory:
    """What the model remembers between two frames.

    Attributes:
        keys: ``(layers, window, width)``, the latest frame last.
        values: likewise.
        filled: how many of them there are.
        text: of the last frame.
        own: ``(K,)`` codes of the last frame; -1 before the first.
        heard: ``(K,)`` codes of the last frame; -1 before the first, and where they were lost.
    """

    keys: NDArray[np.float32]
    values: NDArray[np.float32]
    filled: int
    text: int
    own: NDArray[np.int64]
    heard: NDArray[np.int64]


@dataclass(frozen=True)
class Said:
    """What a frame holds of the model's own.

    Attributes:
        text: place of a piece, or padding.
        own: ``(K,)`` codes.
    """

    text: int
    own: NDArray[np.int64]


@dataclass(frozen=True)
class Liveliness:
    """Temperatures; 0 takes the likeliest.

    Attributes:
        text: of the text.
        codes: of the codes.
    """

    text: float = 0.0
    codes: float = 0.0


SURE: Final = Liveliness()
"""The likeliest each time."""


class Duplex:
    """The model. Open it with :meth:`open`.

    Attributes:
        card: what it is.
        shape: what it reads and writes in a frame.
        inventory: of its pieces of text.
    """

    precision = "int8, fp16"

    def __init__(self, card: AdapterCard) -> None:
        shape = card.duplex
        if shape is None:
            raise AdapterMismatch(f"The card of {card.id} is not that of a model that listens and speaks.", HINT)
        self.card, self.shape = card, shape
        folder = cards.locate(card.id)
        self.inventory = Inventory.read(folder / "pieces.json")
        past = ("keys", "values")
        made = ("next_keys", "next_values")
        self._temporal = Graph(
            folder / "temporal.onnx", ("text", "own", "heard", *past, "filled"), ("text_scores", "state", *made)
        )
        self._depth = Graph(folder / "depth.onnx", ("state", "text", "code", "place", *past), ("scores", *made))
        self._try(shape)

    @classmethod
    def open(cls, adapter_id: str = ID) -> Duplex:
        """Opens it from the folder of adapters, and tries it.

        Raises:
            AdapterMissing: it is not there.
            AdapterMismatch: card and graphs do not belong together.
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
        return provider_of(self._temporal.session)

    @property
    def places(self) -> int:
        """Codes of a stream per frame."""
        return self.shape.books * self.shape.stack

    @property
    def bits_per_second(self) -> float:
        """Of a stream of codes."""
        return float(self.places * np.log2(self.shape.codes) / self.shape.frame_seconds)

    def check(self, codec: Codec, digest: str) -> None:
        """Checks the codec in use.

        Args:
            codec: it.
            digest: see :func:`engines.weights.cards.codec_digest`.

        Raises:
            AdapterMismatch: it was trained on another one.
        """
        shape = self.shape
        same = shape.books <= codec.books and shape.codes == codec.codes
        if shape.codec != digest or not same or abs(shape.stack * codec.frame_seconds - shape.frame_seconds) > 1e-6:
            raise AdapterMismatch(f"The model {self.card.id} was trained on another codec.", HINT)

    def begin(self) -> Memory:
        """The memory before the first frame."""
        shape = self.shape
        nothing = np.zeros((shape.layers, shape.window, shape.width), np.float32)
        none = np.full(self.places, LOST, np.int64)
        return Memory(nothing, nothing, 0, shape.pieces + 2, none, none)

    def step(self, memory: Memory, random: np.random.Generator, liveliness: Liveliness = SURE) -> tuple[Said, Memory]:
        """Makes the next frame.

        Args:
            memory: of the frames before.
            random: draws where there is a temperature.
            liveliness: how much.

        Returns:
            the frame, and the memory for the next, to which :meth:`heard` has to be told.

        Raises:
            GraphInvalid: the model gives values that are no numbers.
        """
        scores, state, keys, values = self._temporal.run(
            {
                "text": np.array([memory.text], np.int64), "own": memory.own, "heard": memory.heard,
                "keys": memory.keys, "values": memory.values, "filled": np.array([memory.filled], np.int64),
            }
        )  # fmt: skip
        text = drawn(scores, liveliness.text, random)
        own = self._codes(state, text, random, liveliness.codes)
        filled = min(memory.filled + 1, self.shape.window)
        none = np.full(self.places, LOST, np.int64)
        return Said(text, own), Memory(keys, values, filled, text, own, none)

    def _codes(
        self, state: NDArray[np.float32], text: int, random: np.random.Generator, temperature: float
    ) -> NDArray[np.int64]:
        shape = self.shape
        keys = values = np.zeros((shape.depth_layers, 0, shape.depth_width), np.float32)
        own = np.full(self.places, LOST, np.int64)
        written, code = np.array([text], np.int64), LOST
        for place in range(self.places):
            scores, keys, values = self._depth.run(
                {
                    "state": state, "text": written, "code": np.array([code], np.int64),
                    "place": np.array([place], np.int64), "keys": keys, "values": values,
                }
            )  # fmt: skip
            own[place] = code = drawn(scores, temperature, random)
        return own

    def heard(self, memory: Memory, codes: Codes) -> Memory:
        """The memory with what was heard while its last frame was spoken.

        Args:
            memory: of :meth:`step`.
            codes: ``(books, stack)`` of the frame's codec frames; -1 where one was lost.

        Raises:
            TokensInvalid: there are other codebooks or other frames, or ids that do not exist.
        """
        shape = self.shape
        checked = require_codes(codes, shape.books, shape.codes, lost=True, exactly=shape.books)
        if checked.shape[1] != shape.stack:
            raise TokensInvalid(
                f"A frame of {checked.shape[1]} codec frames was heard; one has {shape.stack}.",
                "Give the frames of the codec in use, without leaving any out.",
            )
        frame = stacked(checked, shape.stack, np.zeros(shape.books, np.int32))[:, 0]
        return Memory(memory.keys, memory.values, memory.filled, memory.text, memory.own, frame.astype(np.int64))

    def text(self, piece: int) -> str:
        """What a text stands for, ``▁`` for a space; empty for padding."""
        return self.inventory.pieces[piece].text if piece < len(self.inventory) else ""

    def _try(self, shape: DuplexShape) -> None:
        if len(self.inventory) != shape.pieces:
            told = f"{len(self.inventory)} pieces where its card promises {shape.pieces}"
            raise AdapterMismatch(f"The model {self.card.id} has {told}.", HINT)
        random = np.random.default_rng(0)
        _, memory = self.step(self.begin(), random)
        said, _ = self.step(self.heard(memory, np.zeros((shape.books, shape.stack), np.int32)), random)
        if said.text >= shape.pieces + 2 or int(said.own.max()) >= shape.codes:
            raise AdapterMismatch(f"The model {self.card.id} writes what its card does not know.", HINT)


def drawn(scores: NDArray[np.float32], temperature: float, random: np.random.Generator) -> int:
    """One of ``(n,)`` scores: the highest, or drawn (by the Gumbel trick) where the temperature is above 0."""
    if temperature > 0:
        scores = scores / np.float32(temperature) + random.gumbel(size=scores.shape).astype(np.float32)
    return int(scores.argmax())
