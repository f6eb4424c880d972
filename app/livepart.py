"""Where live work meets the rest of the window: what it switches off, where its row stands, who takes its recording."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app.controller import Controller
from app.intake import Intake
from app.language import tr
from app.livecontrol import LiveControl
from app.widgets.card import EngineCard
from app.widgets.livebar import LiveBar
from app.widgets.references import References
from app.widgets.toolbar import ToolBar


class LivePart(LiveControl):
    """Live work in the window.

    Args:
        controller: has catalogue and settings.
        toolbar: has the button.
        beside: the row that says how it stands, the references whose place it takes, and the evidence, which is of no
            use meanwhile.
        cards: show what engines write.
        intake: takes the recording, is silent meanwhile, and stops live work when other speech is wanted.
    """

    def __init__(
        self,
        controller: Controller,
        toolbar: ToolBar,
        beside: tuple[LiveBar, References, QWidget],
        cards: dict[str, EngineCard],
        intake: Intake,
    ) -> None:
        bar, self._references, self._dock = beside
        super().__init__(controller, toolbar, bar, cards, intake.waveform, intake.recording.inputs)
        self.begun.connect(intake.silence)
        self.changed.connect(self._show)
        self.ended.connect(intake.take)
        self.noted.connect(intake.said)
        intake.begun.connect(self.forget)
        controller.comparison_reset.connect(self.show_again)
        menu = toolbar.menu.menu().addMenu(tr("Engines in live"))
        menu.aboutToShow.connect(lambda: self.choice.fill(menu))

    def _show(self, live: bool) -> None:
        """Gives the cards that take part all the room, or gives it back."""
        taking = {engine.id for engine in self.choice.engines()}
        for engine_id, card in self._cards.items():
            card.setVisible(not live or engine_id in taking)
            card.expand.setChecked(live and engine_id in taking and card.description.paradigm != "baseline")
        self._dock.setVisible(not live)
        self._toolbar.show_live(live)
        self._bar.setFixedHeight(self._references.sizeHint().height())  # nothing moves
        self._references.setVisible(not live)
        self._bar.setVisible(live)
