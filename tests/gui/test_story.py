"""What a newcomer does, in the real window with the real engines, by its buttons: from speaking to a saved report.

The microphone is a file that is heard in real time through the code of any microphone.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from engines.audio.samples import list_samples

_PROGRAM = """
import sys
import time
from pathlib import Path

from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog

from app.described import catalogue
from app.settings import Settings
from app.sources import FileSource
from app.views.kinds import WHY
from app.window import MainWindow
from engines.audio.conditions import Condition

LEFT = Qt.MouseButton.LeftButton


def until(what, seconds=120):
    end, loop, timer = time.monotonic() + seconds, QEventLoop(), QTimer()

    def look():
        if what() or time.monotonic() > end:
            loop.quit()

    timer.timeout.connect(look)
    timer.start(50)
    loop.exec()
    if not what():
        raise SystemExit(f"waited in vain: {what.__code__.co_firstlineno}")


def main():
    speech, report = sys.argv[1:]
    application = QApplication([])
    settings = Settings()
    settings.running.declined = {"gemma"}
    settings.choices.live_engines = ("whisper", "rescoring", "latent-ctc", "token-semantic")
    window = MainWindow(catalogue(), settings, remembers=False)
    window.resize(1440, 970)
    window.show()
    window.start(None)
    until(lambda: window.controller.utterance is not None)
    cards, said, failed = window.cards, [], []
    for part in (window.controller, window.live, window.intake, window.history, window.stressing):
        part.failed.connect(lambda error: failed.append(str(error)))
    window.history.said.connect(said.append)

    # speaks: panels fill while the file is still heard
    window.live.source = lambda _name: FileSource(speech)
    early = {}
    window.live.told.connect(
        lambda _event: early.update(
            {name: True for name, card in cards.items() if card.run.main_text and window.toolbar.live.isChecked()}
        )
    )
    QTest.mouseClick(window.toolbar.live, LEFT)
    until(lambda: not window.live.active and window.controller.utterance.source != "", 240)
    until(lambda: all(cards[one].run.main_text for one in settings.choices.live_engines), 60)
    print("live", *sorted(name for name in settings.choices.live_engines if cards[name].run.main_text))

    # runs all on what was recorded, and finds out why
    until(lambda: window.toolbar.run.isEnabled() and window.controller.utterance is not None)
    QTest.mouseClick(window.toolbar.run, LEFT)
    until(lambda: window.controller.running)
    until(lambda: not window.controller.running, 240)
    print("ran", sum(card.run.status.value == "ok" for card in cards.values()))
    QTest.mouseClick(cards["rescoring"], LEFT)
    until(lambda: window.dock.run is not None and window.dock.run.engine.id == "rescoring")
    print("why", window.dock.tabs.currentIndex() == WHY, window.dock.sentence.text())

    # noise until it breaks
    window.references.transcript.setText(cards["whisper"].run.transcript)
    window.references.committed.emit()
    QTest.mouseClick(window.references.worse, LEFT)
    window.stress.choose(Condition("babble", -10.0))
    QTest.mouseClick(window.stress.run, LEFT)
    until(lambda: window.controller.running, 60)
    until(lambda: not window.controller.running, 240)
    until(lambda: "wer" in cards["whisper"].run.scores, 60)
    print("noise", cards["whisper"].run.scores["wer"] > 0)
    QTest.mouseClick(window.stress.clean, LEFT)

    # hears the translation: speaks in Spanish what was said in English
    bar = window.toolbar
    bar.task.setCurrentIndex(bar.task.findText("Speak"))
    bar.task.activated.emit(bar.task.currentIndex())
    bar.target.setCurrentIndex(bar.target.findText("Spanish"))
    bar.target.activated.emit(bar.target.currentIndex())
    QTest.mouseClick(bar.run, LEFT)
    until(lambda: window.controller.running, 60)
    until(lambda: not window.controller.running, 240)
    cascade = cards["cascade"].run
    voice = cascade.speech()
    print("translation", cascade.translation, 0 if voice is None else voice[0].size / voice[1] > 0.3)

    # saves a report
    QFileDialog.getSaveFileName = staticmethod(lambda *_: (report, ""))
    QTest.keyClick(window, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    until(lambda: Path(report).exists() and bool(said), 60)
    print("report", Path(report).stat().st_size)
    print("failed", failed)
    window.close()


if __name__ == "__main__":
    main()
"""


def test_a_newcomer_speaks_sees_asks_why_adds_noise_hears_the_translation_and_saves_a_report(
    tmp_path: Path, model_home: Path
) -> None:
    speech = next(sample.path for sample in list_samples() if sample.id == "en-callers")
    program, report = tmp_path / "story.py", tmp_path / "report.html"
    program.write_text(_PROGRAM)
    done = subprocess.run(
        [sys.executable, str(program), str(speech), str(report)],
        capture_output=True, text=True, timeout=600, check=False,
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    told = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert told["live"].split() == ["latent-ctc", "rescoring", "token-semantic", "whisper"]
    assert int(told["ran"]) >= 10
    assert told["why"].startswith("True ")
    assert "recogniser" in told["why"]
    assert told["noise"] == "True"
    assert told["translation"].endswith(" True")
    assert told["failed"] == "[]"
    page = report.read_text(encoding="utf-8")
    assert "<audio" in page
    assert "CTC compression" in page
