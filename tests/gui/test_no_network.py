"""Nothing is sent anywhere: the window and all engines run while each way out of the machine is closed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_CLOSED = """
import socket, sys

def _watch(event, arguments):
    if event in {"socket.connect", "socket.sendto", "socket.bind"}:
        if arguments[0].family in {socket.AF_INET, socket.AF_INET6}:
            _refuse(event, arguments[1:])
    elif event in {"socket.getaddrinfo", "socket.gethostbyname", "urllib.Request", "http.client.connect"}:
        _refuse(event, arguments)

def _refuse(event, arguments):
    with open(_FILE, "a") as file:
        print(sys.argv, event, arguments, file=file)
    raise OSError("the network is closed")

sys.addaudithook(_watch)
"""
_PROGRAM = """
import sys
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from app.settings import Settings
from app.window import MainWindow
from engines.catalog import default


def main():
    application = QApplication([])
    window = MainWindow(default(), Settings(), remembers=False)
    window.show()
    window.start(None)
    loop = QEventLoop()
    started = []

    def look():
        if not started and window.controller.utterance is not None:
            started.append(True)
            window.run()
        elif started and not window.controller.running:
            loop.quit()

    timer = QTimer()
    timer.timeout.connect(look)
    timer.start(200)
    loop.exec()
    for name, card in window.cards.items():
        print(name, card.run.status.value, flush=True)
    window.close()


if __name__ == "__main__":
    main()
"""


def test_all_engines_run_in_the_window_while_the_network_is_closed(tmp_path: Path, model_home: Path) -> None:
    tried = tmp_path / "tried"
    (tmp_path / "sitecustomize.py").write_text(f"_FILE = {str(tried)!r}\n{_CLOSED}")
    (tmp_path / "run_window.py").write_text(_PROGRAM)
    paths = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    done = subprocess.run(
        [sys.executable, str(tmp_path / "run_window.py")], capture_output=True, text=True, timeout=280, check=False,
        env=os.environ | {"PYTHONPATH": paths, "QT_QPA_PLATFORM": "offscreen"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert not tried.exists(), tried.read_text()
    ran = dict(line.split() for line in done.stdout.splitlines())
    assert {name for name, status in ran.items() if status == "ok"} >= {"whisper", "rescoring", "latent-ctc"}


def test_the_network_is_closed_indeed(tmp_path: Path) -> None:
    tried = tmp_path / "tried"
    (tmp_path / "sitecustomize.py").write_text(f"_FILE = {str(tried)!r}\n{_CLOSED}")
    done = subprocess.run(
        [sys.executable, "-c", "import socket; socket.create_connection(('127.0.0.1', 9))"],
        capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": str(tmp_path)}, timeout=60,
    )  # fmt: skip
    assert "the network is closed" in done.stderr
    assert "getaddrinfo" in tried.read_text()
