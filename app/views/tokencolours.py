"""One colour per token, the same wherever it is painted."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor

from app.theme import palette

_GOLDEN: Final = 0.6180339887498949
"""Steps of the golden ratio around the circle: neighbours in number are far apart in hue."""


def token_colour(token: int) -> QColor:
    """The colour of a token; that of the card's line for a frame that was lost."""
    colours = palette()
    return QColor(colours.line) if token < 0 else _colour(token, colours.name)


def token_pixels(tokens: NDArray[np.int32]) -> NDArray[np.uint32]:
    """``0xAARRGGBB`` of an array of tokens, in its shape."""
    found, places = np.unique(tokens, return_inverse=True)
    table = np.array([token_colour(int(token)).rgba() for token in found], np.uint32)
    return table[places].reshape(tokens.shape)


@lru_cache(maxsize=8192)
def _colour(token: int, appearance: Literal["light", "dark"]) -> QColor:
    hue = token * _GOLDEN % 1
    strength = (0.45, 0.6, 0.75)[token % 3]
    light = (0.55, 0.66)[token % 2] if appearance == "dark" else (0.5, 0.62)[token % 2]
    return QColor.fromHslF(hue, strength, light)
