"""An engine's settings, made from its description."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QDialog, QFormLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.dialogs.forms import Field, field
from app.language import tr
from engines.catalog import EngineDescription
from engines.contract import OptionValue


class EngineDialog(QDialog):
    """Shows every option with its help; does not block the window.

    Args:
        engine: its description.
        options: those that differ from its defaults.
    """

    changed = Signal(str, dict)
    """Engine id, and the options that differ from its defaults."""
    run_requested = Signal(str)

    def __init__(
        self, engine: EngineDescription, options: Mapping[str, OptionValue], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.engine = engine
        self.setWindowTitle(tr("{name} – settings").format(name=engine.name))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(460)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(12)
        about = QLabel(engine.description)
        about.setWordWrap(True)
        column.addWidget(about)
        if engine.stands_for:
            systems = QLabel(tr("Works like: {listed}").format(listed=", ".join(engine.stands_for)))
            systems.setProperty("tone", "small")
            systems.setWordWrap(True)
            column.addWidget(systems)
        self._form = QFormLayout()
        self._form.setSpacing(8)
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.fields: dict[str, Field] = {}
        for name, option in engine.options.items():
            made = field(name, option)
            made.set_value(options.get(name, option.default))
            self.fields[name] = made
            label = QLabel(option.label if option.type != "bool" else "")
            label.setBuddy(made.widget)
            label.setMinimumHeight(made.widget.sizeHint().height())
            label.setToolTip(option.help)
            self._form.addRow(label, made.widget)
        column.addLayout(self._form)
        column.addStretch()
        column.addLayout(self._buttons())
        model = self.fields.get("llm")
        if model is not None and isinstance(model.widget, QComboBox):
            model.widget.currentIndexChanged.connect(self._show_server_fields)
        self._show_server_fields()

    def options(self) -> dict[str, OptionValue]:
        """The settings that differ from the engine's defaults."""
        values = {name: made.value() for name, made in self.fields.items()}
        return {name: value for name, value in values.items() if value != self.engine.options[name].default}

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        defaults = QPushButton(tr("Defaults"))
        close = QPushButton(tr("Keep"))
        again = QPushButton(tr("Keep and run again"))
        again.setProperty("look", "primary")
        again.setDefault(True)
        defaults.clicked.connect(self._to_defaults)
        close.clicked.connect(self._keep)
        again.clicked.connect(self._keep_and_run)
        row.addWidget(defaults)
        row.addStretch()
        row.addWidget(close)
        row.addWidget(again)
        return row

    def _to_defaults(self) -> None:
        for name, made in self.fields.items():
            made.set_value(self.engine.options[name].default)

    def _keep(self) -> None:
        self.changed.emit(self.engine.id, self.options())
        self.accept()

    def _keep_and_run(self) -> None:
        self._keep()
        self.run_requested.emit(self.engine.id)

    def _show_server_fields(self) -> None:
        remote = "llm" in self.fields and self.fields["llm"].value() == "server"
        for name, made in self.fields.items():
            if name.startswith("server_"):
                self._form.setRowVisible(made.widget, remote)
