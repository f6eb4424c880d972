"""A window that ended badly is found by the next one, with what it wrote; others are not."""

from __future__ import annotations

import faulthandler
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.crashes import CrashLog

_DIES = """
import logging, os, sys
from pathlib import Path
from app.crashes import CrashLog

assert CrashLog(Path(sys.argv[1])).begin() is None
logging.getLogger("app.window").error("the last words")
os.abort()
"""
_ENDS_WELL = """
import sys
from pathlib import Path
from app.crashes import CrashLog

log = CrashLog(Path(sys.argv[1]))
assert log.begin() is None
log.end()
"""


@pytest.fixture(autouse=True)
def _faulthandler_as_before() -> Iterator[None]:
    yield
    faulthandler.enable()


def _die(folder: Path) -> None:
    died = subprocess.run([sys.executable, "-c", _DIES, str(folder)], capture_output=True, check=False, timeout=60)
    assert died.returncode < 0


def test_what_a_crashed_window_wrote_is_found_once(tmp_path: Path) -> None:
    (tmp_path / "window.log").write_text("long ago\n")
    _die(tmp_path)
    log = CrashLog(tmp_path)
    crash = log.begin()
    assert crash is not None
    assert "the last words" in crash.log
    assert "Fatal Python error" in crash.log
    assert "long ago" not in crash.log
    log.end()
    assert CrashLog(tmp_path).begin() is None
    assert "the last words" in log.file.read_text()


def test_a_window_that_ended_well_or_is_open_is_no_crash(tmp_path: Path) -> None:
    first = CrashLog(tmp_path)
    assert first.begin() is None
    logging.getLogger("app").warning("a trifle")
    done = subprocess.run([sys.executable, "-c", _ENDS_WELL, str(tmp_path)], check=False, timeout=60)
    assert done.returncode == 0, "the first window is open"
    first.end()
    assert not list(tmp_path.glob("window-*"))
    assert "a trifle" in first.file.read_text()


def test_a_note_that_makes_no_sense_is_removed(tmp_path: Path) -> None:
    (tmp_path / "window-1.open").write_text("{")
    log = CrashLog(tmp_path)
    assert log.begin() is None
    log.end()
    assert not list(tmp_path.glob("window-*"))


def test_a_long_log_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "window.log").write_bytes(b"x" * 4_000_001)
    log = CrashLog(tmp_path)
    log.begin()
    log.end()
    assert log.file.stat().st_size == 0
    assert (tmp_path / "window.old.log").stat().st_size == 4_000_001
