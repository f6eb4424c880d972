"""Copies and saves what a view of the evidence shows: as a picture of pixels or of lines, or as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Protocol, runtime_checkable

from PySide6.QtCore import QPoint, QRect, QSize
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QWidget

from app.language import tr
from app.theme import palette
from app.views.table import Table
from engines.errors import BadInput

KINDS: Final = {".png": tr("Picture (*.png)"), ".svg": tr("Drawing (*.svg)"), ".csv": tr("Table (*.csv)")}
"""Ending → what a dialog calls it."""
_SHARP: Final = 2.0
"""Pixels of a saved picture per pixel of the interface, at least."""


@runtime_checkable
class Tabled(Protocol):
    """A view that has a table."""

    def table(self) -> Table:
        """What it shows, all of it and not only what is in sight."""
        ...


@runtime_checkable
class Drawn(Protocol):
    """A view that can be painted without pixels in between."""

    def draw(self, painter: QPainter) -> None:
        """Paints everything that is in sight."""
        ...


def picture(view: QWidget) -> QImage:
    """A view in pixels, sharp on any screen."""
    ratio = max(_SHARP, view.devicePixelRatioF())
    image = QImage(view.size() * ratio, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    image.fill(QColor(palette().surface))
    painter = QPainter(image)
    _draw(view, painter)
    painter.end()
    return image


def write(view: QWidget, path: Path) -> None:
    """Writes a view; the ending of the path says as what.

    Args:
        view: it.
        path: ends with one of :data:`KINDS`.

    Raises:
        BadInput: it ends otherwise, the view has no table, or the file cannot be written.
    """
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise BadInput(
            tr("{name} is neither PNG, SVG nor CSV.").format(name=path.name),
            tr("Let its name end with {listed}.").format(listed=", ".join(KINDS)),
        )
    try:
        if kind == ".csv":
            if not isinstance(view, Tabled):
                raise BadInput(tr("This view has no table."), tr("Save it as a picture."))
            # The mark at the beginning tells spreadsheets that it is UTF-8.
            path.write_text(view.table().csv(), encoding="utf-8-sig", newline="")
        elif kind == ".png":
            _write_pixels(view, path)
        else:
            _write_lines(view, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise BadInput(
            tr("{name} could not be written: {reason}.").format(name=path.name, reason=reason),
            tr("Choose another place."),
        ) from error


def _write_pixels(view: QWidget, path: Path) -> None:
    path.open("wb").close()  # Qt does not say why it could not
    if not picture(view).save(str(path)):
        raise OSError(tr("the disk may be full"))


def _write_lines(view: QWidget, path: Path) -> None:
    path.open("wb").close()
    file = QSvgGenerator()
    file.setFileName(str(path))
    file.setSize(view.size())
    file.setViewBox(QRect(QPoint(0, 0), view.size()))
    file.setTitle(view.accessibleName() or "Triptych")
    file.setDescription(view.accessibleDescription())
    painter = QPainter(file)
    painter.fillRect(QRect(QPoint(0, 0), QSize(view.size())), QColor(palette().surface))
    _draw(view, painter)
    painter.end()


def _draw(view: QWidget, painter: QPainter) -> None:
    if isinstance(view, Drawn):
        view.draw(painter)
    else:
        view.render(painter, QPoint(0, 0))
