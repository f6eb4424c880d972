"""Gemma 3 and SmolLM2 on ONNX Runtime: scoring, writing, chatting."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from engines.errors import BadOption
from engines.models import chat_prompts
from engines.models.opened_lm import OpenedLM
from engines.runtime import generation, scoring
from engines.runtime.choice import Choice
from engines.runtime.generation import Sampling
from engines.runtime.kv_cache import KeyValueCache, common_prefix
from engines.runtime.lora import Lora
from engines.runtime.prompts import Part, Prompt
from engines.runtime.text_beam import Written, beam_search
from engines.runtime.text_stream import TextStream
from engines.runtime.writing import Writing


class CausalLM(OpenedLM):
    """A causal language model with its tokenizer; implements :class:`engines.contract.LanguageModel`."""

    @property
    def can_score(self) -> bool:
        """Always."""
        return True

    # --- scoring ---

    def score(self, prefix: str, continuations: list[str], *, lora: Lora | None = None) -> list[tuple[float, int]]:
        """Scores continuations of one prefix in one batch; the prefix is computed once.

        Where a continuation's first letters merge with the prefix's last into one token, scoring begins before that
        token, for all continuations alike, so that their scores stay comparable.

        Args:
            prefix: the shared context; may be empty.
            continuations: texts that follow it, N of them.
            lora: adapter to score with.

        Returns:
            For each the sum of token log-probabilities in nats and the number of tokens; an empty text has 0 of both.

        Raises:
            BadInput: a text is longer than the context.
            Cancelled: the work was cancelled.
        """
        if not continuations:
            return []
        before = self._tokens(prefix)
        texts = [self._tokens(prefix + continuation) for continuation in continuations]
        self._check_length(max(map(len, texts)), 0)
        shared = min([common_prefix(before, tokens) for tokens in texts])
        decoder = self.decoder.adapted(lora)
        cache = KeyValueCache(self._shape)
        if shared > 1:
            cache, _ = Prompt(np.array(before[: shared - 1])).compute(decoder, self._all, self._prefixes, lora)
        scores = scoring.score_continuations(decoder, cache, [tokens[shared - 1 :] for tokens in texts])
        return [(float(values.sum()), len(values)) for values in scores]

    def score_tokens(self, text: str, *, lora: Lora | None = None) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        """The tokens of a text and the log-probability of each in nats.

        Raises:
            BadInput: the text is longer than the context.
        """
        tokens = self._tokens(text)
        self._check_length(len(tokens), 0)
        values = scoring.score_continuations(self.decoder.adapted(lora), KeyValueCache(self._shape), [tokens])[0]
        return tuple(self.detokenise([token]) for token in tokens[1:]), values

    # --- writing ---

    def generate(
        self,
        prompt: str,
        *,
        max_tokens: int,
        stop: tuple[str, ...] = (),
        temperature: float = 0.0,
        seed: int = 0,
        top_k: int = 40,
        top_p: float = 0.95,
        lora: Lora | None = None,
    ) -> Iterator[str]:
        """Yields pieces of text as they are decoded; ends before a stop string, which is not yielded.

        A text that runs in circles is ended.

        Args:
            prompt: raw text to continue.
            max_tokens: upper bound of new tokens.
            stop: strings that end the text.
            temperature: 0 decodes greedily.
            seed: for sampling; the same seed gives the same text.
            top_k: draws from that many of the likeliest tokens.
            top_p: draws from the likeliest tokens that have this much probability together.
            lora: adapter to write with.

        Raises:
            BadInput: the prompt is longer than the context.
            BadOption: a setting has an impossible value.
            Cancelled: the work was cancelled.
        """
        sampling = Sampling(temperature=temperature, top_k=top_k, top_p=top_p, seed=seed)
        yield from self._write(self._tokens(prompt), max_tokens, stop, sampling, lora)

    def generate_nbest(
        self, prompt: str, n: int, max_tokens: int, stop: tuple[str, ...] = (), *, lora: Lora | None = None
    ) -> list[tuple[str, float, int]]:
        """The ``n`` best continuations by beam search, best per token first, with unique texts.

        Returns:
            For each its text, the sum of its log-probabilities in nats and the number of tokens summed over (with the
            one that ended it).

        Raises:
            BadInput: the prompt is longer than the context.
            BadOption: a setting has an impossible value.
            Cancelled: the work was cancelled.
        """
        prompt_tokens = Prompt(np.array(self._tokens(prompt)))
        written = self._beam(prompt_tokens, n, self._all, max_tokens, lora, stop)
        return [(text.text, text.log_probability, text.count) for text in written]

    def chat(
        self,
        system: str,
        user: str,
        *,
        max_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
        lora: Lora | None = None,
    ) -> Iterator[str]:
        """As :meth:`generate`, in the model's own chat format; base models use a plain question-and-answer prompt."""
        sampling = Sampling(temperature=temperature, seed=seed)
        if self._config["chat"] == "chatml":
            yield from self._write(
                chat_prompts.chatml(self.tokenizer, self.encode, system, user), max_tokens, (), sampling, lora
            )
            return
        prompt = self._tokens(chat_prompts.questions(system, user))
        stream = self._write(prompt, max_tokens, chat_prompts.QUESTION_STOPS, sampling, lora)
        first = True
        for piece in stream:
            text = piece.lstrip() if first else piece
            first = first and not text
            if text:
                yield text

    def write_from(
        self,
        parts: Sequence[Part],
        *,
        lora: Lora | None = None,
        max_tokens: int,
        allowed: Sequence[int] | NDArray[np.int64] | None = None,
        end: int | Collection[int] | None = None,
        temperature: float = 0.0,
        seed: int = 0,
        attention: bool = False,
    ) -> Writing:
        """Writes what follows tokens and vectors; a text that runs in circles is ended.

        Args:
            parts: token ids, or vectors ``(N, W)`` in the scale of :meth:`embeddings`, one behind the other. Nothing
                is put before them.
            lora: adapter to write with.
            max_tokens: upper bound of new tokens.
            allowed: tokens that may be written beside those of ``end``; None: all. Probabilities are among these.
            end: tokens that end the text; None: the model's own.
            temperature: 0 decodes greedily.
            seed: for sampling.
            attention: whether :meth:`Writing.attention` will be asked for.

        Returns:
            an iterator over the tokens; nothing is computed before the first is asked for.

        Raises:
            BadInput: the input is longer than the context.
            BadOption: a setting has an impossible value.
            GraphInvalid: the adapter is not for this model.
            ValueError: there is nothing to write from, or vectors do not have the model's width.
        """
        prompt = Prompt.of(parts, self.decoder.width)
        self.check_limits(len(prompt.ids), max_tokens)
        choice = self._chosen(allowed, end)
        decoder = self.decoder.adapted(lora, watching=attention)
        return Writing(
            decoder, lambda: prompt.compute(decoder, choice, self._prefixes, lora, max_tokens),
            places=len(prompt.ids), choice=choice, max_tokens=max_tokens, detokenise=self.detokenise,
            sampling=Sampling(temperature=temperature, seed=seed), watching=attention,
        )  # fmt: skip

    def write_nbest_from(
        self,
        parts: Sequence[Part],
        n: int,
        *,
        lora: Lora | None = None,
        max_tokens: int,
        allowed: Sequence[int] | NDArray[np.int64] | None = None,
        end: int | Collection[int] | None = None,
    ) -> list[Written]:
        """The ``n`` best texts by beam search, best per token first; see :meth:`write_from`.

        Raises:
            Cancelled: the work was cancelled.
        """
        return self._beam(Prompt.of(parts, self.decoder.width), n, self._chosen(allowed, end), max_tokens, lora)

    def _beam(
        self, prompt: Prompt, n: int, choice: Choice, max_tokens: int, lora: Lora | None, stop: Sequence[str] = ()
    ) -> list[Written]:
        if n < 1:
            raise BadOption(f"{n} texts cannot be written.", "Ask for 1 or more.")
        self.check_limits(len(prompt.ids), max_tokens)
        decoder = self.decoder.adapted(lora)
        cache, scores = prompt.compute(decoder, choice, self._prefixes, lora)
        return beam_search(
            decoder, cache, scores, beam=n, max_tokens=max_tokens, choice=choice, detokenise=self.detokenise, stop=stop
        )

    def _chosen(self, allowed: Sequence[int] | NDArray[np.int64] | None, end: int | Collection[int] | None) -> Choice:
        """What may be written; the head's rows of the last selection are kept."""
        ends = self._all.end if end is None else frozenset([end] if isinstance(end, int) else end)
        if allowed is None:
            return Choice(None, None, ends)
        ids = np.union1d(np.asarray(allowed, np.int64), np.array(sorted(ends), np.int64))
        key, choice = self._choice
        if key != ids.tobytes() or choice.end != ends:
            if len(ids) == 0 or ids[0] < 0 or ids[-1] >= self.decoder.vocabulary:
                raise ValueError(f"allowed tokens must be from 0 to {self.decoder.vocabulary - 1}")
            self._choice = (ids.tobytes(), Choice(ids, self.embedding.rows(ids), ends))
        return self._choice[1]

    def _write(
        self, tokens: list[int], max_tokens: int, stop: Sequence[str], sampling: Sampling, lora: Lora | None
    ) -> Iterator[str]:
        decoder = self.decoder.adapted(lora)
        self.check_limits(len(tokens), max_tokens)
        cache, logits = Prompt(np.array(tokens)).compute(decoder, self._all, self._prefixes, lora)
        stream = TextStream(self.detokenise, stop)
        written = generation.generate(
            decoder, cache, logits, max_tokens=max_tokens, sampling=sampling, end=self._all.end
        )
        for token in written:
            piece = stream.add(token)
            if piece:
                yield piece
            if stream.stopped:
                return
        rest = stream.finish()
        if rest:
            yield rest
