"""The style sheet, written from a palette and a text size.

Widgets choose a look with dynamic properties: ``look`` on frames and buttons (``card``, ``primary``, ``record``,
``flat``, ``banner``), ``tone`` on labels (``muted``, ``error``, ``title``, ``reading``, ``small``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engines import paths

if TYPE_CHECKING:
    from app.theme import Palette


def build(p: Palette, points: float) -> str:
    """The application's style sheet.

    Args:
        p: the colours.
        points: size of interface text in points.
    """
    themes = (paths.resources() / "themes").as_posix()
    small, reading, title = points * 0.88, points * 1.15, points * 1.1
    return f"""
* {{ font-size: {points:.2f}pt; }}
QMainWindow, QDialog, QWidget[look="plain"] {{ background: {p.window}; }}
QLabel {{ color: {p.text}; background: transparent; }}
QLabel:disabled {{ color: {p.faint}; }}
QLabel[tone="muted"] {{ color: {p.muted}; }}
QLabel[tone="small"] {{ color: {p.muted}; font-size: {small:.2f}pt; }}
QLabel[tone="error"] {{ color: {p.error}; }}
QLabel[tone="reading"] {{ font-size: {reading:.2f}pt; }}
QLabel[tone="title"] {{ font-size: {title:.2f}pt; font-weight: 600; }}
QToolTip {{ background: {p.raised}; color: {p.text}; border: 1px solid {p.line}; padding: 4px 6px; }}

QFrame[look="card"] {{ background: {p.surface}; border: 1px solid {p.line}; border-radius: 9px; }}
QFrame[look="banner"] {{
  background: {p.surface}; border: 1px solid {p.line}; border-left: 4px solid {p.warning}; border-radius: 6px;
}}
QFrame[look="message"] {{ background: {p.surface}; border: 1px solid {p.error}; border-radius: 9px; }}

QPushButton, QToolButton, QComboBox {{
  background: {p.surface}; color: {p.text}; border: 1px solid {p.line}; border-radius: 8px;
  padding: 5px 11px; min-height: 1.5em;
}}
QToolButton[popupMode="2"] {{ padding-right: 22px; }}
QPushButton:hover, QToolButton:hover, QComboBox:hover {{ background: {p.raised}; }}
QPushButton:pressed, QToolButton:pressed, QToolButton:checked {{ background: {p.raised}; border-color: {p.muted}; }}
QPushButton:disabled, QToolButton:disabled, QComboBox:disabled {{ color: {p.faint}; background: {p.window}; }}
QPushButton:focus, QToolButton:focus, QComboBox:focus, QLineEdit:focus, QPlainTextEdit:focus, QAbstractSpinBox:focus {{
  border: 2px solid {p.focus}; padding: 4px 10px;
}}
QToolButton[popupMode="2"]:focus {{ padding-right: 21px; }}
QToolButton[look="icon"] {{ padding: 5px 8px; }}
QToolButton[look="icon"]:focus {{ padding: 4px 7px; }}
QPushButton[look="primary"] {{ background: {p.text}; color: {p.window}; border-color: {p.text}; font-weight: 600; }}
QPushButton[look="primary"]:hover {{ background: {p.muted}; border-color: {p.muted}; }}
QPushButton[look="primary"]:disabled {{ background: {p.raised}; color: {p.faint}; border-color: {p.line}; }}
QPushButton[look="primary"]:focus {{ border: 2px solid {p.focus}; }}
QPushButton[look="record"] {{ border-color: {p.record}; font-weight: 600; }}
QPushButton[look="record"]:checked {{ background: {p.record}; color: #ffffff; }}
QPushButton[look="flat"], QToolButton[look="flat"] {{
  background: transparent; border: 1px solid transparent; padding: 3px; border-radius: 6px; min-height: 0;
}}
QPushButton[look="flat"]:hover, QToolButton[look="flat"]:hover {{ background: {p.raised}; }}
QPushButton[look="flat"]:focus, QToolButton[look="flat"]:focus {{ border: 2px solid {p.focus}; padding: 2px; }}
QPushButton[look="link"] {{
  background: transparent; border: 1px solid transparent; color: {p.paradigms["text"]}; padding: 3px 6px;
  text-decoration: underline; min-height: 0;
}}
QPushButton[look="link"]:focus {{ border: 2px solid {p.focus}; padding: 2px 5px; }}
QToolButton[popupMode="2"]::menu-indicator {{
  image: url("{themes}/chevron-{p.name}.svg"); width: 12px; height: 12px;
  subcontrol-origin: padding; subcontrol-position: right center; right: 7px;
}}
QToolButton[look="icon"]::menu-indicator {{ image: none; width: 0; }}
QComboBox {{ padding-right: 3px; }}
QComboBox:focus {{ padding-right: 2px; }}
QComboBox::drop-down {{ border: none; width: 20px; }}
QComboBox::down-arrow {{ image: url("{themes}/chevron-{p.name}.svg"); width: 12px; height: 12px; }}
QComboBox QAbstractItemView, QMenu {{
  background: {p.surface}; color: {p.text}; border: 1px solid {p.line}; padding: 4px;
  selection-background-color: {p.raised}; selection-color: {p.text}; outline: none;
}}
QMenu::item {{ padding: 6px 22px 6px 12px; border-radius: 5px; }}
QMenu::item:selected {{ background: {p.raised}; }}
QMenu::item:disabled {{ color: {p.muted}; }}
QMenu::separator {{ height: 1px; background: {p.line}; margin: 4px 6px; }}

QLineEdit, QPlainTextEdit, QAbstractSpinBox {{
  background: {p.surface}; color: {p.text}; border: 1px solid {p.line}; border-radius: 8px; padding: 5px 11px;
  selection-background-color: {p.paradigms["text"]}; selection-color: {p.surface}; min-height: 1.5em;
}}
QAbstractSpinBox {{ padding: 5px 4px 5px 8px; }}
QAbstractSpinBox:focus {{ padding: 4px 3px 4px 7px; }}
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{ border: none; width: 20px; background: transparent; }}
QAbstractSpinBox::up-arrow {{ image: url("{themes}/chevron-up-{p.name}.svg"); width: 11px; height: 11px; }}
QAbstractSpinBox::down-arrow {{ image: url("{themes}/chevron-{p.name}.svg"); width: 11px; height: 11px; }}
QCheckBox, QRadioButton {{ color: {p.text}; spacing: 8px; padding: 3px; border: 2px solid transparent; }}
QCheckBox:focus, QRadioButton:focus {{ border: 2px solid {p.focus}; border-radius: 6px; }}

QScrollArea, QScrollArea > QWidget > QWidget[look="plain"] {{ background: transparent; border: none; }}
QScrollArea:focus {{ border: 2px solid {p.focus}; border-radius: 6px; }}
QScrollBar:vertical {{ background: transparent; width: 11px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: 11px; margin: 0; }}
QScrollBar::handle {{ background: {p.line}; border-radius: 4px; margin: 2px; min-height: 28px; min-width: 28px; }}
QScrollBar::handle:hover {{ background: {p.faint}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}

QSlider::groove:horizontal {{ height: 4px; background: {p.line}; border-radius: 2px; }}
QSlider::sub-page:horizontal {{ background: {p.paradigms["text"]}; border-radius: 2px; }}
QSlider::handle:horizontal {{
  width: 14px; height: 14px; margin: -6px 0; border-radius: 8px; background: {p.text}; border: 1px solid {p.surface};
}}
QSlider::handle:horizontal:focus {{ border: 2px solid {p.focus}; }}
QProgressBar {{ background: {p.raised}; border: none; border-radius: 3px; max-height: 6px; color: transparent; }}
QProgressBar::chunk {{ background: {p.paradigms["text"]}; border-radius: 3px; }}

QTabBar::tab {{
  background: transparent; color: {p.muted}; padding: 5px 10px; border: 2px solid transparent; border-radius: 6px;
}}
QTabBar::tab:selected {{ color: {p.text}; font-weight: 600; }}
QTabBar::tab:hover {{ color: {p.text}; }}
QTabBar:focus {{ border: 2px solid {p.focus}; }}
QTabWidget::pane {{ border: none; }}
QTableView, QTreeView, QListView {{
  background: {p.surface}; color: {p.text}; border: 1px solid transparent; gridline-color: {p.line};
  selection-background-color: {p.raised}; selection-color: {p.text}; alternate-background-color: {p.window};
}}
QTableView:focus, QTreeView:focus, QListView:focus {{ border: 2px solid {p.focus}; border-radius: 6px; }}
QTableView[look="list"]::item {{ padding: 0 6px; border: none; }}
QTableView[look="list"]::item:selected {{ background: {p.raised}; color: {p.text}; }}
QListView[look="choice"]::indicator {{
  width: 12px; height: 12px; border: 1px solid {p.muted}; border-radius: 3px; background: {p.window};
}}
QListView[look="choice"]::indicator:checked {{
  background: {p.text}; border-color: {p.text}; image: url("{themes}/check-{p.name}.svg");
}}
QListView[look="picker"]::item {{ padding: 6px 8px; border-radius: 5px; }}
QListView[look="picker"]::item:hover, QListView[look="picker"]::item:selected {{
  background: {p.raised}; color: {p.text};
}}
QHeaderView::section {{ background: {p.surface}; color: {p.muted}; border: none; padding: 4px 8px; }}
QSplitter::handle {{ background: transparent; }}
QSplitter::handle:hover {{ background: {p.line}; }}
"""
