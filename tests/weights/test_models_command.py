"""``triptych models``."""

from __future__ import annotations

import argparse
import io
import json
import sys

import pytest

from app.commands import models
from app.commands.progress import ProgressLine
from engines.contract import Preparing
from engines.errors import Cancelled
from engines.weights import licences, manifest
from engines.weights.store import WeightStore
from export import prepare
from tests.weights.conftest import BIG, SMALL, TOY_FILES, catalogue_of


@pytest.fixture
def command(monkeypatch):
    """Runs the subcommand on the toy model; returns the exit code."""

    def run(*words, licence="mit"):
        monkeypatch.setattr(manifest, "load", lambda: catalogue_of(TOY_FILES, licence))
        parser = argparse.ArgumentParser()
        models.add_parser(parser.add_subparsers())
        return models.run(parser.parse_args(["models", *words]))

    return run


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_list_shows_every_model_of_the_product(capsys):
    parser = argparse.ArgumentParser()
    models.add_parser(parser.add_subparsers())
    assert models.run(parser.parse_args(["models", "list"])) == 0
    out = capsys.readouterr().out
    assert all(model.id in out for model in manifest.load().models)
    assert "to be accepted" in out


def test_list_as_json(command, index, capsys):
    assert command("fetch", "toy") == 0
    capsys.readouterr()
    assert command("list", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == 1
    (toy,) = document["models"]
    assert (toy["id"], toy["state"], toy["ready"], toy["size_bytes"]) == ("toy", "installed", True, len(BIG + SMALL))


def test_fetch_verify_remove(command, index, capsys):
    assert command("verify") == 1
    assert "No model is installed" in capsys.readouterr().err
    assert command("fetch", "--all") == 0
    streams = capsys.readouterr()
    assert streams.out == ""
    assert streams.err == "Fetching Toy …\nToy is ready.\n"
    assert command("verify") == 0
    assert command("verify", "toy") == 0
    assert command("remove", "toy") == 0
    assert "2 MB freed" in capsys.readouterr().out
    assert command("list") == 0
    assert "missing" in capsys.readouterr().out


def test_verify_says_what_is_damaged(command, index, capsys):
    command("fetch", "toy")
    (WeightStore().path("toy") / "model.bin").write_bytes(b"x" * len(BIG))
    assert command("verify") == 1
    assert "model.bin of Toy was damaged" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fetch"], "Name the models to fetch, or give --all."),
        (["fetch", "toy", "--all"], "Name the models to fetch, or give --all."),
        (["fetch", "nope"], "There is no model called 'nope'."),
        (["verify", "nope"], "There is no model called 'nope'."),
        (["remove", "toy", "nope"], "There is no model called 'nope'."),
        (["fetch", "toy", "--from", "/no/such/folder"], "/no/such/folder is no folder."),
        (["fetch", "toy", "--accept-licence", "nope"], "There is no licence called 'nope'."),
    ],
)
def test_impossible_requests_exit_with_2(command, capsys, words, message):
    assert command(*words) == 2
    assert capsys.readouterr().err.startswith(message)


def test_offline_and_missing_exits_with_1(command, index, capsys):
    assert command("fetch", "toy", "--offline") == 1
    assert "Toy is not on this machine" in capsys.readouterr().err


def test_a_folder_is_looked_into(command, index, tmp_path):
    (tmp_path / "model.bin").write_bytes(BIG)
    (tmp_path / "vocab.json").write_bytes(SMALL)
    assert command("fetch", "toy", "--offline", "--from", str(tmp_path)) == 0


def test_terms_are_not_accepted_by_silence(command, index, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert command("fetch", "toy", licence="strict") == 1
    assert "--accept-licence strict" in capsys.readouterr().err
    assert index.asked == []


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("YES\n", 0), ("n\n", 1), ("\n", 1), ("", 1)])
def test_terms_are_shown_and_asked_for_on_a_terminal(command, index, monkeypatch, capsys, answer, code):
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    assert command("fetch", "toy", licence="strict") == code
    shown = capsys.readouterr().err
    assert "Do you accept the Strict Terms (https://example.org/strict)? [y/N]" in shown
    assert "Prohibited Use Policy" in shown
    assert licences.licence_state("toy").accepted is (code == 0)


def test_terms_are_accepted_by_name(command, index):
    assert command("fetch", "--all", "--accept-licence", "strict", licence="strict") == 0
    assert licences.licence_state("toy").accepted_at is not None


def test_a_home_that_cannot_be_used_is_one_line(command, monkeypatch, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("TRIPTYCH_HOME", str(tmp_path / "file"))
    assert command("list") == 1
    assert capsys.readouterr().err.endswith("cannot be used: Not a directory.\n")


def test_interrupting_is_not_a_traceback(command, index, monkeypatch, capsys):
    def interrupted(*_args, **_options):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(prepare, "prepare", interrupted)
    assert command("fetch", "toy") == 1
    assert "goes on from here" in capsys.readouterr().err


def test_one_failure_does_not_keep_the_others_from_it(capsys):
    done = []

    def action(model_id):
        if model_id == "bad":
            raise Cancelled("No.", "Try again.")
        done.append(model_id)

    assert models._each(["one", "bad", "two"], action) == 1
    assert done == ["one", "two"]
    assert capsys.readouterr().err == "No. Try again.\n"


def test_a_terminal_gets_one_line_that_is_redrawn_and_cleared(monkeypatch):
    stream = Terminal()
    with ProgressLine(stream) as line:
        line.show(Preparing("Fetching Toy", 500_000, 2_000_000))
        line.show(Preparing("Fetching Toy", 600_000, 2_000_000))
        line.show(Preparing("Preparing Toy to run", 0, None, "steps"))
        line.show(Preparing("Training Toy", 3, 4, "steps"))
    text = stream.getvalue()
    assert "\n" not in text
    assert text.count("Fetching Toy") == 1
    assert "0 of 2 MB" in text
    assert "Preparing Toy to run  0 s" in text
    assert "3 of 4" in text
    assert text.endswith("\r")
