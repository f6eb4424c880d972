"""Log-probabilities of a given text, as OpenAI-compatible servers tell them; plain functions of their answers.

Two forms are spoken. *echo*, of the older completions protocol, gives the prompt's tokens back with theirs
(https://platform.openai.com/docs/api-reference/completions; vLLM, llama-cpp-python). ``prompt_logprobs`` is vLLM's own
(https://docs.vllm.ai/en/latest/serving/openai_compatible_server). llama-server and Ollama speak neither: they tell of
generated tokens alone (https://github.com/ggml-org/llama.cpp/issues/27174).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

Form: TypeAlias = Literal["echo", "prompt_logprobs"]

REQUESTS: Final[Mapping[Form, Mapping[str, Any]]] = MappingProxyType(
    {
        "echo": {"max_tokens": 1, "echo": True, "logprobs": 1, "temperature": 0},
        "prompt_logprobs": {"max_tokens": 1, "prompt_logprobs": 0, "temperature": 0},
    }
)
"""Form → what is asked besides model and prompt."""


@dataclass(frozen=True)
class Scored:
    """A text's tokens.

    Attributes:
        tokens: character at which each begins, and its log-probability in nats; None for one that has nothing before.
        begins: whether the model saw a token before the text that begins one, such as ``<bos>``.
    """

    tokens: tuple[tuple[int, float | None], ...]
    begins: bool

    def since(self, place: int) -> tuple[float, int]:
        """Sum and number of the log-probabilities of tokens from a character on."""
        values = [value for at, value in self.tokens if at >= place and value is not None]
        return math.fsum(values), len(values)

    def boundary(self, place: int) -> int:
        """Where the token begins that holds a character, so that one that straddles it is not lost."""
        return max((at for at, _ in self.tokens if at <= place), default=0)


def read(form: Form, answer: Any, text: str, begins: bool | None = None) -> Scored:
    """Reads an answer.

    Args:
        form: how it was asked.
        answer: the server's, as JSON.
        text: that was sent, not empty.
        begins: see :class:`Scored`; None finds it out, which takes a text of plain letters.

    Raises:
        KeyError: it does not hold what the form has.
        IndexError: likewise.
        TypeError: likewise.
        AttributeError: likewise.
        StopIteration: likewise.
        ValueError: likewise, or a log-probability is no finite number.
    """
    choice = answer["choices"][0]
    if form == "prompt_logprobs":
        given = choice["prompt_logprobs"] if "prompt_logprobs" in choice else answer["prompt_logprobs"]
        if given[0] is not None:
            raise ValueError("the first token has something before it")
        rows = [next(iter(row.values())) for row in given[1:]]
        return _placed([str(row["decoded_token"]) for row in rows], [row["logprob"] for row in rows], text, begins)
    pieces, values = choice["logprobs"]["tokens"], choice["logprobs"]["token_logprobs"]
    usage = answer.get("usage")
    written = usage.get("completion_tokens", 1) if isinstance(usage, dict) else 1
    count = len(pieces) - int(written)
    if len(pieces) != len(values) or count < 1 or values[0] is not None:
        raise ValueError("the prompt's tokens are not among those told")
    return _placed([str(piece) for piece in pieces[1:count]], values[1:count], text, begins)


def _placed(pieces: Sequence[str], values: Sequence[Any], text: str, begins: bool | None) -> Scored:
    """Puts tokens but the first, which nothing was told of, where they are in the text.

    The first is one that begins a text if the others are the whole text already.
    """
    length = sum(map(len, pieces))
    if begins is None:
        begins = length >= len(text)
    at = 0 if begins else max(1, len(text) - length)
    tokens: list[tuple[int, float | None]] = [] if begins else [(0, None)]
    for piece, value in zip(pieces, values, strict=True):
        tokens.append((at, _number(value)))
        at += len(piece)
    return Scored(tuple(tokens), begins)


def _number(value: Any) -> float:
    """A log-probability.

    Raises:
        TypeError: it is none.
        ValueError: it is not finite.
    """
    found = float(value)
    if not math.isfinite(found):
        raise ValueError(f"{found} is no log-probability")
    return found
