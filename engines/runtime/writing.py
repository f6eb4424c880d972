"""Writing from tokens and vectors, token by token, with what each token was worth."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.runtime import cancellation
from engines.runtime.attention import attention
from engines.runtime.choice import Choice
from engines.runtime.decoder import Decoder, Logits
from engines.runtime.generation import Sampler, Sampling, repeats
from engines.runtime.kv_cache import KeyValueCache
from engines.runtime.text_stream import Detokenise, TextStream

Start = Callable[[], tuple[KeyValueCache, Logits]]


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


class Writing(Iterator[WrittenToken]):
    """A text on its way; iterate over it for its tokens.

    It ends at a token that ends texts, at the limit, or when it runs in circles.

    Args:
        decoder: the model, watching if attention will be asked for.
        start: computes the prompt and returns its cache and the scores of the first token ``(1, A)``. It is called
            when the first token is asked for.
        places: P, places of the input.
        choice: what may be written.
        max_tokens: upper bound.
        sampling: how tokens are drawn.
        detokenise: text of tokens.
    """

    def __init__(
        self,
        decoder: Decoder,
        start: Start,
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
        start: Start,
        choice: Choice,
        max_tokens: int,
        draw: Sampler,
        stream: TextStream,
    ) -> Generator[WrittenToken, None, None]:
        self._cache, scores = start()
        written: list[int] = []
        step = np.zeros((1, 1), np.int64)
        for count in range(max_tokens):
            cancellation.check()
            place = draw(scores[0])
            value = log_probability(scores[0], place)
            token = choice.token(place)
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
            scores = choice.scores(self._decoder, self._cache, step)


def log_probability(scores: NDArray[np.float32], place: int) -> float:
    """Natural logarithm of the softmax of ``(V,)`` at one place."""
    peak = scores.max()
    return float(scores[place] - peak - np.log(np.exp(scores - peak).sum(dtype=np.float64)))
