"""Beam search of decoder-only models over one broadcast prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engines.runtime import cancellation
from engines.runtime.choice import Choice
from engines.runtime.decoder import Decoder, Logits
from engines.runtime.generation import repeats
from engines.runtime.kv_cache import KeyValueCache
from engines.runtime.text_stream import Detokenise, first_stop


@dataclass(frozen=True)
class Written:
    """One text of a beam.

    Attributes:
        tokens: what was written, without the token that ended it.
        text: those tokens as text, up to the stop string.
        log_probability: in nats, summed over the tokens and the end.
        count: number of tokens it sums over.
    """

    tokens: tuple[int, ...]
    text: str
    log_probability: float
    count: int

    @property
    def rank(self) -> float:
        """Log-probability per token, by which texts of different lengths are compared."""
        return self.log_probability / max(1, self.count)


def beam_search(
    decoder: Decoder,
    cache: KeyValueCache,
    logits: Logits,
    *,
    beam: int,
    max_tokens: int,
    choice: Choice,
    detokenise: Detokenise,
    stop: Sequence[str] = (),
) -> list[Written]:
    """Writes the ``beam`` likeliest texts, best first, with unique texts.

    The prompt's cache is computed once and broadcast; when beams change places only what they wrote is copied.

    Args:
        decoder: the model.
        cache: holds the prompt.
        logits: ``(1, A)``, scores of what may come after it.
        beam: texts that are pursued.
        max_tokens: upper bound of new tokens.
        choice: what may be written.
        detokenise: text of tokens.
        stop: strings that end a text.

    Raises:
        Cancelled: the work was cancelled.
    """
    start = cache.length
    first = log_softmax(logits[:1].copy())[0]
    live: list[tuple[tuple[int, ...], float]] = [((), 0.0)]
    scores = first[None]
    many: KeyValueCache | None = None
    done: list[Written] = []
    for _ in range(max_tokens):
        cancellation.check()
        width = scores.shape[1]
        totals = scores + np.array([score for _, score in live], np.float32)[:, None]
        count = min(2 * beam, totals.size)
        places = np.argpartition(totals.ravel(), -count)[-count:]
        places = places[np.argsort(-totals.ravel()[places])]
        kept: list[tuple[int, tuple[int, ...], float]] = []
        for place in places:
            row, column = divmod(int(place), width)
            tokens, score, token = live[row][0], float(totals[row, column]), choice.token(column)
            text = detokenise([*tokens, token])
            cut = first_stop(text, stop)
            if token in choice.end or cut is not None:
                ended = _whole(detokenise(list(tokens))) if cut is None else text[:cut]
                done.append(Written(tokens, ended, score, len(tokens) + 1))
            elif len(kept) < beam and not repeats((*tokens, token)):
                kept.append((row, (*tokens, token), score))
        done.sort(key=lambda written: -written.rank)
        if not kept or (len({w.text for w in done}) >= beam and _settled(done, kept, beam)):
            break
        live = [(tokens, score) for _, tokens, score in kept]
        rows = [row for row, _, _ in kept]
        if many is None:
            many = cache.taken(start, len(kept), start + min(max_tokens, 128))
        elif len(rows) == many.batch:
            many.reorder(rows, start)
        else:
            many = _narrowed(many, rows)
        ids = np.array([[tokens[-1]] for tokens, _ in live], np.int64)
        scores = log_softmax(choice.scores(decoder, many, ids))
    else:
        done += [Written(tokens, _whole(detokenise(list(tokens))), score, len(tokens)) for tokens, score in live]
    done.sort(key=lambda written: -written.rank)
    unique: dict[str, Written] = {}
    for written in done:
        unique.setdefault(written.text, written)
    return list(unique.values())[:beam]


def _whole(text: str) -> str:
    """Without a character at the end that never became whole."""
    return text.rstrip("\ufffd")


def _settled(done: list[Written], kept: list[tuple[int, tuple[int, ...], float]], beam: int) -> bool:
    """Whether no live beam is better per token than the worst text that would be returned."""
    return max(score / len(tokens) for _, tokens, score in kept) <= done[min(beam, len(done)) - 1].rank


def _narrowed(cache: KeyValueCache, rows: Sequence[int]) -> KeyValueCache:
    """A cache of other width whose sequence ``i`` continues ``rows[i]``."""
    other = KeyValueCache(cache.shape, len(rows), cache.capacity)
    for new, old in zip(other.arrays, cache.arrays, strict=True):
        new[:, :, : cache.length] = old[list(rows), :, : cache.length]
    other.length = cache.length
    return other


def log_softmax(logits: Logits) -> Logits:
    """Log-probabilities along the last axis, computed in place."""
    logits -= logits.max(axis=-1, keepdims=True)
    logits -= np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    return logits
