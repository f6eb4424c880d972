"""Everything the window says goes through translations: opened in a language where each sentence is in brackets.

A process of its own, since tables of sentences are translated while modules are imported.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

SCRIPT = r"""
import gettext, json, re, sys
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractButton, QApplication, QComboBox, QGroupBox, QLabel, QLineEdit, QMenu, QTabBar, QTableWidget, QWidget,
)
app = QApplication([])
from app import language

class Bracketed(gettext.NullTranslations):
    def gettext(self, message):
        return f"⟦{message}⟧"

language.take("xx", Bracketed())
from app.background import wait_for_all
from app.described import catalogue
from app.settings import Settings
from app.window import MainWindow

window = MainWindow(catalogue(), Settings(), remembers=False)
window.show()
app.processEvents()
window.dialogs.show_preferences()
window.dialogs.show_shortcuts()
window.dialogs.show_engine("rescoring")
window.dialogs.show_about()
app.processEvents()
said = {}

def say(where, text):
    text = re.sub(r"<[^>]*>", " ", text or "")
    if re.search(r"[A-Za-z]{3}", text) and "⟦" not in text:
        said.setdefault(text, where)

for top in app.topLevelWidgets():
    for one in [top, *top.findChildren(QWidget)]:
        name = type(one).__name__
        for text in (one.toolTip(), one.accessibleName(), one.accessibleDescription(), one.windowTitle()):
            say(name, text)
        if isinstance(one, QLabel | QAbstractButton):
            say(name, one.text())
        elif isinstance(one, QGroupBox):
            say(name, one.title())
        elif isinstance(one, QLineEdit):
            say(name, one.placeholderText())
        elif isinstance(one, QTabBar):
            for place in range(one.count()):
                say(name, one.tabText(place))
        elif isinstance(one, QComboBox):
            for place in range(one.count()):
                say(name, one.itemText(place))
    for action in top.findChildren(QAction):
        say("QAction", action.text())
names = {engine.name for engine in catalogue().engines}
samples = {action.text() for action in window.toolbar.samples.menu().actions()}
print(json.dumps({text: where for text, where in said.items() if text not in names | samples}))
window.close()
wait_for_all(5)
"""

NAMES = {
    "Triptych", "Deutsch", "English", "Español", "Français", "http://127.0.0.1:8080/v1",
    "TensorRT-RTX", "TensorRT", "CUDA", "CoreML", "DirectML", "CPU", "Gemma 3 270M", "SmolLM2 135M Instruct",
    "Scroll Left", "Scroll Right",  # Qt's own, which has translations of its own
}  # fmt: skip
"""What is the same in every language."""


def test_nothing_in_the_window_is_english_alone() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert {text: where for text, where in said.items() if text.strip() not in NAMES} == {}
