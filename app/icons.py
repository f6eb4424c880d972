"""Icons: line drawings in ``resources/icons/*.svg`` that take the colour of the text beside them."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from app.theme import palette
from engines import paths


def icon(name: str, colour: str | None = None, size: int = 18) -> QIcon:
    """An icon, sharp at 100 to 300 % scaling; ask again when the theme has changed.

    Args:
        name: a file in ``resources/icons``, without its ending.
        colour: ``#rrggbb``; the text colour when None.
        size: edge in device-independent pixels.
    """
    colours = palette()
    result = QIcon()
    for mode, tint in ((QIcon.Mode.Normal, colour or colours.text), (QIcon.Mode.Disabled, colours.faint)):
        for ratio in (1, 2, 3):
            result.addPixmap(pixmap(name, tint, size, ratio), mode)
    return result


@lru_cache(maxsize=512)
def pixmap(name: str, colour: str, size: int, ratio: int = 1) -> QPixmap:
    """An icon as a picture of ``size * ratio`` pixels."""
    source = (paths.resources() / "icons" / f"{name}.svg").read_text("utf-8").replace("currentColor", colour)
    picture = QPixmap(QSize(size, size) * ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    QSvgRenderer(QByteArray(source.encode())).render(painter, QRectF(picture.rect()))
    painter.end()
    picture.setDevicePixelRatio(ratio)
    return picture
