"""How a question is put to a model that only continues text."""

from __future__ import annotations

from collections.abc import Callable

from tokenizers import Tokenizer

_QUESTIONS = """{system}

Question: What is the largest planet of the solar system?
Answer: The largest planet of the solar system is Jupiter.

Question: How do I get rid of a headache?
Answer: Drink a glass of water, rest in a quiet and dark room, and take a painkiller if it does not get better.

Question: {user}
Answer:"""

QUESTION_STOPS = ("\n", "Question:")
"""What ends an answer of a base model."""


def questions(system: str, user: str) -> str:
    """A prompt for a base model: two questions with answers, then this one."""
    return _QUESTIONS.format(system=system, user=" ".join(user.split())).lstrip()


def chatml(tokenizer: Tokenizer, encode: Callable[[str], list[int]], system: str, user: str) -> list[int]:
    """Tokens of the format that SmolLM2 was tuned on.

    Args:
        tokenizer: knows the control tokens.
        encode: tokens of plain text.
        system: how to answer; may be empty.
        user: the question.
    """
    start, end = tokenizer.token_to_id("<|im_start|>"), tokenizer.token_to_id("<|im_end|>")
    tokens: list[int] = []
    for role, text in (("system", system), ("user", user)):
        if text or role == "user":
            tokens += [start, *encode(f"{role}\n{text}"), end, *encode("\n")]
    return [*tokens, start, *encode("assistant\n")]
