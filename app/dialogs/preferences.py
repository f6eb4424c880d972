"""Preferences: appearance, how engines run, a language-model server. They take effect at once."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app import language, locales
from app.language import tr
from app.settings import Settings

THEMES = (("system", tr("As the system")), ("light", tr("Light")), ("dark", tr("Dark")))
SCALES = (0.8, 0.9, 1.0, 1.15, 1.3, 1.5, 1.75, 2.0)


class PreferencesDialog(QDialog):
    """Edits the settings in place; does not block the window.

    Args:
        settings: changed as the user changes them.
        providers: short names of the execution providers that can be chosen.
    """

    appearance_changed = Signal()
    changed = Signal()
    doubts_chosen = Signal(bool)
    """Whether unsure words are to be underlined."""
    offers_wanted = Signal()
    """Licences that were put away shall be offered again."""

    def __init__(self, settings: Settings, providers: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self.setWindowTitle(tr("Preferences"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(480)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(14)
        for title, form in (
            (tr("Appearance"), self._appearance()),
            (tr("Running"), self._running(providers)),
            (tr("Language-model server"), self._server()),
        ):
            heading = QLabel(title)
            heading.setProperty("tone", "title")
            column.addWidget(heading)
            column.addLayout(form)
        column.addStretch()
        row = QHBoxLayout()
        again = QPushButton(tr("Offer models again"))
        again.setToolTip(tr("Show the offers that were put away with “Not now”"))
        again.clicked.connect(self.offers_wanted)
        close = QPushButton(tr("Close"))
        close.setDefault(True)
        close.clicked.connect(self.accept)
        row.addWidget(again)
        row.addStretch()
        row.addWidget(close)
        column.addLayout(row)

    def _appearance(self) -> QFormLayout:
        form = _form()
        look = self._settings.appearance
        theme = QComboBox()
        for key, name in THEMES:
            theme.addItem(name, key)
        theme.setCurrentIndex(theme.findData(look.theme))
        theme.activated.connect(lambda _: self._set_theme(theme.currentData()))
        size = QComboBox()
        for scale in SCALES:
            size.addItem(f"{scale:.0%}", scale)
        size.setCurrentIndex(min(range(len(SCALES)), key=lambda i: abs(SCALES[i] - look.text_scale)))
        size.activated.connect(lambda _: self._set_scale(size.currentData()))
        doubts = QCheckBox(tr("Underline words that the model was unsure of"))
        doubts.setChecked(look.underline_doubts)
        doubts.toggled.connect(self.doubts_chosen)
        _row(form, tr("Language"), self._language())
        self._language_note = QLabel(tr("The language changes when Triptych is started again."))
        self._language_note.setProperty("tone", "small")
        self._language_note.setVisible(False)
        form.addRow("", self._language_note)
        _row(form, tr("Theme"), theme)
        _row(form, tr("Text size"), size)
        form.addRow("", doubts)
        return form

    def _language(self) -> QComboBox:
        box = QComboBox()
        box.addItem(tr("As the system"), locales.SYSTEM)
        for code in language.offered():
            box.addItem(locales.own_name(code), code)
        box.setCurrentIndex(max(0, box.findData(self._settings.appearance.language)))
        box.activated.connect(lambda _: self._set_language(box.currentData()))
        return box

    def _running(self, providers: Sequence[str]) -> QFormLayout:
        form = _form()
        running = self._settings.running
        provider = QComboBox()
        provider.addItem(tr("Automatic"), "auto")
        for name in providers:
            provider.addItem(name, name)
        provider.setCurrentIndex(max(0, provider.findData(running.provider)))
        provider.activated.connect(lambda _: self._set_running("provider", provider.currentData()))
        threads = QSpinBox()
        threads.setRange(0, 256)
        threads.setSpecialValueText(tr("Automatic"))
        threads.setValue(running.threads)
        threads.valueChanged.connect(lambda value: self._set_running("threads", value))
        after = QCheckBox(tr("Run all engines when a recording stops"))
        after.setChecked(self._settings.choices.run_after_recording)
        after.toggled.connect(self._set_after)
        _row(form, tr("Processor"), provider)
        _row(form, tr("Threads"), threads)
        form.addRow("", after)
        return form

    def _server(self) -> QFormLayout:
        form = _form()
        hint = QLabel(tr("Any OpenAI-compatible server. Engines use it when their language model is set to “server”."))
        hint.setProperty("tone", "small")
        hint.setWordWrap(True)
        form.addRow(hint)
        for name, label, example in (
            ("server_url", tr("Address"), "http://127.0.0.1:8080/v1"),
            ("server_model", tr("Model"), ""),
            ("server_key", tr("Key"), ""),
        ):
            line = QLineEdit(getattr(self._settings.running, name))
            line.setPlaceholderText(example)
            if name == "server_key":
                line.setEchoMode(QLineEdit.EchoMode.Password)
            line.editingFinished.connect(lambda name=name, line=line: self._set_running(name, line.text().strip()))
            _row(form, label, line)
        return form

    def _set_theme(self, theme: str) -> None:
        self._settings.appearance.theme = theme  # type: ignore[assignment]  # validated by pydantic
        self.appearance_changed.emit()

    def _set_language(self, code: str) -> None:
        self._settings.appearance.language = code
        self._language_note.setVisible(True)
        self.changed.emit()

    def _set_scale(self, scale: float) -> None:
        self._settings.appearance.text_scale = scale
        self.appearance_changed.emit()

    def _set_running(self, name: str, value: str | int) -> None:
        setattr(self._settings.running, name, value)
        self.changed.emit()

    def _set_after(self, checked: bool) -> None:
        self._settings.choices.run_after_recording = checked
        self.changed.emit()


def _form() -> QFormLayout:
    form = QFormLayout()
    form.setSpacing(8)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return form


def _row(form: QFormLayout, name: str, widget: QWidget) -> None:
    label = QLabel(name)
    label.setBuddy(widget)
    label.setMinimumHeight(widget.sizeHint().height())
    widget.setAccessibleName(name)
    form.addRow(label, widget)
