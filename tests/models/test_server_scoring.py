"""Scores from OpenAI-compatible servers: the forms they are told in, what goes wrong, and parity with our own Gemma."""

from __future__ import annotations

import copy
import json

import pytest

from engines import catalog
from engines.audio.samples import list_samples, load_sample
from engines.contract import Finished, Request
from engines.errors import ServerUnreachable
from engines.models.causal_lm import CausalLM
from engines.models.components import Components
from engines.models.server import ServerLM
from engines.models.server_scoring import read
from engines.stages import texts
from engines.text import rescoring
from engines.weights import graphs
from tests.models.test_server import server

__all__ = ["server"]


def speaking(form, *, begin="", tokens=None, bad=None):
    """A server's completions: tokens are words with the space before them, each a tenth of its length unlikely."""

    def told(text):
        if tokens is not None:
            return tokens(text)
        words = text.replace(" ", "\x00 ").split("\x00") if text else []
        return words, [-len(word) / 10 for word in words]

    def answer(body):
        pieces, values = told(body["prompt"])
        if bad is not None:
            values = [bad for _ in values]
        first = [begin] if begin else []
        values = [None, *values] if begin else [None, *values[1:]]
        pieces = first + list(pieces)
        choice = {"text": body["prompt"] + "x", "logprobs": None}
        if form == "echo" and body.get("echo"):
            choice["logprobs"] = {"tokens": [*pieces, "x"], "token_logprobs": [*values, -9.0]}
        if form == "prompt_logprobs" and "prompt_logprobs" in body:
            rows = [{"7": {"logprob": v, "rank": 1, "decoded_token": p}} for p, v in zip(pieces, values, strict=True)]
            choice["prompt_logprobs"] = [None, *rows[1:]]
        if body.get("echo") and form == "refuses":
            return 400, json.dumps({"error": {"message": "Only no echo is supported"}})
        usage = {"prompt_tokens": len(pieces), "completion_tokens": 1}
        return 200, json.dumps({"choices": [choice], "usage": usage})

    return 200, answer


@pytest.mark.parametrize("form", ["echo", "prompt_logprobs"])
@pytest.mark.parametrize("begin", ["", "<bos>"])
def test_every_token_of_a_text_counts(server, form, begin):
    server.answers["/v1/completions"] = speaking(form, begin=begin)
    model = ServerLM(server.url, "tiny")
    assert model.can_score
    (long, count), (short, one), empty = model.score("", ["one three", "one", ""])
    # Where nothing stands before a text, a line break does, and is part of the first word here.
    expected = [(-0.9, 2), (-0.3, 1)] if begin else [(-0.6, 1), (0.0, 0)]
    assert (pytest.approx(long), count) == expected[0]
    assert (pytest.approx(short), one) == expected[1]
    assert empty == (0.0, 0)
    assert model.score("one", [" two red"]) == [(pytest.approx(-0.8), 2)]


def test_a_line_break_stands_before_texts_where_the_model_puts_nothing(server):
    def tokens(text):
        pieces = list(text)
        return pieces, [-1.0] * len(pieces)

    server.answers["/v1/completions"] = speaking("echo", tokens=tokens)
    assert ServerLM(server.url, "tiny").score("", ["abc", "ñé"]) == [(-3.0, 3), (-2.0, 2)]
    assert server.seen[-1][1]["prompt"] == "\nñé"


def test_a_token_across_the_border_is_not_lost(server):
    def tokens(text):
        pieces = {"ab cd": ["ab", " cd"], "ab ce": ["ab", " c", "e"]}.get(text, text.split(" "))
        return pieces, [-float(len(piece)) for piece in pieces]

    server.answers["/v1/completions"] = speaking("echo", begin="<s>", tokens=tokens)
    assert ServerLM(server.url, "tiny").score("ab c", ["d", "e"]) == [(-3.0, 1), (-3.0, 2)]


@pytest.mark.parametrize("form", ["nothing", "refuses"])
def test_cannot_score_where_nothing_is_told(server, form):
    server.answers["/v1/completions"] = speaking(form)
    model = ServerLM(server.url, "tiny")
    assert not model.can_score
    with pytest.raises(ServerUnreachable, match="gives no log-probabilities"):
        model.score("a", ["b"])


@pytest.mark.parametrize("bad", [float("nan"), float("-inf"), "much", None])
@pytest.mark.parametrize("form", ["echo", "prompt_logprobs"])
def test_what_is_no_number_is_no_score(server, form, bad):
    server.answers["/v1/completions"] = speaking(form, begin="<bos>")
    model = ServerLM(server.url, "tiny")
    assert model.can_score
    server.answers["/v1/completions"] = speaking(form, begin="<bos>", bad=bad if bad is not None else [])
    with pytest.raises(ServerUnreachable, match="no log-probabilities"):
        model.score("", ["one"])


def test_a_server_that_was_away_is_asked_again(server):
    model = ServerLM(server.url, "tiny")
    server.answers["/v1/completions"] = (503, json.dumps({"error": {"message": "Loading model"}}))
    with pytest.raises(ServerUnreachable, match="Loading model") as caught:
        assert model.can_score
    assert type(copy.copy(caught.value)) is ServerUnreachable  # as it crosses process borders
    assert caught.value.kind == "ServerUnreachable"
    server.answers["/v1/completions"] = speaking("echo", begin="<bos>")
    assert model.can_score


def test_another_default_model_is_another_name(server):
    server.answers["/v1/completions"] = speaking("echo", begin="<bos>")
    model = ServerLM(server.url)
    server.answers["/v1/models"] = (200, json.dumps({"data": [{"id": "first"}]}))
    assert model.can_score
    assert model.name.startswith("first at 127.0.0.1")
    server.answers["/v1/models"] = (200, json.dumps({"data": [{"id": "second"}]}))
    assert model.can_score
    assert model.name.startswith("second at 127.0.0.1")


@pytest.mark.parametrize(
    ("address", "away"),
    [
        ("http://localhost:1", False), ("http://127.0.0.9:1", False), ("http://[::1]:1", False),
        ("http://192.168.1.2:1", True), ("https://models.example.org/v1", True), ("http://localhost.example.org", True),
    ],
)  # fmt: skip
def test_text_that_leaves_the_machine_is_told(address, away):
    note = ServerLM(address, "tiny").note
    assert bool(note) == away
    assert "\n" not in note
    parts = {"language model": ServerLM(address, "tiny")}
    assert texts.result(parts, language="en", notes=("Odd.",)).notes == (("Odd.", note) if away else ("Odd.",))


def test_rescoring_offers_a_server():
    offered = catalog.default().describe("rescoring")
    assert "server" in offered.options["llm"].choices
    assert {"server_url", "server_model", "server_key"} <= set(offered.options)


def test_the_first_token_told_is_not_taken_for_one_with_nothing_before():
    rows = [{"1": {"logprob": -1.0, "decoded_token": "a"}}] * 2
    with pytest.raises(ValueError, match="something before"):
        read("prompt_logprobs", {"choices": [{"prompt_logprobs": rows}]}, "aa")


@pytest.fixture(scope="module")
def gemma(model_home):
    from export.prepare import prepare

    for _ in prepare(["gemma-3-270m"]):
        pass
    return CausalLM.open(graphs.locate("gemma-3-270m"))


@pytest.mark.parametrize("form", ["echo", "prompt_logprobs"])
def test_our_own_gemma_scores_alike_behind_a_server(server, form, gemma):
    def tokens(text):
        pieces, values = gemma.score_tokens(text)
        return list(pieces), [float(value) for value in values]

    server.answers["/v1/completions"] = speaking(form, begin="<bos>", tokens=tokens)
    model = ServerLM(server.url, "gemma")
    said = ["Ever tried. Ever failed.", "¿Dónde está la estación?", "I scream", "Eye scream"]
    ours, theirs = gemma.score("", said), model.score("", said)
    assert [count for _, count in theirs] == [count for _, count in ours]
    assert [value for value, _ in theirs] == pytest.approx([value for value, _ in ours], rel=1e-3, abs=1e-2)
    # Embedded, a prefix is computed once and apart, which moves numbers a little where activations are of eight bits.
    ours, theirs = gemma.score("Hello wor", ["ld", "k"]), model.score("Hello wor", ["ld", "k"])
    assert [count for _, count in theirs] == [count for _, count in ours]
    assert [value for value, _ in theirs] == pytest.approx([value for value, _ in ours], rel=0.03)


def test_rescoring_chooses_alike_through_a_server(server, gemma):
    def tokens(text):
        pieces, values = gemma.score_tokens(text)
        return list(pieces), [float(value) for value in values]

    server.answers["/v1/completions"] = speaking("prompt_logprobs", begin="<bos>", tokens=tokens)
    utterance, components = load_sample(list_samples()[0].id), Components()
    through = {"llm": "server", "server_url": server.url, "server_model": "gemma"}
    found = []
    for options in ({"llm": "gemma-3-270m"}, through):
        *_, last = rescoring.build(components).run(Request(utterance, options=options))
        assert isinstance(last, Finished)
        found.append(last.result)
    assert found[0].transcript == found[1].transcript
    assert (found[1].provider, found[1].notes) == ("CPU+server", found[0].notes)
    assert found[1].components["language model"].startswith("gemma at 127.0.0.1")
