"""Which engines take part in live work, and what is asked of them, by toolbar, settings and a menu."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QMenu

from app.controller import Controller
from app.language import tr
from app.live import able
from engines.catalog import EngineDescription
from engines.contract import Task
from engines.errors import BadInput
from engines.live.asking import Asked


def first_of_each(engines: tuple[EngineDescription, ...]) -> tuple[EngineDescription, ...]:
    """The first engine of every paradigm: what is run live until somebody chooses otherwise."""
    return tuple({engine.paradigm: engine for engine in reversed(engines)}.values())[::-1]


class LiveChoice:
    """What is to be run live.

    Args:
        controller: has catalogue and settings.
        chosen: task, spoken language and target language of the toolbar.
    """

    def __init__(self, controller: Controller, chosen: Callable[[], tuple[Task, str | None, str | None]]) -> None:
        self._controller = controller
        self._chosen = chosen

    def asked(self) -> Asked:
        """What is asked of every engine."""
        task, spoken, target = self._chosen()
        options = {engine.id: self._controller.options(engine) for engine in self._controller.catalogue.engines}
        return Asked(task, target, spoken, options)

    def required(self) -> tuple[Asked, tuple[EngineDescription, ...]]:
        """What is asked, and the engines that take part.

        Raises:
            BadInput: the task cannot be done live, or by no engine, or something else is under way.
        """
        if self._controller.held:
            raise BadInput(self._controller.held, tr("Wait until it has ended, or cancel it."))
        asked, engines = self.asked(), self.engines()
        if asked.kinds and not engines:
            raise BadInput(tr("No engine does this live."), tr("Choose another task or language."))
        return asked, engines

    def engines(self) -> tuple[EngineDescription, ...]:
        """The engines that take part: those chosen, as far as they do the task; else the first of each paradigm."""
        candidates = able(self._controller.catalogue.engines, self.asked())
        chosen = self._controller.settings.choices.live_engines
        return tuple(engine for engine in candidates if engine.id in chosen) or first_of_each(candidates)

    def take(self, engine_id: str, taken: bool) -> None:
        """Takes an engine in, or out; the last one stays in."""
        now = {engine.id for engine in self.engines()}
        wanted = now | {engine_id} if taken else now - {engine_id}
        every = (engine.id for engine in self._controller.catalogue.engines)
        self._controller.settings.choices.live_engines = tuple(one for one in every if one in (wanted or now))

    def fill(self, menu: QMenu) -> None:
        """Lists the engines that do the task, those that take part with a tick."""
        menu.clear()
        taking = {engine.id for engine in self.engines()}
        for engine in able(self._controller.catalogue.engines, self.asked()):
            action = menu.addAction(engine.name)
            action.setCheckable(True)
            action.setChecked(engine.id in taking)
            action.setToolTip(engine.description)
            action.toggled.connect(lambda on, which=engine.id: self.take(which, on))
        if menu.isEmpty():
            menu.addAction(tr("No engine does this live")).setEnabled(False)
