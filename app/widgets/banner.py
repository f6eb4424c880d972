"""Two quiet strips: a message that says what went wrong, and the offer of a model whose licence must be accepted."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QAccessible, QAccessibleEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QSizePolicy, QToolButton, QWidget

from app.icons import icon, pixmap
from app.language import tr
from app.theme import palette, theme


class MessageBar(QFrame):
    """One sentence and what to do, laid over the lower edge of its parent so that nothing moves; Esc closes it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("look", "message")
        self._symbol = QLabel()
        self.label = QLabel()
        self.label.setWordWrap(True)
        self.label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.close_button = QToolButton()
        self.close_button.setProperty("look", "flat")
        self.close_button.setAccessibleName(tr("Close the message"))
        self.close_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.close_button.clicked.connect(self.hide)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 8, 8, 8)
        row.setSpacing(10)
        row.addWidget(self._symbol)
        row.addWidget(self.label, 1)
        row.addWidget(self.close_button)
        parent.installEventFilter(self)
        theme().changed.connect(self._dress)
        self._dress()
        self.hide()

    def say(self, message: str, hint: str = "", *, error: bool = True) -> None:
        """Shows a sentence until it is closed or replaced."""
        self.setProperty("look", "message" if error else "card")
        self.style().unpolish(self)
        self.style().polish(self)
        self._symbol.setProperty("symbol", "warning" if error else "info")
        self._dress()
        self.label.setText(f"{message} {hint}".strip())
        self.setAccessibleName(self.label.text())
        self.show()
        self.raise_()
        self._place()
        QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.Alert))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follows the parent's size."""
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return super().eventFilter(watched, event)

    def _place(self) -> None:
        parent = self.parentWidget()
        assert parent is not None
        width = min(820, parent.width() - 48)
        height = max(self.heightForWidth(width), self.sizeHint().height() if not self.hasHeightForWidth() else 0)
        self.setGeometry((parent.width() - width) // 2, parent.height() - height - 16, width, height)

    def _dress(self) -> None:
        name = self._symbol.property("symbol") or "warning"
        colours = palette()
        tint = colours.error if name == "warning" else colours.muted
        self._symbol.setPixmap(pixmap(str(name), tint, 20, 2))
        self.close_button.setIcon(icon("close", colours.muted, 16))


class OfferBanner(QFrame):
    """Offers a model that needs its licence accepted; shows the fetch once it was."""

    terms_requested = Signal()
    accepted = Signal()
    declined = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", "banner")
        self.label = QLabel()
        self.label.setWordWrap(True)
        self.label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.progress = QProgressBar()
        self.progress.setFixedWidth(180)
        self.progress.setTextVisible(False)
        self.progress.hide()
        self.terms = QPushButton(tr("Read terms"))
        self.terms.setProperty("look", "link")
        self.accept = QPushButton(tr("Accept and fetch"))
        self.decline = QPushButton(tr("Not now"))
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 6, 8, 6)
        row.setSpacing(8)
        row.addWidget(self.label, 1)
        row.addWidget(self.progress)
        for button in (self.terms, self.accept, self.decline):
            row.addWidget(button)
        self.terms.clicked.connect(self.terms_requested)
        self.accept.clicked.connect(self.accepted)
        self.decline.clicked.connect(self.declined)

    def offer(self, name: str, size: int, gain: str, licence: str) -> None:
        """Says what is offered: a model's name, its size in bytes, what it improves, and its licence's name."""
        self.label.setText(
            tr("<b>{name}</b> ({megabytes}) {gain}. It comes under the {licence}.").format(
                name=name, megabytes=megabytes(size), gain=gain, licence=licence
            )
        )
        self.setAccessibleName(tr("Offer: {name}").format(name=name))
        self._fetching(False)
        self.show()

    def show_progress(self, what: str, done: int, total: int | None) -> None:
        """Shows the fetch; ``total`` None where it is not known."""
        self._fetching(True)
        amount = tr(" {done} of {total}").format(done=megabytes(done), total=megabytes(total)) if total and done else ""
        self.label.setText(f"{what} …{amount}")
        self.progress.setRange(0, 1000 if total else 0)
        if total:
            self.progress.setValue(int(1000 * done / total))

    def _fetching(self, fetching: bool) -> None:
        self.progress.setVisible(fetching)
        for button in (self.terms, self.accept, self.decline):
            button.setVisible(not fetching)


def megabytes(size: int) -> str:
    """A size for people, in decimal megabytes."""
    return f"{size / 1e6:.0f} MB" if size >= 1e7 else f"{size / 1e6:.1f} MB"
