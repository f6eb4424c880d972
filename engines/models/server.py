"""A language model behind any OpenAI-compatible server: llama-server, vLLM, Ollama, LM Studio, a provider's.

The protocol: https://platform.openai.com/docs/api-reference/completions and ``…/chat/create``, streamed as server-sent
events. Nothing is sent anywhere but to the address that the user configured.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from engines.errors import ServerUnreachable
from engines.models import server_scoring
from engines.models.server_answers import HINT, NotOffered, Refused, piece_of, reason_of
from engines.runtime import cancellation
from engines.runtime.text_stream import StopFilter

_TIMEOUT = httpx.Timeout(60, connect=5)
_PROBE = "one two three"


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
        self._listed = ""
        self._forms: dict[str, tuple[server_scoring.Form, bool] | None] = {}
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = httpx.Client(headers=headers, timeout=_TIMEOUT)

    @property
    def name(self) -> str:
        """The model's name on the server, with the server's; without one, that of the model it listed last."""
        address = httpx.URL(self._url)
        path = address.path.removesuffix("/v1")
        return f"{self._chosen or self._listed or 'default model'} at {address.netloc.decode()}{path}"

    @property
    def note(self) -> str:
        """A sentence for who did not mean to send text away; empty where the server is on this machine."""
        host = httpx.URL(self._url).host
        try:
            here = ipaddress.ip_address(host).is_loopback
        except ValueError:
            here = host == "localhost" or host.endswith(".localhost")
        return "" if here else f"What was said left this machine as text: it was sent to {host}."

    @property
    def provider(self) -> str:
        """Somewhere else."""
        return "server"

    @property
    def precision(self) -> str:
        """Not known here."""
        return ""

    @property
    def _model(self) -> str:
        return self._chosen or self._listed or self._list()

    def _list(self) -> str:
        """The first model that the server lists; asked anew for every run that scores, since servers change models."""
        try:
            self._listed = str(self._post_or_get("models")["data"][0]["id"])
        except (NotOffered, KeyError, IndexError, TypeError) as error:
            raise ServerUnreachable(f"The server at {self._url} lists no model.", HINT) from error
        return self._listed

    @property
    def can_score(self) -> bool:
        """Whether the server returns log-probabilities of a given text; asked once per model.

        Raises:
            ServerUnreachable: it does not answer, so that nothing is known.
            Cancelled: the work was cancelled.
        """
        if not self._chosen:
            self._list()
        return self._form() is not None

    def _form(self) -> tuple[server_scoring.Form, bool] | None:
        """How log-probabilities are told, and whether the model sees a token that begins a text; None: not at all."""
        if self._model not in self._forms:
            found = None
            for form in server_scoring.REQUESTS:
                scored = self._scored(form, _PROBE)
                if scored is not None and len(scored.tokens) > 1:
                    found = form, scored.begins
                    break
            self._forms[self._model] = found
        return self._forms[self._model]

    def score(self, prefix: str, continuations: list[str]) -> list[tuple[float, int]]:
        """Scores continuations one by one; see :meth:`engines.contract.LanguageModel.score`.

        Every token of a continuation counts, as with embedded models: where the model sees nothing before a text, an
        empty prefix is a line break, the same for all. Where a continuation's first letters merge with the prefix's
        last into one token, scoring begins before it, for all alike.

        Raises:
            ServerUnreachable: the server does not answer, or does not offer log-probabilities.
            Cancelled: the work was cancelled.
        """
        known = self._form()
        if known is None:
            raise self._silent()
        form, begins = known
        before = prefix if prefix or begins else "\n"
        found = []
        for continuation in continuations:
            scored = self._scored(form, before + continuation, begins) if continuation else None
            if continuation and scored is None:
                raise self._silent()
            found.append(scored)
        start = min((one.boundary(len(before)) for one in found if one is not None), default=0)
        return [(0.0, 0) if one is None else one.since(start) for one in found]

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
        except NotOffered:
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
        except NotOffered as error:
            raise ServerUnreachable(f"The server at {self._url} offers neither completions nor chat.", HINT) from error

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
                piece = text.add(piece_of(json.loads(data)))
                if piece:
                    yield piece
                if text.stopped:
                    return
        rest = text.finish()
        if rest:
            yield rest

    def _silent(self) -> ServerUnreachable:
        return ServerUnreachable(
            f"The server at {self._url} gives no log-probabilities of a text.",
            "Use one that does, such as vLLM, or choose an embedded language model for scoring.",
        )

    def _scored(self, form: server_scoring.Form, text: str, begins: bool | None = None) -> server_scoring.Scored | None:
        """A text's log-probabilities; None where the server does not tell them in this form."""
        cancellation.check()
        body = {"model": self._model, "prompt": text, **server_scoring.REQUESTS[form]}
        try:
            return server_scoring.read(form, self._post_or_get("completions", body), text, begins)
        except (NotOffered, KeyError, IndexError, TypeError, AttributeError, StopIteration, ValueError):
            return None
        except Refused as error:
            if begins is None and error.means_unknown:
                return None
            raise

    def _post_or_get(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        with self._failures():
            method = "GET" if body is None else "POST"
            response = self._client.request(method, f"{self._url}/{path}", json=body)
            self._check(response)
            return response.json()

    def _check(self, response: httpx.Response) -> None:
        if response.status_code in (404, 405, 501):
            raise NotOffered
        if response.is_success:
            return
        response.read()
        reason = reason_of(response)
        raise Refused(f"The server at {self._url} refused: {reason}.", response.status_code)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Turns what can go wrong on the way into one sentence."""
        try:
            yield
        except httpx.TimeoutException as error:
            raise ServerUnreachable(f"The server at {self._url} did not answer in time.", HINT) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ServerUnreachable(f"The server at {self._url} cannot be reached: {error}.", HINT) from error
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ServerUnreachable(
                f"The server at {self._url} answers in another language than JSON.", HINT
            ) from error
