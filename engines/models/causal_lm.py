"""Gemma 3 and SmolLM2 on ONNX Runtime: scoring, writing, chatting."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from tokenizers import Tokenizer

from engines.errors import BadInput, BadOption, GraphInvalid
from engines.runtime import generation, scoring, sessions
from engines.runtime.decoder import Decoder, Logits
from engines.runtime.generation import Sampling
from engines.runtime.kv_cache import CacheShape, KeyValueCache, PrefixStore, common_prefix
from engines.runtime.text_beam import beam_search
from engines.runtime.text_stream import TextStream

_PREFILL = 512
"""Tokens of a prompt that are computed at once."""

_QUESTIONS = """{system}

Question: What is the largest planet of the solar system?
Answer: The largest planet of the solar system is Jupiter.

Question: How do I get rid of a headache?
Answer: Drink a glass of water, rest in a quiet and dark room, and take a painkiller if it does not get better.

Question: {user}
Answer:"""


class CausalLM:
    """A causal language model with its tokenizer; implements :class:`engines.contract.LanguageModel`.

    Args:
        session: the opened graph of ``export/causal_lm.py``.
        tokenizer: its tokenizer.
        config: what ``config.json`` says.
    """

    def __init__(self, session: ort.InferenceSession, tokenizer: Tokenizer, config: dict[str, Any]) -> None:
        self._config = config
        self._provider = sessions.provider_of(session)
        self._shape = CacheShape(config["layers"], config["kv_heads"], config["head_width"])
        self.decoder = Decoder(session, self._shape, config["width"], config["vocabulary"])
        self.tokenizer = tokenizer
        # What a person says is text, even where it looks like a control token.
        self.tokenizer.encode_special_tokens = True
        self._end = frozenset(config["end"])
        self._prefixes = PrefixStore()

    @classmethod
    def open(cls, folder: Path) -> CausalLM:
        """Opens a graph set.

        Raises:
            GraphInvalid: something in the folder is missing or broken.
        """
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # tokenizers raises bare Exception
            message = f"The language model in {folder.name} cannot be opened: {error}."
            raise GraphInvalid(message, "Run `triptych models verify` to rebuild it.") from error
        return cls(sessions.open_session(folder / "model.onnx"), tokenizer, config)

    @property
    def name(self) -> str:
        """For people, for example ``"Gemma 3 270M"``."""
        return str(self._config["name"])

    @property
    def provider(self) -> str:
        """What it really runs on."""
        return self._provider

    @property
    def precision(self) -> str:
        """Of its weights."""
        return str(self._config["precision"])

    @property
    def can_score(self) -> bool:
        """Always."""
        return True

    @property
    def context(self) -> int:
        """Tokens that prompt and text may have together."""
        return int(self._config["context"])

    # --- scoring ---

    def score(self, prefix: str, continuations: list[str]) -> list[tuple[float, int]]:
        """Scores continuations of one prefix in one batch; the prefix is computed once.

        Where a continuation's first letters merge with the prefix's last into one token, scoring begins before that
        token, for all continuations alike, so that their scores stay comparable.

        Args:
            prefix: the shared context; may be empty.
            continuations: texts that follow it, N of them.

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
        cache = self._computed(before[: shared - 1])
        scores = scoring.score_continuations(self.decoder, cache, [tokens[shared - 1 :] for tokens in texts])
        return [(float(values.sum()), len(values)) for values in scores]

    def score_tokens(self, text: str) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        """The tokens of a text and the log-probability of each in nats.

        Raises:
            BadInput: the text is longer than the context.
        """
        tokens = self._tokens(text)
        self._check_length(len(tokens), 0)
        values = scoring.score_continuations(self.decoder, KeyValueCache(self._shape), [tokens])[0]
        return tuple(self._detokenise([token]) for token in tokens[1:]), values

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

        Raises:
            BadInput: the prompt is longer than the context.
            BadOption: a setting has an impossible value.
            Cancelled: the work was cancelled.
        """
        sampling = Sampling(temperature=temperature, top_k=top_k, top_p=top_p, seed=seed)
        yield from self._write(self._tokens(prompt), max_tokens, stop, sampling)

    def generate_nbest(
        self, prompt: str, n: int, max_tokens: int, stop: tuple[str, ...] = ()
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
        if n < 1:
            raise BadOption(f"{n} texts cannot be written.", "Ask for 1 or more.")
        tokens = self._tokens(prompt)
        cache, logits = self._prefill(tokens, max_tokens)
        written = beam_search(
            self.decoder, cache, logits, beam=n, max_tokens=max_tokens, end=self._end,
            detokenise=self._detokenise, stop=stop,
        )  # fmt: skip
        return [(text.text, text.log_probability, text.count) for text in written]

    def chat(
        self, system: str, user: str, *, max_tokens: int, temperature: float = 0.0, seed: int = 0
    ) -> Iterator[str]:
        """As :meth:`generate`, in the model's own chat format; base models use a plain question-and-answer prompt."""
        sampling = Sampling(temperature=temperature, seed=seed)
        if self._config["chat"] == "chatml":
            yield from self._write(self._chatml(system, user), max_tokens, (), sampling)
            return
        prompt = _QUESTIONS.format(system=system, user=" ".join(user.split())).lstrip()
        stream = self._write(self._tokens(prompt), max_tokens, ("\n", "Question:"), sampling)
        first = True
        for piece in stream:
            text = piece.lstrip() if first else piece
            first = first and not text
            if text:
                yield text

    def _write(self, tokens: list[int], max_tokens: int, stop: Sequence[str], sampling: Sampling) -> Iterator[str]:
        cache, logits = self._prefill(tokens, max_tokens)
        stream = TextStream(self._detokenise, stop)
        written = generation.generate(
            self.decoder, cache, logits, max_tokens=max_tokens, sampling=sampling, end=self._end
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

    # --- tokens and prefixes ---

    def _tokens(self, text: str) -> list[int]:
        """Token ids of a text behind the token that begins one (for SmolLM2 the one that ends the text before)."""
        begin = self._config["begin"]
        return [self._config["end"][0] if begin is None else begin, *self._encode(text)]

    def _encode(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def _detokenise(self, tokens: list[int]) -> str:
        return str(self.tokenizer.decode(tokens, skip_special_tokens=True))

    def _chatml(self, system: str, user: str) -> list[int]:
        start, end = self.tokenizer.token_to_id("<|im_start|>"), self.tokenizer.token_to_id("<|im_end|>")
        tokens: list[int] = []
        for role, text in (("system", system), ("user", user)):
            if text or role == "user":
                tokens += [start, *self._encode(f"{role}\n{text}"), end, *self._encode("\n")]
        return [*tokens, start, *self._encode("assistant\n")]

    def _check_length(self, tokens: int, more: int) -> None:
        if tokens + more > self.context:
            raise BadInput(
                f"The text has {tokens} tokens, more than {self.name} can take ({self.context - more}).",
                "Give it a shorter one.",
            )

    def _prefill(self, tokens: list[int], max_tokens: int) -> tuple[KeyValueCache, Logits]:
        """The cache and the logits after a prompt."""
        if max_tokens < 1:
            raise BadOption(f"A text of {max_tokens} tokens cannot be written.", "Allow 1 or more.")
        self._check_length(len(tokens), max_tokens)
        cache = self._prefixes.begin(tokens, self._shape)
        logits = self._append(cache, tokens[cache.length :])
        self._prefixes.keep(tokens, cache)
        return cache, logits

    def _computed(self, tokens: Sequence[int]) -> KeyValueCache:
        """A cache that holds exactly these tokens."""
        if not tokens:
            return KeyValueCache(self._shape)
        cache = self._prefixes.begin(tokens, self._shape)
        self._append(cache, tokens[cache.length :])
        self._prefixes.keep(tokens, cache)
        return cache

    def _append(self, cache: KeyValueCache, tokens: Sequence[int]) -> Logits:
        logits: Logits = np.zeros((0, 0), np.float32)
        for begin in range(0, len(tokens), _PREFILL):
            logits = self.decoder.advance(cache, np.array([tokens[begin : begin + _PREFILL]], np.int64))
        return logits
