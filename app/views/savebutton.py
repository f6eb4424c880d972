"""The button that copies and saves what is seen of the evidence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QStandardPaths, Qt, Signal
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu, QToolButton, QWidget

from app.icons import icon
from app.language import tr
from app.theme import theme
from app.views import saving
from engines.errors import BadInput

_TIP = tr("Copy or save what is seen here")


class SaveButton(QToolButton):
    """A menu: copy as picture or table, save as PNG, SVG or CSV.

    Args:
        shown: the view that is seen, or None.
        stem: name of a file without its ending, for what is seen.
    """

    said = Signal(str)
    """What was copied or saved."""
    failed = Signal(object)
    """What went wrong: a :class:`TriptychError`."""

    def __init__(self, shown: Callable[[], QWidget | None], stem: Callable[[], str]) -> None:
        super().__init__()
        self._shown, self._stem = shown, stem
        self._folder = Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation))
        self.setProperty("look", "flat")
        self.setToolTip(_TIP)
        self.setAccessibleName(_TIP)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        menu.addAction(tr("Copy the picture"), self.copy_picture)
        self._tabled = [menu.addAction(tr("Copy the table"), self.copy_table)]
        menu.addSeparator()
        for ending in saving.KINDS:
            action = menu.addAction(tr("Save as {upper}…").format(upper=ending[1:].upper()))
            action.triggered.connect(self._chooser(ending))
            if ending == ".csv":
                self._tabled.append(action)
        menu.aboutToShow.connect(self._offer)
        self.setMenu(menu)
        theme().changed.connect(self._dress)
        self._dress()

    def copy_picture(self) -> None:
        """Puts the picture into the clipboard."""
        view = self._shown()
        if view is not None:
            QApplication.clipboard().setImage(saving.picture(view))
            self.said.emit(tr("The picture is in the clipboard."))

    def copy_table(self) -> None:
        """Puts the table into the clipboard, as spreadsheets paste it."""
        view: object = self._shown()
        if isinstance(view, saving.Tabled):
            QApplication.clipboard().setText(view.table().tabbed())
            self.said.emit(tr("The table is in the clipboard."))

    def write(self, path: Path) -> None:
        """Saves what is seen; the ending says as what."""
        view = self._shown()
        if view is None:
            return
        try:
            saving.write(view, path)
        except BadInput as error:
            self.failed.emit(error)
        else:
            self.said.emit(tr("Saved {name}.").format(name=path.name))

    def _chooser(self, ending: str) -> Callable[[], None]:
        return lambda: self._choose(ending)

    def _choose(self, ending: str) -> None:
        suggestion = str(self._folder / f"{self._stem()}{ending}")
        name, _ = QFileDialog.getSaveFileName(self.window(), tr("Save"), suggestion, saving.KINDS[ending])
        if name:
            path = Path(name)
            self._folder = path.parent
            self.write(path if path.suffix.lower() in saving.KINDS else path.with_name(path.name + ending))

    def _offer(self) -> None:
        for action in self._tabled:
            action.setEnabled(isinstance(self._shown(), saving.Tabled))

    def _dress(self) -> None:
        self.setIcon(icon("save"))
