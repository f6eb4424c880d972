"""Other programs as engines: through fakes of their libraries, and the real ones where weights are fetched."""

from __future__ import annotations

import importlib.machinery
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines.audio.conditions import Condition
from engines.catalog import Catalogue
from engines.contract import Event, Finished, Request, StageFinished, Task, Utterance
from engines.errors import Unavailable, UnknownLanguage, WeightsMissing
from engines.evaluation import corpora, protocol
from engines.evaluation.peers import listing
from engines.evaluation.peers.peer import Peer, PeerEngine, home
from engines.evaluation.records import Records
from engines.evaluation.runs import Case
from engines.host import Host
from engines.models.components import Components

SPOKEN = np.full(1600, 0.1, np.float32)
FILES = {
    "peer-sherpa-onnx": ("base-encoder.int8.onnx", "base-decoder.int8.onnx", "base-tokens.txt"),
    "peer-moonshine": ("encoder_model.onnx", "decoder_model_merged.onnx"),
    "peer-whisper-cpp": ("ggml-base.bin",),
}


def library(monkeypatch: pytest.MonkeyPatch, name: str, **members: Any) -> None:
    """Puts a fake in the place of a library."""
    made = types.ModuleType(name)
    made.__spec__ = importlib.machinery.ModuleSpec(name, None)
    for member, value in members.items():
        setattr(made, member, value)
    monkeypatch.setitem(sys.modules, name, made)


def sherpa(monkeypatch: pytest.MonkeyPatch, heard: dict[str, Any]) -> None:
    class Stream:
        def accept_waveform(self, rate: int, samples: np.ndarray) -> None:
            heard["rate"], heard["samples"] = rate, samples

    class OfflineRecognizer:
        @classmethod
        def from_whisper(cls, **settings: Any) -> OfflineRecognizer:
            heard.update(settings)
            return cls()

        def create_stream(self) -> Stream:
            return Stream()

        def decode_stream(self, stream: Any) -> None:
            stream.result = types.SimpleNamespace(text=" hello you ")

    library(monkeypatch, "sherpa_onnx", OfflineRecognizer=OfflineRecognizer)


def moonshine(monkeypatch: pytest.MonkeyPatch, heard: dict[str, Any]) -> None:
    class MoonshineOnnxModel:
        def __init__(self, models_dir: str, model_name: str) -> None:
            heard["folder"], heard["task"] = models_dir, "transcribe"
            assert model_name == "tiny"

        def generate(self, samples: np.ndarray) -> list[list[int]]:
            assert samples.shape == (1, 1600)
            heard["rate"], heard["samples"] = 16_000, samples[0]
            return [[1, 5, 2]]

    tokenizer = types.SimpleNamespace(decode_batch=lambda tokens: ["hello you"] * len(tokens))
    library(monkeypatch, "moonshine_onnx", MoonshineOnnxModel=MoonshineOnnxModel, load_tokenizer=lambda: tokenizer)


def whisper_cpp(monkeypatch: pytest.MonkeyPatch, heard: dict[str, Any]) -> None:
    class Model:
        def __init__(self, model: str, **settings: Any) -> None:
            assert Path(model).is_file()
            assert settings["beam_search"]["beam_size"] == 5
            heard["rate"] = 16_000

        def transcribe(self, samples: np.ndarray, *, language: str, translate: bool) -> list[Any]:
            heard["samples"], heard["language"] = samples, language
            heard["task"] = "translate" if translate else "transcribe"
            return [types.SimpleNamespace(text=" hello "), types.SimpleNamespace(text="you")]

    library(monkeypatch, "pywhispercpp")
    library(monkeypatch, "pywhispercpp.model", Model=Model)


FAKES: dict[str, Callable[[pytest.MonkeyPatch, dict[str, Any]], None]] = {
    "peer-sherpa-onnx": sherpa, "peer-moonshine": moonshine, "peer-whisper-cpp": whisper_cpp,
}  # fmt: skip


def run(peer: Peer, *, language: str | None = "en", task: Task = Task.TRANSCRIBE) -> list[Event]:
    options = peer.describe().resolve({})
    request = Request(Utterance(SPOKEN, "d", "s", language=language), task, options=options)
    return list(PeerEngine(peer, Components()).run(request))


def put(peer: str) -> None:
    home(peer).mkdir(parents=True)
    for file in FILES[peer]:
        (home(peer) / file).write_bytes(b"1")


@pytest.mark.parametrize("peer", FAKES)
def test_a_peer_is_asked_as_its_library_wants_it(peer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: dict[str, Any] = {}
    FAKES[peer](monkeypatch, heard)
    put(peer)
    events = run(listing.PEERS[peer])
    last = events[-1]
    assert isinstance(last, Finished)
    assert last.result.transcript == "hello you"
    assert any(isinstance(event, StageFinished) and event.seconds >= 0 for event in events)
    assert heard["rate"] == 16_000
    np.testing.assert_array_equal(heard["samples"], SPOKEN)
    if Task.TRANSLATE in listing.PEERS[peer].tasks:
        last = run(listing.PEERS[peer], language="es", task=Task.TRANSLATE)[-1]
        assert isinstance(last, Finished)
        assert (last.result.transcript, last.result.translation) == (None, "hello you")
        assert (heard["language"], heard["task"]) == ("es", "translate")


@pytest.mark.parametrize("peer", FAKES)
def test_other_files_are_another_version(peer: str) -> None:
    put(peer)
    before = protocol.version(listing.PEERS[peer].describe())
    (home(peer) / FILES[peer][0]).write_bytes(b"2")
    assert protocol.version(listing.PEERS[peer].describe()) != before


def test_what_is_lacking_is_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sherpa_onnx", None)
    monkeypatch.setattr(Peer, "installed", False)
    peer = listing.PEERS["peer-sherpa-onnx"]
    with pytest.raises(Unavailable, match=r"sherpa-onnx is not installed") as caught:
        run(peer)
    assert "triptych[peers]" in caught.value.hint
    monkeypatch.setattr(Peer, "installed", True)
    with pytest.raises(WeightsMissing, match="no model in"):
        run(peer)
    put(peer.id)
    with pytest.raises(Unavailable, match="could not be imported"):
        run(peer)


def test_two_models_in_one_folder_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    whisper_cpp(monkeypatch, {})
    put("peer-whisper-cpp")
    (home("peer-whisper-cpp") / "ggml-tiny.bin").write_bytes(b"1")
    with pytest.raises(WeightsMissing, match=r"holds 2 files \*\.bin"):
        run(listing.PEERS["peer-whisper-cpp"])


def test_a_language_that_is_not_heard_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    moonshine(monkeypatch, {})
    put("peer-moonshine")
    with pytest.raises(UnknownLanguage, match="does not hear es"):
        run(listing.PEERS["peer-moonshine"], language="es")


def test_peers_stand_beside_the_engines() -> None:
    offered = listing.with_peers(Catalogue())
    assert {*listing.PEERS, "whisper"} <= {found.id for found in offered.engines}
    assert offered.describe("peer-moonshine").supports(Task.TRANSCRIBE)
    assert not set(listing.PEERS) & set(Catalogue().factories)


@pytest.mark.parity
@pytest.mark.parametrize(("peer", "needs"), [("peer-faster-whisper", "faster_whisper"), ("peer-transformers", "torch")])
def test_a_real_peer_writes_what_was_said(peer: str, needs: str, model_home: Path, tmp_path: Path) -> None:
    pytest.importorskip(needs)
    offered = listing.with_peers(Catalogue())
    clip = min(corpora.unseen(), key=lambda found: found.seconds)
    records = Records(tmp_path / "records.jsonl")
    with Host(catalogue=offered, threads=1) as host:
        protocol.measure(host, [peer], [Case(clip, Condition())], records, catalogue=offered)
    (record,) = records
    assert record.failure == ""
    assert record.hits > record.errors.total
    assert record.work >= record.stages["recognise"] > 0
