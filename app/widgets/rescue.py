"""Offers recordings that were cut off when the program was killed, one after another, until each was opened or left."""

from __future__ import annotations

import re
from collections import deque
from datetime import datetime

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QAccessible, QAccessibleEvent, QDesktopServices
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from app.language import tr
from app.locales import moment
from app.recorded import Recording
from app.widgets.numbers import seconds

_BEGAN = re.compile(r"recording-(\d{4})-(\d\d)-(\d\d)-(\d\d)(\d\d)(\d\d)")


class RescueBanner(QFrame):
    """A strip that is there only while there is something to offer; files are kept whatever is answered."""

    wanted = Signal(object)
    """A :class:`app.recorded.Recording` is to be opened."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", "banner")
        self._left: deque[Recording] = deque()
        self.label = QLabel()
        self.label.setWordWrap(True)
        self.label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.open = QPushButton(tr("Open it"))
        self.show_folder = QPushButton(tr("Show the file"))
        self.show_folder.setProperty("look", "link")
        self.leave = QPushButton(tr("Not now"))
        self.leave.setToolTip(tr("The file stays where it is"))
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 6, 8, 6)
        row.setSpacing(8)
        row.addWidget(self.label, 1)
        for button in (self.show_folder, self.open, self.leave):
            row.addWidget(button)
        self.open.clicked.connect(self._open)
        self.leave.clicked.connect(self._next)
        self.show_folder.clicked.connect(self._show_folder)
        self.hide()

    def offer(self, found: tuple[Recording, ...]) -> None:
        """Offers recordings, the latest first."""
        self._left.extend(reversed(found))
        self._show()

    def _open(self) -> None:
        recording = self._left[0]
        self._next()
        self.wanted.emit(recording)

    def _next(self) -> None:
        self._left.popleft()
        self._show()

    def _show_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._left[0].path.parent)))

    def _show(self) -> None:
        self.setVisible(bool(self._left))
        if not self._left:
            return
        recording = self._left[0]
        more = tr(" {left} more after this one.").format(left=len(self._left) - 1) if len(self._left) > 1 else ""
        self.label.setText(
            tr("<b>A recording</b>{when} was cut off when the program ended; {seconds} of it are saved.{more}").format(
                when=_when(recording), seconds=seconds(recording.seconds), more=more
            )
        )
        self.setAccessibleName(
            tr("A recording of {seconds} was cut off and saved").format(seconds=seconds(recording.seconds))
        )
        QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.Alert))


def _when(recording: Recording) -> str:
    """When a recording began, as far as its name tells."""
    match = _BEGAN.match(recording.path.name)
    if match is None:
        return ""
    began = datetime.strptime("-".join(match.groups()), "%Y-%m-%d-%H-%M-%S").astimezone()
    return tr(" of {began},").format(began=moment(began))
