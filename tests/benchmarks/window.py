"""The window: time from start until it can be used, and the longest block of its thread while everything runs.

``python -m tests.benchmarks.window`` starts the program in fresh processes for the first figure, and runs all engines
on the bundled sample, with the models of the user's home, for the second. It prints one JSON document.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
import traceback
from types import FrameType
from typing import Any

BEAT_MS = 2
WATCHED_SECONDS = 0.03
"""A block longer than this has its stack noted."""


class Heartbeat:
    """Notes how long the window's thread does not come back to its event loop.

    Attributes:
        gaps: seconds between beats, one per beat.
        stacks: what the thread was at when a block was noticed, longest last.
    """

    def __init__(self) -> None:
        from PySide6.QtCore import QTimer

        self.gaps: list[float] = []
        self.stacks: list[tuple[float, str]] = []
        self._last = time.perf_counter()
        self._main = threading.get_ident()
        self._ended = threading.Event()
        self._seen: FrameType | None = None
        self._note = ""
        self._timer = QTimer(interval=BEAT_MS)
        self._timer.timeout.connect(self._beat)
        self._timer.start()
        threading.Thread(target=self._watch, daemon=True).start()

    def stop(self) -> None:
        """Ends the measurement."""
        self._timer.stop()
        self._ended.set()

    def _beat(self) -> None:
        now = time.perf_counter()
        gap, self._last = now - self._last, now
        self.gaps.append(gap)
        if self._note:
            self.stacks.append((gap, self._note))
            self._note = ""

    def _watch(self) -> None:
        while not self._ended.wait(0.005):
            if not self._note and time.perf_counter() - self._last > WATCHED_SECONDS:
                frame = sys._current_frames().get(self._main)  # what a sampling profiler does
                self._note = "".join(traceback.format_stack(frame)[-6:]) if frame is not None else ""


def first_window() -> dict[str, float]:
    """Seconds in this process from now until the window is painted, and until the sample is on screen."""
    began = time.perf_counter()
    from PySide6.QtWidgets import QApplication

    from app.settings import Settings
    from app.theme import theme
    from app.window import MainWindow
    from engines.catalog import default

    app = QApplication([])
    theme().apply("dark")
    window = MainWindow(default(), Settings(), remembers=False)
    window.show()
    app.processEvents()
    shown = time.perf_counter() - began
    window.start(None)
    while window.controller.utterance is None and time.perf_counter() - began < 30:
        app.processEvents()
    loaded = time.perf_counter() - began
    window.close()
    return {"window": shown, "sample": loaded}


def everything() -> dict[str, Any]:
    """Runs all engines and tells how long the window's thread was blocked."""
    from PySide6.QtWidgets import QApplication

    from app.settings import Settings
    from app.theme import theme
    from app.window import MainWindow
    from engines.catalog import default

    app = QApplication([])
    theme().apply("dark")
    window = MainWindow(default(), Settings(), remembers=False)
    window.resize(1400, 960)
    window.show()
    window.start(None)
    until = time.perf_counter() + 5
    while time.perf_counter() < until or window.controller.utterance is None:
        app.processEvents()
        time.sleep(0.002)
    beat = Heartbeat()
    window.run()
    began = time.perf_counter()
    while window.controller.running and time.perf_counter() - began < 600:
        app.processEvents()
        time.sleep(0.0005)
    beat.stop()
    comparison = window.controller.comparison
    runs = comparison.runs.values() if comparison is not None else ()
    result = {
        "seconds": time.perf_counter() - began,
        "engines": {run.engine.id: str(run.status) for run in runs},
        "longest_block": max(beat.gaps),
        "blocks_over_50_ms": sum(gap > 0.05 for gap in beat.gaps),
        "p99": statistics.quantiles(beat.gaps, n=100)[98],
        "stacks": [f"{gap * 1e3:.0f} ms\n{stack}" for gap, stack in sorted(beat.stacks)[-5:]],
    }
    window.close()
    return result


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="?", choices=["start", "run"], help="internal: one part, in this process")
    parser.add_argument("--starts", type=int, default=5)
    arguments = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    if arguments.part == "start":
        print(json.dumps(first_window()))
        return
    if arguments.part == "run":
        print(json.dumps(everything(), indent=2))
        return
    starts = []
    for _ in range(arguments.starts):
        began = time.perf_counter()
        answer = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.window", "start"], capture_output=True, check=True
        )
        inside = json.loads(answer.stdout.splitlines()[-1])
        starts.append({**inside, "process": time.perf_counter() - began})
    medians = {key: statistics.median(start[key] for start in starts) for key in starts[0]}
    print(json.dumps({"schema": 1, "start_seconds": medians, "starts": len(starts), "run": everything()}, indent=2))


if __name__ == "__main__":
    main()
