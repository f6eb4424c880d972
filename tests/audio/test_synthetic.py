"""Synthesised speech says what it is, wherever it goes; a mark that is missing or damaged is no obstacle."""

from __future__ import annotations

import ast
import json
import struct
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from engines.audio.load import load
from engines.audio.synthetic import SOURCE_TYPE, Mark, read_mark, write_speech
from engines.audio.wav import save_wav
from engines.errors import BadInput

ROOT = Path(__file__).parents[2]
SOUND = np.sin(np.arange(24_000) / 10).astype(np.float32)
MARK = Mark("token-semantic", "Unit vocoder", "2026-11-23")


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.WAV", "a", "ü.wav"])
def test_what_is_written_is_read(tmp_path: Path, name: str) -> None:
    write_speech(tmp_path / name, 1.5 * SOUND, 24_000, MARK)
    found = read_mark(tmp_path / name)
    assert found is not None
    assert (found.engine, found.voice, found.date) == ("token-semantic", "Unit vocoder", "2026-11-23")
    assert found.program.startswith("Triptych")
    read, rate = soundfile.read(tmp_path / name, dtype="float32")
    assert (rate, read.shape) == (24_000, (24_000,))
    if not name.endswith(".ogg"):
        np.testing.assert_allclose(read, np.clip(1.5 * SOUND, -1, 1), atol=1e-4)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    utterance = load(tmp_path / name)
    assert utterance.seconds == pytest.approx(1.0, abs=0.01)
    made = "made by token-semantic with Unit vocoder on 2026-11-23"
    assert utterance.notes == (f"{name} is marked as synthetic speech, not a recording of a person, {made}.",)


def test_others_can_read_the_mark(tmp_path: Path) -> None:
    write_speech(tmp_path / "a.wav", SOUND, 24_000, MARK)
    with av.open(str(tmp_path / "a.wav")) as container:
        assert container.metadata["encoder"] == MARK.program
        said = json.loads(container.metadata["comment"])
    assert said == {
        "synthetic": True, "engine": "token-semantic", "voice": "Unit vocoder", "date": "2026-11-23",
        "digitalSourceType": SOURCE_TYPE,
    }  # fmt: skip
    with soundfile.SoundFile(tmp_path / "a.wav") as file:
        assert json.loads(file.comment) == said


@pytest.mark.parametrize("engine", ["", "x" * 300, "Motörhead\n\x1b[31m", "語", 'a"b\\'])
def test_odd_names_do_no_harm(tmp_path: Path, engine: str) -> None:
    write_speech(tmp_path / "a.wav", SOUND[:11], 24_000, Mark(engine))
    found = read_mark(tmp_path / "a.wav")
    assert found is not None
    assert len(found.engine) <= 80
    assert found.sentence("a.wav").isprintable()
    assert soundfile.info(tmp_path / "a.wav").frames == 11


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "aiff"])
def test_recordings_have_none(tmp_path: Path, ending: str) -> None:
    soundfile.write(tmp_path / f"a.{ending}", SOUND, 24_000)
    assert read_mark(tmp_path / f"a.{ending}") is None
    assert load(tmp_path / f"a.{ending}").notes == ()


@pytest.mark.parametrize(
    "comment",
    ["", "Recorded by hand", "{", "[" * 4000, "[]", "null", '{"synthetic": false}', '{"synthetic": "true"}', "{}",
     '{"synthetic": true, "x": "' + 5000 * "y" + '"}'],
)  # fmt: skip
def test_other_comments_are_no_mark(tmp_path: Path, comment: str) -> None:
    value = comment.encode() + b"\0"
    parts = b"INFOICMT" + struct.pack("<I", len(value)) + value + b"\0" * (len(value) % 2)
    save_wav(tmp_path / "a.wav", SOUND, 24_000, b"LIST" + struct.pack("<I", len(parts)) + parts)
    assert read_mark(tmp_path / "a.wav") is None
    assert load(tmp_path / "a.wav").notes == ()


def test_fields_of_other_kinds_are_left_out(tmp_path: Path) -> None:
    comment = json.dumps({"synthetic": True, "engine": 7, "voice": None, "date": ["x"]})
    value = comment.encode() + b"\0" * (1 + (len(comment) + 1) % 2)
    parts = b"INFOICMT" + struct.pack("<I", len(value)) + value
    save_wav(tmp_path / "a.wav", SOUND, 24_000, b"LIST" + struct.pack("<I", len(parts)) + parts)
    assert read_mark(tmp_path / "a.wav") == Mark("", "", "", "")
    assert load(tmp_path / "a.wav").notes == ("a.wav is marked as synthetic speech, not a recording of a person.",)


def test_a_damaged_chunk_is_no_mark_and_no_obstacle(tmp_path: Path) -> None:
    write_speech(tmp_path / "a.wav", SOUND, 24_000, MARK)
    whole = (tmp_path / "a.wav").read_bytes()
    at = whole.index(b"LIST")
    head = whole.index(b"data")
    broken = tmp_path / "b.wav"
    for place in range(at, head):
        for byte in (0, 0x7F, 0xFF):
            broken.write_bytes(whole[:place] + bytes([byte]) + whole[place + 1 :])
            found = read_mark(broken)
            assert found is None or found.sentence("b.wav").isprintable()
    for length in range(0, head, 7):
        broken.write_bytes(whole[:length])
        read_mark(broken)
    broken.write_bytes(whole.replace(b"INFO", b"OFNI"))
    assert read_mark(broken) is None
    assert load(broken).seconds == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("head", [b"", b"RIFF", b"RIFF\0\0\0\0WAVE", b"fLaC", b"OggS" + 200 * b"\xff"])
def test_what_is_no_sound_has_no_mark(tmp_path: Path, head: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(head)
    assert read_mark(tmp_path / "a.wav") is None
    assert read_mark(tmp_path) is None
    assert read_mark(tmp_path / "absent.wav") is None


@pytest.mark.parametrize("name", ["where.wav", "where.flac", "where.ogg"])
def test_unwritable_place(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="cannot be written"):
        write_speech(tmp_path / "no" / name, np.zeros(10, np.float32), 24_000, MARK)
    (tmp_path / name).mkdir()
    with pytest.raises(BadInput, match="cannot be written"):
        write_speech(tmp_path / name, np.zeros(10, np.float32), 24_000, MARK)
    assert [path.name for path in tmp_path.iterdir()] == [name]


WRITERS = {
    "engines/audio/synthetic.py": "writes the mark",
    "engines/audio/wav.py": "what the others write with",
    "app/outputs.py": "gets the mark from the player",
    "app/recorded.py": "what a microphone heard",
    "engines/history/sound.py": "what was heard, as it was; speech of engines in reports gets the mark",
    "app/commands/stress.py": "speech of the person, made worse; nothing is synthesised",
    "engines/training/data/corpus.py": "shards of training data; the manifest names the source of every clip",
    "engines/evaluation/other_codecs.py": "goes through a codec and is thrown away",
    "engines/training/data/augment.py": "goes through a codec in memory",
}
"""Who writes sound, and why what is synthetic is marked all the same."""


def test_nothing_else_writes_sound() -> None:
    """Whoever adds a way out for speech either goes through :func:`write_speech` or says here why not."""
    found = set()
    for folder in ("app", "engines", "export"):
        for file in (ROOT / folder).rglob("*.py"):
            calls = (node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Call))
            if any(_writes_sound(call) for call in calls):
                found.add(file.relative_to(ROOT).as_posix())
    assert found <= set(WRITERS)
    assert {"engines/audio/synthetic.py", "engines/audio/wav.py", "app/outputs.py", "app/recorded.py"} <= found


def _writes_sound(call: ast.Call) -> bool:
    name = ast.unparse(call.func)
    if name.rpartition(".")[2] in {"save_wav", "GrowingWav"} or name in {"soundfile.write", "wavfile.write"}:
        return True
    modes = [ast.unparse(part) for part in (*call.args[1:2], *(word.value for word in call.keywords))]
    opens = name in {"soundfile.SoundFile", "sf.SoundFile", "av.open", "wave.open"}
    return opens and any(mode.strip("'\"")[:1] in {"w", "x"} for mode in modes if mode[:1] in {"'", '"'})
