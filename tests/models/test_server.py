"""The client of OpenAI-compatible servers, against a small server on this machine."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from engines.errors import Cancelled, ServerUnreachable
from engines.models.server import ServerLM
from engines.runtime.cancellation import CancelToken, cancellable


class Handler(BaseHTTPRequestHandler):
    """Answers as the test's ``server.answers`` say: path → (status, body or list of events)."""

    def do_GET(self):
        self._answer(None)

    def do_POST(self):
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, body):
        self.server.seen.append((self.path, body, self.headers.get("Authorization")))
        status, answer = self.server.answers.get(self.path, (404, "{}"))
        if callable(answer):
            status, answer = answer(body)
        self.send_response(status)
        if isinstance(answer, list):
            answer = "".join(f"data: {event}\n\n" for event in answer)
        data = answer.encode()
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.answers, server.seen = {}, []
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def _text(*pieces):
    return [json.dumps({"choices": [{"text": piece}]}) for piece in pieces] + ["[DONE]"]


def _chat(*pieces):
    return [json.dumps({"choices": [{"delta": {"content": piece}}]}) for piece in pieces] + ["[DONE]"]


def test_generates_piece_by_piece(server):
    server.answers["/v1/completions"] = (200, _text("Das", " ist", " gut."))
    model = ServerLM(server.url, "tiny", "secret")
    assert list(model.generate("x", max_tokens=9, temperature=0.5, seed=3, stop=("\n",))) == ["Das", " ist", " gut."]
    path, body, key = server.seen[0]
    assert path == "/v1/completions"
    assert body["model"] == "tiny"
    assert (body["max_tokens"], body["temperature"], body["seed"], body["stop"]) == (9, 0.5, 3, ["\n"])
    assert body["stream"] is True
    assert key == "Bearer secret"


def test_an_address_with_v1_is_taken_as_it_is(server):
    server.answers["/v1/completions"] = (200, _text("ok"))
    assert list(ServerLM(f"{server.url}/v1/", "tiny").generate("x", max_tokens=1)) == ["ok"]


def test_stop_string_cut_across_pieces(server):
    server.answers["/v1/completions"] = (200, _text("one E", "ND two"))
    assert "".join(ServerLM(server.url, "tiny").generate("x", max_tokens=9, stop=("END",))) == "one "


def test_chats(server):
    server.answers["/v1/chat/completions"] = (200, _chat("Hel", "lo"))
    assert "".join(ServerLM(server.url, "tiny").chat("Be kind.", "Hi", max_tokens=5)) == "Hello"
    roles = [message["role"] for message in server.seen[0][1]["messages"]]
    assert roles == ["system", "user"]


def test_a_server_that_only_chats_gets_the_prompt_as_a_message(server):
    server.answers["/v1/chat/completions"] = (200, _chat("yes"))
    assert "".join(ServerLM(server.url, "tiny").generate("prompt", max_tokens=5)) == "yes"
    assert server.seen[-1][1]["messages"] == [{"role": "user", "content": "prompt"}]


def test_the_first_model_is_taken_when_none_is_named(server):
    server.answers["/v1/models"] = (200, json.dumps({"data": [{"id": "first"}, {"id": "second"}]}))
    server.answers["/v1/completions"] = (200, _text("ok"))
    assert list(ServerLM(server.url).generate("x", max_tokens=1)) == ["ok"]
    assert server.seen[-1][1]["model"] == "first"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((401, json.dumps({"error": {"message": "wrong key"}})), "wrong key"),
        ((500, "<html>"), "500"),
        ((200, ["not json"]), "JSON"),
        ((200, [json.dumps({"error": {"message": "out of memory"}})]), "out of memory"),
        ((404, ""), "neither"),
    ],
)
def test_a_refusal_is_one_sentence(server, answer, said):
    server.answers["/v1/chat/completions"] = answer
    with pytest.raises(ServerUnreachable, match=said) as caught:
        list(ServerLM(server.url, "tiny").chat("", "x", max_tokens=3))
    assert caught.value.hint
    assert "\n" not in caught.value.message


def test_nobody_listens():
    with pytest.raises(ServerUnreachable, match="cannot be reached"):
        list(ServerLM("http://127.0.0.1:9", "tiny").generate("x", max_tokens=3))


@pytest.mark.parametrize("address", ["", "localhost", "ftp://localhost", "file:///etc/passwd"])
def test_no_address(address):
    with pytest.raises(ServerUnreachable, match="no address"):
        ServerLM(address)


@pytest.mark.parametrize("listed", ["{}", '{"data": []}', "[]"])
def test_a_server_without_models(server, listed):
    server.answers["/v1/models"] = (200, listed)
    with pytest.raises(ServerUnreachable, match="no model"):
        list(ServerLM(server.url).generate("x", max_tokens=3))


def test_cancel_ends_the_stream(server):
    server.answers["/v1/completions"] = (200, _text(*"abcdef"))
    token = CancelToken()
    with cancellable(token):
        writing = ServerLM(server.url, "tiny").generate("x", max_tokens=9)
        next(writing)
        token.cancel()
        with pytest.raises(Cancelled):
            next(writing)
