"""How the codebooks of a stream of tokens are painted on the time axis."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from app.theme import palette
from app.views.tokencolours import token_pixels
from app.widgets.wavepaint import Axis
from engines.contract import TokenStream


def paint_codebooks(painter: QPainter, axis: Axis, part: TokenStream, box: QRectF, ratio: float) -> None:
    """Paints a lane per codebook, every token in its colour.

    Args:
        painter: clipped to the plot.
        axis: of time.
        part: the stream; only what is in sight of it is painted.
        box: of all lanes, coarsest codebook on top.
        ratio: of the device's pixels to those of the interface.
    """
    start, end = axis.view
    first = max(0, int((start - part.start) / part.frame_seconds))
    last = min(part.ids.shape[1], int((end - part.start) / part.frame_seconds) + 1)
    if last <= first:
        return
    # No more columns than pixels: of those that share one the first is shown.
    step = max(1, int((last - first) / max(1.0, axis.plot.width() * ratio)))
    pixels = np.ascontiguousarray(token_pixels(part.ids[:, first:last:step]))
    rows, columns = pixels.shape
    image = QImage(pixels.tobytes(), columns, rows, 4 * columns, QImage.Format.Format_ARGB32)
    left = axis.x(part.start + first * part.frame_seconds)
    right = axis.x(part.start + (first + columns * step) * part.frame_seconds)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
    painter.drawImage(QRectF(left, box.top(), right - left, box.height()), image)
    if box.height() < 3 * rows:
        return
    painter.setPen(QPen(QColor(palette().surface), 1))
    for row in range(1, rows):
        y = box.top() + row * box.height() / rows
        painter.drawLine(int(left), int(y), int(right), int(y))
