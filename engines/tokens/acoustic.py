"""Acoustic tokens: the residual codes of the speech codec, from which the sound itself comes back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from engines.contract import AudioChunk, Samples, TokenStream
from engines.errors import TokensInvalid
from engines.models.codec import Codec
from engines.models.codes import require_books

NAME: Final = "Codec"
_TOLERANCE: Final = 1e-6
"""Seconds by which the duration of a frame may differ."""


@dataclass(frozen=True)
class AcousticTokeniser:
    """Turns speech into codes and codes into speech. Open the one of this installation with :meth:`open`.

    Attributes:
        codec: what does it.
    """

    codec: Codec

    @classmethod
    def open(cls) -> AcousticTokeniser:
        """Opens the codec that ships with the program.

        Raises:
            AdapterMissing: it is not there.
            AdapterMismatch: card and graphs do not belong together.
            GraphInvalid: a file is damaged.
        """
        return cls(Codec.open())

    @property
    def name(self) -> str:
        """For people."""
        return NAME

    @property
    def frame_seconds(self) -> float:
        """Seconds per frame."""
        return self.codec.frame_seconds

    def encode(
        self, samples: Samples, books: int | None = None, *, segment: int = 0, start: float = 0.0
    ) -> TokenStream:
        """The codes of a stretch of speech.

        Args:
            samples: ``(n,)`` at 16 kHz.
            books: the first codebooks that are kept; all by default.
            segment: index of the stretch.
            start: where it begins in the utterance, in seconds.

        Raises:
            AudioUnusable: there are no samples, or values that are no numbers.
            TokensInvalid: there are not so many codebooks.
        """
        kept = require_books(books, self.codec.books)
        return self.stream(self.codec.encode(samples)[:kept], segment=segment, start=start)

    def stream(
        self, ids: np.ndarray[tuple[int, int], np.dtype[np.int32]], *, segment: int = 0, start: float = 0.0,
        generated: bool = False,
    ) -> TokenStream:  # fmt: skip
        """Codes ``(k, T)`` as evidence, of speech that was heard or that a model generated."""
        codec = self.codec
        return TokenStream(
            NAME, segment, start, codec.frame_seconds, ids, (codec.codes,) * ids.shape[0],
            codec.bits_per_second(ids.shape[0]), direction="out" if generated else "in",
        )  # fmt: skip

    def decode(self, stream: TokenStream, books: int | None = None, *, conceal: bool = False) -> Samples:
        """Speech of codes, ``(T * 320,)`` at 16 kHz in [-1, 1].

        Args:
            stream: of this codec.
            books: how many of its codebooks to listen to; all by default.
            conceal: whether something stands in for lost frames (-1); otherwise they are refused.

        Raises:
            TokensInvalid: the stream is of another rate or other codebooks, has ids that do not exist, or lacks frames.
        """
        self._check(stream)
        return self.codec.decode(stream.ids, books, conceal=conceal)

    def speak(
        self, stream: TokenStream, books: int | None = None, *, frames: int = 25, conceal: bool = False
    ) -> Iterator[AudioChunk]:
        """As :meth:`decode`, chunk by chunk: the first sounds after as many frames as ``frames`` says.

        Raises:
            TokensInvalid: as :meth:`decode`.
        """
        self._check(stream)
        kept = require_books(books, stream.ids.shape[0])
        decoding = self.codec.stream(kept, conceal=conceal)
        for first in range(0, stream.ids.shape[1], frames):
            yield AudioChunk(decoding.push(stream.ids[:kept, first : first + frames]), self.codec.rate)

    def _check(self, stream: TokenStream) -> None:
        codec = self.codec
        if abs(stream.frame_seconds - codec.frame_seconds) > _TOLERANCE:
            theirs, ours = 1 / max(stream.frame_seconds, 1e-9), 1 / codec.frame_seconds
            message = f"The stream has {theirs:g} frames per second; the codec reads {ours:g}."
            raise TokensInvalid(message, "Give it to the tokeniser that made it.")
        if any(size != codec.codes for size in stream.sizes) or len(stream.sizes) != stream.ids.shape[0]:
            told = " × ".join(map(str, stream.sizes)) or "none"
            message = f"The stream's codebooks ({told}) are not those of the codec ({codec.books} of {codec.codes})."
            raise TokensInvalid(message, "Give it to the tokeniser that made it.")
        if stream.durations is not None:
            raise TokensInvalid("The stream has joined runs, which the codec does not read.", "Give every frame.")
