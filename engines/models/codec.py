"""The speech codec: samples to residual codes and back (EnCodec, Défossez et al. 2022, arXiv 2210.13438).

A frame of 20 ms becomes one code per codebook, each codebook coding what the ones before it left over, so that the
first k codebooks alone give the same speech at k/8 of the bit rate. A frame's codes depend on a known number of frames
before it and behind it, its samples on frames before it alone. Long speech is therefore worked on in blocks, and
streams chunk by chunk, with the result of the whole.
"""

from __future__ import annotations

import math
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engines.contract import Samples
from engines.errors import AdapterMismatch, AudioUnusable, TokensInvalid
from engines.models.adapter_graph import HINT, Graph
from engines.models.codes import LOST, Codes, Concealer, require_books, require_codes, require_next
from engines.runtime import cancellation
from engines.runtime.sessions import provider_of
from engines.weights import cards
from engines.weights.cards import AdapterCard, CodecShape

ID: Final = "codec"
"""The folder of the codec that ships with the program."""
_BLOCK: Final = 500
"""Frames that are worked on at once: ten seconds."""
_LONGEST_GAP: Final = 500
"""Lost frames in a row that are concealed."""


class Codec:
    """A codec of this program's own training. Open it with :meth:`open`.

    Attributes:
        name: for people.
        precision: of its weights.
        rate: samples per second that it takes and gives.
        hop: samples per frame.
        frame_seconds: seconds per frame.
        books: codebooks.
        codes: entries of each.
        later: frames behind a frame that its codes depend on.
        card: what it is.
    """

    precision = "fp16"

    def __init__(self, folder: Path, card: AdapterCard) -> None:
        shape = card.codec
        if shape is None:
            raise AdapterMismatch(f"The card of {card.id} is not that of a codec.", HINT)
        self.card = card
        self.name = card.name
        self.rate, self.hop, self.books, self.codes = shape.rate, shape.hop, shape.books, shape.codes
        self.frame_seconds = shape.hop / shape.rate
        self._encoder = Graph(folder / "encoder.onnx", ("samples",), ("codes",))
        self._decoder = Graph(folder / "decoder.onnx", ("codes",), ("samples",))
        self._before_encoding, self.later = shape.encoder_frames, shape.encoder_later
        self._try(shape)

    @classmethod
    def open(cls, codec_id: str = ID) -> Codec:
        """Opens a codec from the folder of adapters, and tries it.

        Raises:
            AdapterMissing: it is not there.
            AdapterMismatch: card and graphs do not belong together, or it is no codec.
            GraphInvalid: a file is damaged.
        """
        return cls(cards.locate(codec_id), cards.read(codec_id))

    @property
    def provider(self) -> str:
        """What it really runs on."""
        return provider_of(self._decoder.session)

    def bits_per_second(self, books: int | None = None) -> float:
        """What a stream of the first ``books`` codebooks takes; of all by default.

        Raises:
            TokensInvalid: there are not so many.
        """
        return require_books(books, self.books) * math.log2(self.codes) / self.frame_seconds

    def encode(self, samples: Samples) -> Codes:
        """Codes of speech.

        Args:
            samples: ``(n,)`` at :attr:`rate`; the last frame is filled up with silence.

        Returns:
            ``(books, ceil(n / hop))`` int32, coarsest codebook first.

        Raises:
            AudioUnusable: there are no samples, several channels, or values that are no numbers.
            Cancelled: the user cancelled between two blocks.
        """
        if samples.ndim != 1 or not samples.size:
            raise AudioUnusable(f"Sound of shape {samples.shape} cannot be coded.", "Give one channel with samples.")
        if not np.isfinite(samples).all():
            raise AudioUnusable("The sound has values that are no numbers.", "Open the recording again.")
        frames = -(-samples.shape[0] // self.hop)
        whole = np.zeros(frames * self.hop, np.float32)
        whole[: samples.shape[0]] = np.clip(samples, -1, 1)
        parts = []
        for start in range(0, frames, _BLOCK):
            cancellation.check()
            before = min(start, self._before_encoding)
            block = whole[(start - before) * self.hop : (start + _BLOCK + self.later) * self.hop]
            found = self._encoder.run({"samples": block})[0]
            parts.append(found[:, before : before + _BLOCK].astype(np.int32))
        return np.concatenate(parts, axis=1)

    def decode(self, codes: Codes, books: int | None = None, *, conceal: bool = False) -> Samples:
        """Speech of codes.

        Args:
            codes: ``(k, T)`` integers, the first k ≤ :attr:`books` codebooks; -1 marks a lost frame.
            books: how many codebooks to listen to; all that are given by default.
            conceal: whether something stands in for lost frames; otherwise they are refused.

        Returns:
            ``(T * hop,)`` in [-1, 1]: what goes beyond is limited.

        Raises:
            TokensInvalid: the codes have the wrong shape or ids that do not exist, or frames are lost.
            Cancelled: the user cancelled between two blocks.
        """
        checked = require_codes(codes, self.books, self.codes, lost=conceal)
        kept = require_books(books, checked.shape[0])
        stream = self.stream(kept, conceal=conceal)
        parts = [np.zeros(0, np.float32)]
        for start in range(0, checked.shape[1], _BLOCK):
            cancellation.check()
            parts.append(stream.push(checked[:kept, start : start + _BLOCK]))
        return np.concatenate(parts)

    def stream(self, books: int | None = None, *, conceal: bool = False) -> CodecStream:
        """Begins to decode a stream chunk by chunk.

        Args:
            books: codebooks that every chunk has; all by default.
            conceal: see :meth:`decode`.

        Raises:
            TokensInvalid: there are not so many codebooks.
        """
        silence = self.silence if conceal else None
        return CodecStream(self._decoder, self.card, require_books(books, self.books), silence)

    @cached_property
    def silence(self) -> NDArray[np.int32]:
        """``(books,)`` codes of a frame of silence behind silence."""
        frames = self._before_encoding + 1
        return self.encode(np.zeros(frames * self.hop, np.float32))[:, -1]

    def _try(self, shape: CodecShape) -> None:
        found = self._encoder.run({"samples": np.zeros(3 * shape.hop, np.float32)})[0]
        heard = self._decoder.run({"codes": np.zeros((shape.books, 3), np.int64)})[0]
        if found.shape != (shape.books, 3) or heard.shape != (3 * shape.hop,):
            made = f"{found.shape} codes and {heard.shape} samples of three frames"
            raise AdapterMismatch(f"The codec {self.card.id} gives {made}; its card says otherwise.", HINT)


class CodecStream:
    """Decodes a stream whose frames come in chunks; what came before is remembered as far as it matters.

    Args:
        graph: the decoder.
        card: of the codec.
        books: codebooks of every chunk.
        silence: codes of a silent frame, to conceal lost frames; None refuses them.

    Attributes:
        frames: that have come so far, lost ones included.
    """

    def __init__(self, graph: Graph, card: AdapterCard, books: int, silence: NDArray[np.int32] | None) -> None:
        assert card.codec is not None
        self._graph, self._shape, self._books = graph, card.codec, books
        self._concealer = None if silence is None else Concealer(silence)
        self._past: Codes = np.zeros((books, 0), np.int32)
        self.frames = 0

    def push(self, codes: Codes, at: int | None = None) -> Samples:
        """Decodes the next chunk.

        Args:
            codes: ``(k, T)`` as for :meth:`Codec.decode`, with exactly the stream's codebooks.
            at: number of its first frame in the stream; None where nothing can be lost on the way.

        Returns:
            the samples ``(n,)`` in [-1, 1] of all frames up to the end of the chunk, lost ones included.

        Raises:
            TokensInvalid: as :meth:`Codec.decode`; also where a chunk comes twice, or frames before it are missing and
                are not to be concealed.
        """
        shape, conceals = self._shape, self._concealer is not None
        chunk = require_codes(codes, shape.books, shape.codes, lost=conceals, exactly=self._books)
        lost = require_next(at, self.frames, lost=conceals)
        if lost > _LONGEST_GAP:
            raise TokensInvalid(f"{lost} frames are missing from the stream.", "Begin a new stream.")
        chunk = np.concatenate([np.full((self._books, lost), LOST, np.int32), chunk], axis=1)
        if self._concealer is not None:
            chunk = self._concealer.fill(chunk)
        if not chunk.shape[1]:
            return np.zeros(0, np.float32)
        joined = np.concatenate([self._past, chunk], axis=1)
        found = self._graph.run({"codes": joined.astype(np.int64)})[0]
        before = self._past.shape[1]
        self.frames += chunk.shape[1]
        self._past = joined[:, max(0, joined.shape[1] - shape.decoder_frames) :]
        return np.clip(found[before * shape.hop :], -1, 1).astype(np.float32)
