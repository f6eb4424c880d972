"""A language model behind any OpenAI-compatible server: llama-server, vLLM, Ollama, LM Studio, a provider's.

The protocol: https://platform.openai.com/docs/api-reference/completions and ``…/chat/create``, streamed as server-sent
events. Nothing is sent anywhere but to the address that the user configured.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import httpx

from engines.errors import ServerUnreachable
from engines.runtime import cancellation
from engines.runtime.text_stream import StopFilter

_TIMEOUT = httpx.Timeout(60, connect=5)
_HINT = "Check that the server runs, and its address, model and key in the engine's settings."


class _NotOffered(Exception):  # a signal inside this file
    """The server does not know the path."""


class ServerLM:
    """A remote language model; implements :class:`engines.contract.LanguageModel`.

    Args:
        base_url: the server's address, with or without ``/v1``.
        model: its name for the model; empty takes the first that it lists.
        api_key: sent as a bearer token where it is given.

    Raises:
        ServerUnreachable: the address is no HTTP address.
    """

    def __init__(self, base_url: str, model: str = "", api_key: str = "") -> None:
        url = base_url.strip().rstrip("/")
        if not url.startswith(("http://", "https://")):
            raise ServerUnreachable(f"{base_url!r} is no address of a server.", "Give one like http://localhost:8080.")
        self._url = url if url.endswith("/v1") else f"{url}/v1"
        self._chosen = model
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = httpx.Client(headers=headers, timeout=_TIMEOUT)

    @property
    def name(self) -> str:
        """The model's name on the server, with the server's."""
        return f"{self._chosen or 'default model'} at {httpx.URL(self._url).netloc.decode()}"

    @property
    def provider(self) -> str:
        """Somewhere else."""
        return "server"

    @property
    def precision(self) -> str:
        """Not known here."""
        return ""

    @cached_property
    def _model(self) -> str:
        if self._chosen:
            return self._chosen
        try:
            listed = self._post_or_get("models")["data"]
            return str(listed[0]["id"])
        except (_NotOffered, KeyError, IndexError, TypeError) as error:
            raise ServerUnreachable(f"The server at {self._url} lists no model.", _HINT) from error

    @cached_property
    def can_score(self) -> bool:
        """Whether the server returns log-probabilities of a given text; asked once."""
        try:
            values = self._echo("one two three")
        except ServerUnreachable:
            return False
        return len(values) >= 2

    def score(self, prefix: str, continuations: list[str]) -> list[tuple[float, int]]:
        """Scores continuations one by one; see :meth:`engines.contract.LanguageModel.score`.

        Raises:
            ServerUnreachable: the server does not answer, or does not offer log-probabilities.
            Cancelled: the work was cancelled.
        """
        results = []
        for continuation in continuations:
            cancellation.check()
            scored = [value for offset, value in self._echo(prefix + continuation) if offset >= len(prefix)]
            results.append((sum(scored), len(scored)))
        return results

    def generate(
        self,
        prompt: str,
        *,
        max_tokens: int,
        stop: tuple[str, ...] = (),
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Iterator[str]:
        """Yields pieces of text as the server sends them; see :meth:`engines.contract.LanguageModel.generate`.

        A server that only chats gets the prompt as a message.

        Raises:
            ServerUnreachable: the server does not answer as it should.
            Cancelled: the work was cancelled.
        """
        settings: dict[str, Any] = {"max_tokens": max_tokens, "temperature": temperature, "seed": seed}
        if stop:
            settings["stop"] = list(stop[:4])  # the protocol's limit; the rest is watched for here
        try:
            yield from self._stream("completions", {"prompt": prompt, **settings}, stop)
        except _NotOffered:
            messages = [{"role": "user", "content": prompt}]
            yield from self._chat({"messages": messages, **settings}, stop)

    def chat(
        self, system: str, user: str, *, max_tokens: int, temperature: float = 0.0, seed: int = 0
    ) -> Iterator[str]:
        """As :meth:`generate`, as a conversation."""
        messages = [{"role": "system", "content": system}] if system else []
        messages.append({"role": "user", "content": user})
        settings = {"max_tokens": max_tokens, "temperature": temperature, "seed": seed}
        yield from self._chat({"messages": messages, **settings}, ())

    def _chat(self, body: Mapping[str, Any], stop: tuple[str, ...]) -> Iterator[str]:
        try:
            yield from self._stream("chat/completions", body, stop)
        except _NotOffered as error:
            raise ServerUnreachable(f"The server at {self._url} offers neither completions nor chat.", _HINT) from error

    # --- HTTP ---

    def _stream(self, path: str, body: Mapping[str, Any], stop: tuple[str, ...]) -> Iterator[str]:
        text = StopFilter(stop)
        request = {"model": self._model, "stream": True, **body}
        with self._failures(), self._client.stream("POST", f"{self._url}/{path}", json=request) as response:
            self._check(response)
            for line in response.iter_lines():
                cancellation.check()
                if not line.startswith("data:"):
                    continue
                data = line.removeprefix("data:").strip()
                if data == "[DONE]":
                    break
                piece = text.add(_piece(json.loads(data)))
                if piece:
                    yield piece
                if text.stopped:
                    return
        rest = text.finish()
        if rest:
            yield rest

    def _echo(self, text: str) -> list[tuple[int, float]]:
        """Character offset and log-probability of each token of a text after the first."""
        body = {"model": self._model, "prompt": text, "max_tokens": 1, "echo": True, "logprobs": 1, "temperature": 0}
        try:
            logprobs = self._post_or_get("completions", body)["choices"][0]["logprobs"]
            pairs = zip(logprobs["text_offset"], logprobs["token_logprobs"], strict=True)
            return [(at, float(value)) for at, value in pairs if value is not None and at < len(text)]
        except (_NotOffered, KeyError, IndexError, TypeError, ValueError) as error:
            message = f"The server at {self._url} gives no log-probabilities of a text."
            raise ServerUnreachable(message, "Choose an embedded language model for scoring.") from error

    def _post_or_get(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        with self._failures():
            method = "GET" if body is None else "POST"
            response = self._client.request(method, f"{self._url}/{path}", json=body)
            self._check(response)
            return response.json()

    def _check(self, response: httpx.Response) -> None:
        if response.status_code in (404, 405, 501):
            raise _NotOffered
        if response.is_success:
            return
        response.read()
        reason = _reason(response)
        raise ServerUnreachable(f"The server at {self._url} refused: {reason}.", _HINT)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Turns what can go wrong on the way into one sentence."""
        try:
            yield
        except httpx.TimeoutException as error:
            raise ServerUnreachable(f"The server at {self._url} did not answer in time.", _HINT) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ServerUnreachable(f"The server at {self._url} cannot be reached: {error}.", _HINT) from error
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ServerUnreachable(
                f"The server at {self._url} answers in another language than JSON.", _HINT
            ) from error


def _piece(event: Any) -> str:
    """The text in one event of a stream.

    Raises:
        ServerUnreachable: the event says that something went wrong.
    """
    if not isinstance(event, dict):
        return ""
    if event.get("error"):
        error = event["error"]
        reason = error.get("message", "no reason given") if isinstance(error, dict) else error
        raise ServerUnreachable(f"The server broke off: {reason}.", _HINT)
    choices = event.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        return ""
    delta = choice.get("delta")
    text = delta.get("content") if isinstance(delta, dict) else choice.get("text")
    return text if isinstance(text, str) else ""


def _reason(response: httpx.Response) -> str:
    try:
        error = response.json()["error"]
        text = error["message"] if isinstance(error, dict) else error
    except (ValueError, KeyError, TypeError):
        text = response.reason_phrase
    return f"{response.status_code} {str(text).rstrip('.')[:200]}"
