"""Pictures of the real window: ``python -m tests.gui.screenshots docs/screens``.

Needs a display (``xvfb-run`` will do). With the models in the user's home the engines really run on the bundled sample;
without them the pictures show the window as it is before the first run.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or sys.platform in {"darwin", "win32"}):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from app import language

if "--language" in sys.argv:
    language.use([sys.argv[sys.argv.index("--language") + 1]])  # before tables of sentences are imported

from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication, QDialog, QWidget

from app.background import wait_for_all
from app.described import catalogue
from app.looped import LoopedSource
from app.needs import models_needed
from app.settings import Settings
from app.theme import theme
from app.views.kinds import ATTENTION, FRAMES, NEIGHBOURS, QUERIES, TIMES
from app.window import MainWindow
from engines.audio.samples import list_samples
from engines.catalog import default
from engines.contract import Posteriors, Request, Task, TokenStream, Utterance
from engines.errors import AdapterMissing
from export.prepare import missing


def pause(milliseconds: int) -> None:
    """Lets the window live."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Lets the window live until something holds; returns whether it does."""
    for _ in range(int(seconds * 20)):
        if condition():
            return True
        pause(50)
    return condition()


def ready(utterance: Utterance, task: Task, target: str | None) -> bool:
    """Whether all models that a run needs are there; engines without their trained weights are left out."""
    request = Request(utterance, task, target)
    needed: list[str] = []
    for engine in default().supporting(task, target):
        with contextlib.suppress(AdapterMissing):
            needed += models_needed(engine, request)
    return not missing(needed)


class Studio:
    """One window, many pictures.

    Args:
        folder: where they go.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        settings = Settings()
        self.window = MainWindow(catalogue(), settings, remembers=False)
        self.window.show()
        self.window.start(None)
        until(lambda: self.window.controller.utterance is not None, 20)
        pause(600)

    def take(self, name: str, mode: str = "dark", size: tuple[int, int] = (1440, 970)) -> None:
        """One picture."""
        theme().apply("light" if mode == "light" else "dark")
        self.window.resize(*size)
        pause(500)
        file = self._folder / f"{name}-{mode}-{size[0]}.png"
        self.window.grab().save(str(file))
        print(file)

    def run(self, task: Task, target: str | None, name: str, *, half_way: bool = True) -> bool:
        """Runs everything and takes a picture half-way; false where models are missing."""
        bar, controller = self.window.toolbar, self.window.controller
        utterance = controller.utterance
        if utterance is None or not ready(utterance, task, target):
            return False
        bar.choose(task, utterance.language, target)
        self.window.results.show_task()
        self.window.run()
        if half_way:
            pause(2500)
            self.take(f"{name}-running")
        until(lambda: not controller.running, 300)
        pause(1500)
        return True

    def evidence(self, name: str) -> None:
        """Every tab of the evidence of every engine that reads vectors, one of its items pinned."""
        dock = self.window.dock
        timed = {FRAMES: dock.frames, QUERIES: dock.queries, ATTENTION: dock.attention, NEIGHBOURS: dock.neighbours}
        for engine_id, card in self.window.cards.items():
            if card.description.paradigm != "latent" or not card.run.found(Posteriors):
                continue
            self.window.results.select(engine_id)
            for tab, view in timed.items():
                if dock.tabs.isTabVisible(tab):
                    dock.tabs.setCurrentIndex(tab)
                    pause(400)
                    view.pin(4)
                    title = f"{name}-{engine_id}-{dock.tabs.tabText(tab).lower()}"
                    self.take(title, "dark", (1440, 900))
                    self.take(title, "light", (1024, 700))
                    view.pin(None)

    def few(self, name: str) -> None:
        """One picture of the evidence of each kind of engine."""
        dock = self.window.dock
        for engine_id, tab in SHOWN.items():
            if self.window.cards[engine_id].run.found(Posteriors):
                self.window.results.select(engine_id)
                dock.tabs.setCurrentIndex(tab)
                pause(400)
                self.take(f"{name}-{engine_id}", "light", (1440, 900))
        if self.window.cards["token-semantic"].run.found(TokenStream):
            self.window.results.select("token-semantic")
            pause(400)
            self.take(f"{name}-token-semantic", "dark", (1440, 900))

    def tokens(self, name: str) -> None:
        """Every tab of the evidence of every engine that reads or writes tokens."""
        dock = self.window.dock
        for engine_id, card in self.window.cards.items():
            if not card.run.found(TokenStream):
                continue
            self.window.results.select(engine_id)
            for tab in range(dock.tabs.count()):
                if dock.tabs.isTabVisible(tab):
                    dock.tabs.setCurrentIndex(tab)
                    pause(400)
                    title = f"{name}-{engine_id}-{dock.tabs.tabText(tab).lower().replace(' ', '-')}"
                    self.take(title, "dark", (1440, 900))
                    self.take(title, "light", (1024, 700))

    def compared(self, name: str) -> None:
        """The evidence of two engines one above the other, and the times of all."""
        pair, dock = self.window.evidence, self.window.dock
        self.window.results.select("latent-ctc")
        dock.want(FRAMES)
        pair.choice.setCurrentIndex(pair.choice.findData("latent-convolution"))
        pair.choice.activated.emit(pair.choice.currentIndex())
        self.take(f"{name}-two", "light", (1440, 970))
        pair.choice.setCurrentIndex(0)
        pair.choice.activated.emit(0)
        dock.want(TIMES)
        self.take(f"{name}-times", "dark", (1440, 970))

    def stressed(self) -> None:
        """The panel that makes speech worse."""
        self.window.references.worse.click()
        self.take("stress", "light", (1440, 970))
        self.window.references.worse.click()

    def recorded(self, name: str) -> None:
        """The window while it listens live to a file in the microphone's place, and while it records."""
        live, bar = self.window.live, self.window.toolbar
        speech = next(sample.path for sample in list_samples() if sample.id == "en-demonstration")
        live.source = lambda _name: LoopedSource(str(speech))
        bar.live.click()
        if until(lambda: any(card.run.main_text for card in self.window.cards.values() if card.isVisible()), 60):
            pause(6000)
            self.take(f"{name}-live", "dark", (1440, 970))
            self.take(f"{name}-live", "light", (1024, 700))
        bar.live.click()
        until(lambda: not live.active, 60)

    def _keep(self, dialog: QWidget, name: str) -> None:
        file = self._folder / f"{name}.png"
        dialog.grab().save(str(file))
        print(file)

    def dialogs(self) -> None:
        """Every dialog."""
        self.window.dialogs.show_engine("cascade")
        self.window.dialogs.show_preferences()
        self.window.dialogs.show_about()
        self.window.dialogs.show_models()
        self.window.dialogs.show_shortcuts()
        pause(300)
        for dialog in self.window.findChildren(QDialog):
            self._keep(dialog, f"dialog-{type(dialog).__name__.lower()}")
            dialog.close()


SHOWN: Final = {"latent-ctc": FRAMES, "latent-qformer": ATTENTION}
"""Evidence that is shown where not all is."""


def main() -> None:
    """Takes all pictures, or the few that documents show."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--all", action="store_true", help="every kind of evidence of every engine")
    parser.add_argument("--language", default="en", help="of the window; for another than English only the window")
    parser.add_argument("--scaled", action="store_true", help="only the window after a run; for QT_SCALE_FACTOR=2")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    app = QApplication([])
    theme().apply("dark")
    studio = Studio(options.folder)
    if options.language != "en":
        studio.take(f"first-run-{options.language}", "light", (1024, 700))
    elif options.scaled:
        if studio.run(Task.TRANSCRIBE, None, "transcribe", half_way=False):
            studio.take("transcribe-200", "light", (1024, 700))
    else:
        _usual(studio, everything=options.all)
    studio.window.close()
    wait_for_all(5)
    app.processEvents()


def _usual(studio: Studio, *, everything: bool) -> None:
    studio.take("first-run", "light")
    studio.take("first-run", "dark", (1024, 700))
    studio.dialogs()
    studio.window.settings.running.declined = {"gemma"}
    studio.window.offers.show_next()
    if studio.run(Task.TRANSCRIBE, None, "transcribe"):
        for mode in ("dark", "light"):
            studio.take("transcribe", mode)
            studio.take("transcribe", mode, (1024, 700))
        if everything:
            studio.evidence("evidence")
            studio.tokens("evidence")
        else:
            studio.few("evidence")
        studio.compared("compare")
        studio.stressed()
        studio.recorded("recording")
    if everything and studio.run(Task.TRANSLATE, "fr", "translate"):
        studio.take("translate", "light")


if __name__ == "__main__":
    main()
