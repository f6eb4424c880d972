"""Writing from tokens and vectors, token by token, with what each token was worth."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.runtime import cancellation
from engines.runtime.attention import attention
from engines.runtime.decoder import Decoder
from engines.runtime.generation import Sampler, Sampling, repeats
from engines.runtime.kv_cache import KeyValueCache
from engines.runtime.text_stream import Detokenise, TextStream

Part = Sequence[int] | NDArray[np.integer] | NDArray[np.floating]
"""Token ids, or vectors ``(N, W)`` in the scale of the graph's ``inputs_embeds``."""


@dataclass(frozen=True)
class WrittenToken:
    """One token of a text.

    Attributes:
        id: in the model's vocabulary.
        text: what it adds to the text; may be empty where a character is not whole yet.
        log_probability: natural logarithm, among the tokens that were allowed.
    """

    id: int
    text: str
    log_probability: float


@dataclass(frozen=True)
class Choice:
    """What may be written: some tokens of the vocabulary and their rows of the head, or all.

    Attributes:
        ids: ``(A,)`` ascending, or None for all.
        head: ``(A, W)``, the head's rows of them; None with all.
        end: tokens that end the text.
    """

    ids: NDArray[np.int64] | None
    head: NDArray[np.float32] | None
    end: frozenset[int]


@dataclass(frozen=True)
class Sequenced:
    """Tokens and vectors as one sequence.

    Attributes:
        ids: ``(P,)``, -1 where a vector stands.
        embeds: ``(P, W)``, zeros where a token stands; None without vectors.
    """

    ids: NDArray[np.int64]
    embeds: NDArray[np.float32] | None

    @classmethod
    def of(cls, parts: Sequence[Part], width: int) -> Sequenced:
        """Puts parts one behind the other.

        Raises:
            ValueError: a vector has another width or is not finite, or there is nothing at all.
        """
        ids: list[NDArray[np.int64]] = []
        embeds: list[NDArray[np.float32]] = []
        given = False
        for part in parts:
            array = np.asarray(part)
            if array.ndim == 2:
                if array.shape[1] != width or not np.isfinite(array).all():
                    raise ValueError(f"vectors must be {width} finite numbers wide, these are {array.shape[1]}")
                given = given or len(array) > 0
                ids.append(np.full(len(array), -1, np.int64))
                embeds.append(array.astype(np.float32))
            else:
                ids.append(array.astype(np.int64).reshape(-1))
                embeds.append(np.zeros((array.size, width), np.float32))
        if not sum(map(len, ids)):
            raise ValueError("there is nothing to write from")
        return cls(np.concatenate(ids), np.concatenate(embeds) if given else None)


class Writing(Iterator[WrittenToken]):
    """A text on its way; iterate over it for its tokens.

    It ends at a token that ends texts, at the limit, or when it runs in circles.

    Args:
        decoder: the model, watching if attention will be asked for.
        start: computes the input and returns the cache and the first state: logits ``(V,)``, or with a choice of
            tokens the hidden state ``(W,)``. It is called at the first token.
        places: P, places of the input.
        choice: what may be written.
        max_tokens: upper bound.
        sampling: how tokens are drawn.
        detokenise: text of tokens.
    """

    def __init__(
        self,
        decoder: Decoder,
        start: Callable[[], tuple[KeyValueCache, NDArray[np.float32]]],
        *,
        places: int,
        choice: Choice,
        max_tokens: int,
        sampling: Sampling,
        detokenise: Detokenise,
        watching: bool,
    ) -> None:
        self.places = places
        self.ended = False
        """Whether the text came to its end by itself."""
        self.end_log_probability = 0.0
        """Of the token that ended it, natural logarithm; 0 where none did."""
        self._decoder = decoder
        self._cache: KeyValueCache | None = None
        self._queries: list[NDArray[np.float32]] = []
        self._watching = watching
        self._tokens = self._write(start, choice, max_tokens, Sampler(sampling), TextStream(detokenise))

    def __next__(self) -> WrittenToken:
        return next(self._tokens)

    def close(self) -> None:
        """Stops writing."""
        self._tokens.close()

    def attention(self) -> NDArray[np.float32]:
        """How much each token looked at each place of the input, ``(layers, heads, tokens, places)``.

        For the layers that see everything; see :func:`engines.runtime.attention.attention`.

        Raises:
            ValueError: it was not asked for when writing began, or the model cannot tell.
        """
        if not self._watching or self._decoder.wide is None:
            raise ValueError("attention must be asked for when writing begins")
        cache = self._cache or KeyValueCache(self._decoder.shape)
        return attention(self._decoder.wide, cache, self._queries, self.places)

    def _write(
        self,
        start: Callable[[], tuple[KeyValueCache, NDArray[np.float32]]],
        choice: Choice,
        max_tokens: int,
        draw: Sampler,
        stream: TextStream,
    ) -> Generator[WrittenToken, None, None]:
        self._cache, state = start()
        written: list[int] = []
        step = np.zeros((1, 1), np.int64)
        for count in range(max_tokens):
            cancellation.check()
            scores = state if choice.head is None else choice.head @ state
            place = draw(scores)
            value = log_probability(scores, place)
            token = place if choice.ids is None else int(choice.ids[place])
            if token in choice.end:
                self.ended, self.end_log_probability = True, value
                return
            if self._watching:
                self._queries.append(self._decoder.last_queries())
            written.append(token)
            yield WrittenToken(token, stream.add(token), value)
            if repeats(written) or count == max_tokens - 1:
                return
            step[0, 0] = token
            if choice.head is None:
                state = self._decoder.advance(self._cache, step)[0]
            else:
                state = self._decoder.hidden(self._cache, step)[0, -1]


def log_probability(scores: NDArray[np.float32], place: int) -> float:
    """Natural logarithm of the softmax of ``(V,)`` at one place."""
    peak = scores.max()
    return float(scores[place] - peak - np.log(np.exp(scores - peak).sum(dtype=np.float64)))
