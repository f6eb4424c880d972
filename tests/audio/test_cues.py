"""Marks of lost sound in WAV files."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engines.audio import wav
from engines.audio.cues import LABEL, MOST, cue_chunks, read_cues
from engines.audio.load import load


def written(path: Path, chunks: bytes) -> Path:
    with wav.GrowingWav(path, 8_000, new=True) as file:
        file.append(np.arange(16_000, dtype=np.int16))
    wav.add_chunk(path, chunks)
    return path


def test_marks_come_back_and_the_sound_stays(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", cue_chunks([4_000, 12_000]))
    assert read_cues(path) == (0.5, 1.5)
    sound, rate = soundfile.read(path, dtype="int16")
    np.testing.assert_array_equal(sound, np.arange(16_000))
    assert rate == 8_000
    assert int.from_bytes(path.read_bytes()[4:8], "little") == path.stat().st_size - 8
    utterance = load(path)
    assert utterance.gaps == (0.5, 1.5)
    assert utterance.seconds == pytest.approx(2.0)


def test_marks_of_others_mean_something_else(tmp_path: Path) -> None:
    chunks = cue_chunks([4_000]).replace(LABEL, b"refrain begins\0\0")
    assert read_cues(written(tmp_path / "a.wav", chunks)) == ()
    cue_alone = cue_chunks([4_000])[: 8 + 4 + 24]
    assert read_cues(written(tmp_path / "b.wav", cue_alone)) == ()


def test_more_marks_than_anybody_looks_at_are_cut(tmp_path: Path) -> None:
    assert len(read_cues(written(tmp_path / "a.wav", cue_chunks(list(range(MOST + 9)))))) == MOST


@pytest.mark.parametrize("content", [b"", b"RIFF", b"RIFF\0\0\0\0WAVEcue \xff\xff\xff\xff\1", b"ID3" + bytes(99)])
def test_what_is_no_whole_file_has_no_marks(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    assert read_cues(tmp_path / "a.wav") == ()
    assert read_cues(tmp_path / "absent.wav") == ()


def test_marks_that_do_not_fit_leave_the_file_as_it_was(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="this system limits no file's size")
    path = written(tmp_path / "a.wav", b"")
    before, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, limits[1]))
        with pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
            wav.add_chunk(path, cue_chunks([4_000]))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, old)
    assert path.read_bytes() == before
