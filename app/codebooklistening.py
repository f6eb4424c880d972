"""Hears the first codebooks of a codec: decodes them aside, and plays what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.playback import Playback
from engines.contract import Samples, TokenStream
from engines.errors import TriptychError

if TYPE_CHECKING:
    from engines.tokens.acoustic import AcousticTokeniser

CODEBOOKS: Final = "codebooks"
"""What :attr:`Playback.other_changed` says while codebooks are heard; no engine is called so."""


def _codec() -> AcousticTokeniser:
    from engines.tokens.acoustic import AcousticTokeniser

    return AcousticTokeniser.open()


class CodebookListening(QObject):
    """Plays streams of a codec from as many codebooks as somebody wants to hear.

    Args:
        playback: plays.
        open_codec: opens what makes sound of codes, on first use; by default the codec of this installation.
        parent: owner.
    """

    failed = Signal(object)
    """What went wrong: a :class:`TriptychError`."""
    _decoded = Signal(object, int, int)

    def __init__(
        self,
        playback: Playback,
        open_codec: Callable[[], AcousticTokeniser] | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._playback, self._open = playback, open_codec or _codec
        self._codec: AcousticTokeniser | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="codebooks")
        self._request = 0
        self._decoded.connect(self._play)

    def listen(self, streams: Sequence[TokenStream], books: int) -> None:
        """Plays the first codebooks of streams, one behind the other; of several wishes the last one counts.

        Args:
            streams: of one codec.
            books: how many codebooks, at least 1.
        """
        self._request += 1
        request, given = self._request, tuple(streams)

        def decode() -> None:
            try:
                self._codec = self._codec or self._open()
                codec = self._codec
                parts = [codec.decode(stream, min(books, len(stream.sizes)), conceal=True) for stream in given]
            except TriptychError as error:
                self.failed.emit(error)
            else:
                self._decoded.emit(np.concatenate([np.zeros(0, np.float32), *parts]), codec.codec.rate, request)

        self._thread.submit(decode)

    def close(self) -> None:
        """Waits for what is being decoded."""
        self._request += 1
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _play(self, samples: Samples, rate: int, request: int) -> None:
        if request == self._request and samples.size:
            self._playback.stop()
            self._playback.toggle_other(CODEBOOKS, samples, rate)
