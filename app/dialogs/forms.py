"""Fields of a form made from the options of an engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QLineEdit, QSpinBox, QWidget

from app.language import tr
from engines.catalog import Option
from engines.contract import OptionValue
from engines.errors import UnknownModel
from engines.weights import manifest

_WORDS: Mapping[str, str] = {"auto": tr("Automatic"), "server": tr("A server (see below)")}


class Field:
    """One option's editor.

    Attributes:
        widget: what is put on the form.
        value: reads what is set.
        set_value: sets it.
    """

    def __init__(
        self, widget: QWidget, value: Callable[[], OptionValue], set_value: Callable[[OptionValue], object]
    ) -> None:
        self.widget = widget
        self.value = value
        self.set_value = set_value


def field(name: str, option: Option) -> Field:
    """The editor that suits an option; its accessible name and tooltip are the option's label and help."""
    made = _MAKERS[option.type](name, option)
    made.widget.setAccessibleName(option.label)
    made.widget.setAccessibleDescription(option.help)
    made.widget.setToolTip(option.help)
    return made


def choice_name(choice: str) -> str:
    """A choice for people: a model's name, or the choice itself."""
    try:
        return manifest.load().model(choice).name
    except UnknownModel:
        return _WORDS.get(choice, choice)


def _int(_name: str, option: Option) -> Field:
    box = QSpinBox()
    low = -(2**31) if option.minimum is None else int(option.minimum)
    high = 2**31 - 1 if option.maximum is None else int(option.maximum)
    box.setRange(low, high)
    return Field(box, box.value, lambda value: box.setValue(int(value)))


def _float(_name: str, option: Option) -> Field:
    box = QDoubleSpinBox()
    low = -1e9 if option.minimum is None else float(option.minimum)
    high = 1e9 if option.maximum is None else float(option.maximum)
    box.setRange(low, high)
    box.setDecimals(2)
    box.setSingleStep(0.05)
    return Field(box, box.value, lambda value: box.setValue(float(value)))


def _bool(_name: str, option: Option) -> Field:
    box = QCheckBox(option.help)
    return Field(box, box.isChecked, lambda value: box.setChecked(bool(value)))


def _string(name: str, _option: Option) -> Field:
    line = QLineEdit()
    if name.endswith("_key"):
        line.setEchoMode(QLineEdit.EchoMode.Password)
    return Field(line, lambda: line.text().strip(), lambda value: line.setText(str(value)))


def _choice(_name: str, option: Option) -> Field:
    box = QComboBox()
    for choice in option.choices:
        box.addItem(choice_name(choice), choice)
    return Field(box, lambda: str(box.currentData()), lambda value: box.setCurrentIndex(box.findData(str(value))))


_MAKERS: Mapping[str, Callable[[str, Option], Field]] = {
    "int": _int,
    "float": _float,
    "bool": _bool,
    "string": _string,
    "choice": _choice,
}
