"""Reading and writing text and units of speech on one sequence, part by part.

A chain of modality (SpeechGPT, arXiv 2305.11000) is read and written on one cache: units are read, a transcript is
written, a heading is read, units are written. Interleaved text and speech (Spirit-LM, arXiv 2402.05755) are written in
the mode ``both``.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engines.runtime import cancellation
from engines.runtime.attention import attention
from engines.runtime.decoder import Decoder
from engines.runtime.generation import Sampler, Sampling, repeats
from engines.runtime.kv_cache import KeyValueCache
from engines.runtime.mixed_vocabulary import MixedPart, MixedVocabulary, Mode
from engines.runtime.text_stream import Detokenise, TextStream
from engines.runtime.writing import log_probability

_AT_ONCE = 512


@dataclass(frozen=True)
class WrittenItem:
    """One item that was written.

    Attributes:
        kind: ``text``, ``unit``, or the begin or end of speech.
        id: token of the language model, or unit; -1 for begin and end.
        text: what it adds to the text; may be empty where a character is not whole yet.
        log_probability: natural logarithm, among what the mode allowed.
        frames: duration of a unit; 0 for others.
    """

    kind: Literal["text", "unit", "begin", "end"]
    id: int
    text: str
    log_probability: float
    frames: int = 0


@dataclass(frozen=True)
class Bounds:
    """What ends a part that does not end by itself.

    Attributes:
        items: most items.
        frames: most frames of speech, summed over the durations of units.
    """

    items: int
    frames: int = 1 << 30


class MixedSequence:
    """One sequence on its way.

    Args:
        decoder: the model, adapted; watching where attention will be asked for.
        vocabulary: what it can write.
        detokenise: text of tokens.
    """

    def __init__(self, decoder: Decoder, vocabulary: MixedVocabulary, detokenise: Detokenise) -> None:
        self.vocabulary = vocabulary
        self.decoder = decoder
        self._detokenise = detokenise
        self._cache = KeyValueCache(decoder.shape)
        self._state: NDArray[np.float32] = np.zeros(decoder.width, np.float32)
        self._waiting: list[int] = []
        self._speaking = False

    @property
    def places(self) -> int:
        """Places of the sequence so far."""
        return self._cache.length + len(self._waiting)

    def read(self, *parts: MixedPart) -> None:
        """Appends parts that are given.

        Raises:
            ValueError: there is no such unit.
            Cancelled: the work was cancelled.
        """
        self.settle()
        ids, vectors, places = self.vocabulary.encode(parts)
        self._advance(ids, vectors)
        if len(places):
            self._speaking = self._goes_on(int(places[-1]), speaking=self._speaking)

    def write(self, mode: Mode, bounds: Bounds, sampling: Sampling | None = None) -> MixedWriting:
        """Writes the next part, see :class:`MixedWriting`. It must be over or closed before the next call.

        Args:
            mode: what may be written. In the mode ``units`` speech is begun where the last part did not do so.
            bounds: of the part.
            sampling: how items are drawn; greedily without it.
        """
        return MixedWriting(self, mode, bounds, sampling or Sampling(), self._detokenise)

    # --- for MixedWriting ---

    def begin(self, mode: Mode) -> KeyValueCache:
        """Computes what waits, and begins speech where a part consists of it; returns the cache."""
        self.settle()
        if mode == "units" and not self._speaking:
            self._advance_place(self.vocabulary.begin)
            self._speaking = True
        return self._cache

    def choose(self, mode: Mode, last: int | None, draw: Sampler) -> tuple[int, float]:
        """The next place, and its log-probability among what is allowed."""
        allowed = np.flatnonzero(self.vocabulary.allowed(mode, speaking=self._speaking, last=last))
        scores = self.vocabulary.scores(self._state[None])[0, allowed]
        chosen = draw(scores)
        return int(allowed[chosen]), log_probability(scores, chosen)

    def wait(self, place: int) -> None:
        """Appends a place when the sequence goes on."""
        self._waiting.append(place)
        self._speaking = self._goes_on(place, speaking=self._speaking)

    def step(self, place: int) -> int:
        """Appends a place now; returns the duration of a unit in frames."""
        self.settle()
        self._advance_place(place)
        self._speaking = self._goes_on(place, speaking=self._speaking)
        words = self.vocabulary
        return words.frames(words.unit(place), self._state) if words.is_unit(place) else 0

    def end_of(self, mode: Mode) -> int:
        """The place that ends what is being written."""
        return self.vocabulary.end_of(mode, speaking=self._speaking)

    def _goes_on(self, place: int, *, speaking: bool) -> bool:
        if place == self.vocabulary.begin:
            return True
        return speaking and place != self.vocabulary.end

    def settle(self) -> None:
        """Computes what waits."""
        waiting, self._waiting = self._waiting, []
        for place in waiting:
            self._advance_place(place)

    def _advance_place(self, place: int) -> None:
        words = self.vocabulary
        token = int(words.ids[place]) if words.is_text(place) else -1
        vectors = None if token >= 0 else words.vectors(np.array([place]))
        self._advance(np.array([token]), vectors)

    def _advance(self, ids: NDArray[np.int64], vectors: NDArray[np.float32] | None) -> None:
        given = vectors if vectors is not None and bool((ids < 0).any()) else None
        for begin in range(0, len(ids), _AT_ONCE):
            cancellation.check()
            part = slice(begin, begin + _AT_ONCE)
            embeds = None if given is None else given[None, part]
            self._state = self.decoder.hidden(self._cache, ids[None, part], embeds)[0, -1].copy()


class MixedWriting(Iterator[WrittenItem]):
    """A part on its way; iterate over it for its items.

    It ends by itself, at its bounds, or when it runs in circles; in the latter cases it is closed as if it had ended,
    so that what is read next stands behind a whole part. The end of a text or of a part of units is no item.
    """

    def __init__(
        self, sequence: MixedSequence, mode: Mode, bounds: Bounds, sampling: Sampling, detokenise: Detokenise
    ) -> None:
        self.ended = False
        """Whether the part came to its end by itself."""
        self.end_log_probability = 0.0
        """Of what ended it, natural logarithm; 0 where nothing did."""
        self.places = sequence.places
        """Places before the part."""
        self._sequence, self._mode = sequence, mode
        self._cache: KeyValueCache | None = None
        self._queries: list[NDArray[np.float32]] = []
        self._items = self._write(bounds, Sampler(sampling), TextStream(detokenise))

    def __next__(self) -> WrittenItem:
        return next(self._items)

    def close(self) -> None:
        """Stops writing."""
        self._items.close()

    def attention(self) -> NDArray[np.float32]:
        """How much each item of a text looked at each place before it, ``(layers, heads, items, places)``.

        Raises:
            ValueError: the decoder does not watch, or units were written.
        """
        wide = self._sequence.decoder.wide
        if wide is None or self._mode != "text":
            raise ValueError("attention is told of texts, by a model that watches")
        cache = self._cache or KeyValueCache(self._sequence.decoder.shape)
        return attention(wide, cache, self._queries, self.places)

    def _write(self, bounds: Bounds, draw: Sampler, stream: TextStream) -> Generator[WrittenItem, None, None]:
        sequence, words = self._sequence, self._sequence.vocabulary
        self._cache = sequence.begin(self._mode)
        self.places = sequence.places
        watching = sequence.decoder.watching and self._mode == "text"
        written: list[int] = []
        frames = 0
        while len(written) < bounds.items and frames < bounds.frames and not repeats(written):
            cancellation.check()
            place, value = sequence.choose(self._mode, written[-1] if written else None, draw)
            if words.is_end(place) or (self._mode == "units" and place == words.end):
                self.ended, self.end_log_probability = True, value
                sequence.wait(place)
                return
            if watching:
                self._queries.append(sequence.decoder.last_queries())
            written.append(place)
            if words.is_text(place):
                token = int(words.ids[place])
                sequence.wait(place)
                yield WrittenItem("text", token, stream.add(token), value)
            elif words.is_unit(place):
                duration = min(sequence.step(place), bounds.frames - frames)
                frames += duration
                yield WrittenItem("unit", words.unit(place), "", value, duration)
            else:
                sequence.wait(place)
                yield WrittenItem("begin" if place == words.begin else "end", -1, "", value)
            sequence.settle()
        while (place := sequence.end_of(self._mode)) == words.end and self._mode == "both":
            sequence.wait(place)
        sequence.wait(place)
