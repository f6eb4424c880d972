"""Fixtures of the window: an appearance, a catalogue of fakes, and settings of the test's own."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.background import wait_for_all
from app.settings import Settings
from app.theme import theme
from app.window import MainWindow
from engines.catalog import Catalogue, EngineDescription
from engines.contract import Utterance
from tests.engines.fakes import describe


@pytest.fixture(autouse=True)
def _appearance(qapp: QApplication) -> None:
    theme().apply("dark")


@pytest.fixture(autouse=True)
def _no_job_outlives_its_test(qapp: QApplication):
    yield
    wait_for_all(5)
    qapp.processEvents()
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)  # or closed windows are restyled by every later test


@pytest.fixture
def settings() -> Settings:
    settings = Settings()
    settings.running.declined = {"gemma"}
    return settings


@pytest.fixture
def fakes(tmp_path: Path) -> Callable[..., Catalogue]:
    """A catalogue of fake engines alone: ids, or descriptions that differ from the usual."""

    def make(*engines: str | EngineDescription) -> Catalogue:
        empty = tmp_path / "engines"
        empty.mkdir(exist_ok=True)
        found = tuple(describe(engine) if isinstance(engine, str) else engine for engine in engines)
        return Catalogue(empty, {engine.id: "tests.engines.fakes:build" for engine in found}, found)

    return make


@pytest.fixture
def utterance() -> Utterance:
    samples = (np.sin(np.arange(32_000) / 20) * 0.4).astype(np.float32)
    digest = hashlib.sha256(samples.tobytes()).hexdigest()
    return Utterance(samples, digest, "test", language="en", reference="hello 32000")


@pytest.fixture
def window(qtbot: QtBot, fakes: Callable[..., Catalogue], settings: Settings) -> Iterator[MainWindow]:
    """The window with two fakes, at the smallest supported size."""
    made = MainWindow(fakes("one", "two"), settings, remembers=False)
    made.resize(1024, 700)
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.close()
    made.deleteLater()
    QApplication.processEvents()
