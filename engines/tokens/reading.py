"""What token engines read of a stretch of speech: units of Whisper's encoder, or codes of the codec."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from engines.contract import SAMPLE_RATE, Event, Evidence, Request, Samples, SpeechStates
from engines.models.code_reader import CodeReader
from engines.models.codes import LOST, Codes, Concealer
from engines.models.components import Components
from engines.runtime.mixed_vocabulary import MixedPart, Speech, UnitTable, Vectors
from engines.stages.listening import Encoder, Window
from engines.stages.sharing import shared_stage
from engines.stages.stretches import Stretch
from engines.tokens.acoustic import AcousticTokeniser
from engines.tokens.semantic import SemanticTokeniser
from engines.tokens.units import collapse


@dataclass(frozen=True)
class Heard:
    """What was read of a stretch.

    Attributes:
        stretch: the speech.
        samples: of it, ``(n,)`` at 16 kHz.
        ids: ``(codebooks, T)``, or ``(T,)`` units, as they came; -1 where a frame was lost.
        part: what the language model reads.
        durations: ``(N,)`` frames that each of its places stands for, the marks aside.
        rows: ``(M, W)`` different rows of these places.
        which: ``(N,)`` the row of each place.
        note: a sentence for the user; empty for none.
    """

    stretch: Stretch
    samples: Samples
    ids: NDArray[np.int32]
    part: MixedPart
    durations: NDArray[np.int32]
    rows: NDArray[np.float32]
    which: NDArray[np.int64]
    note: str = ""


class Reader(Protocol):
    """Makes of speech what the language model reads."""

    @property
    def frame_seconds(self) -> float:
        """Seconds per frame of what is read."""
        ...

    @property
    def encoder(self) -> Encoder | None:
        """What encodes the speech beforehand; None for the recogniser's encoder."""
        ...

    def read(
        self, components: Components, stretch: Stretch, window: Window, request: Request
    ) -> Generator[Event, None, Heard]:
        """Reads a stretch, by way of the memo where the work is the same for all."""
        ...

    def evidence(self, heard: Heard) -> Iterator[Evidence]:
        """The tokens themselves, and what they mean where that is known."""
        ...


def samples_of(stretch: Stretch, request: Request) -> Samples:
    """Samples of a stretch."""
    begin, end = round(stretch.start * SAMPLE_RATE), round(stretch.end * SAMPLE_RATE)
    return request.utterance.samples[begin:end]


@dataclass(frozen=True)
class UnitReader:
    """Reads runs of units.

    Attributes:
        tokeniser: makes them of states.
        codebook: hex sha256 of its file.
        table: the rows that stand for them.
    """

    tokeniser: SemanticTokeniser
    codebook: str
    table: UnitTable
    encoder: Encoder | None = None

    @property
    def frame_seconds(self) -> float:
        """See :class:`Reader`."""
        return self.tokeniser.frame_seconds

    def read(
        self, components: Components, stretch: Stretch, window: Window, request: Request
    ) -> Generator[Event, None, Heard]:
        """See :class:`Reader`."""
        ids = yield from shared_stage(
            components,
            "units",
            ("units", self.codebook, *window.key, round(stretch.start, 3), round(stretch.end, 3)),
            partial(self.tokeniser.units, stretch.states),
        )
        runs = collapse(ids)
        units, which = np.unique(runs.units, return_inverse=True)
        rows = self.table.rows[units]
        return Heard(stretch, samples_of(stretch, request), ids, Speech(runs.units), runs.durations, rows, which)

    def evidence(self, heard: Heard) -> Iterator[Evidence]:
        """See :class:`Reader`."""
        segment = heard.stretch.segment
        yield self.tokeniser.stream(heard.ids, segment=segment, start=heard.stretch.start)
        phones = self.tokeniser.phones(heard.ids, segment=segment)
        if phones is not None:
            yield phones


class NoStates:
    """Stands where states of an encoder are not read: it gives frames of no width, and takes no time."""

    name: Final = "no encoder"

    def encode(self, samples: Samples) -> SpeechStates:
        """See :class:`engines.stages.listening.Encoder`."""
        frames = max(1, -(-len(samples) // 320))
        return SpeechStates(np.zeros((frames, 0), np.float32), len(samples) / SAMPLE_RATE)


@dataclass(frozen=True)
class CodesReader:
    """Reads the first codebooks of the codec, a few frames at each place.

    Attributes:
        tokeniser: makes codes of samples.
        reader: makes vectors of codes.
        codec: what tells the codec's weights from others.
    """

    tokeniser: AcousticTokeniser
    reader: CodeReader
    codec: str
    encoder: Encoder | None = field(default_factory=NoStates)

    @property
    def frame_seconds(self) -> float:
        """See :class:`Reader`."""
        return self.tokeniser.frame_seconds

    def read(
        self, components: Components, stretch: Stretch, window: Window, request: Request
    ) -> Generator[Event, None, Heard]:
        """See :class:`Reader`; a share of the frames gets lost on the way where that was asked for."""
        del window
        samples = samples_of(stretch, request)
        key = ("codes", self.codec, request.utterance.digest, round(stretch.start, 3), round(stretch.end, 3))
        codes = yield from shared_stage(components, "codes", key, partial(self.tokeniser.codec.encode, samples))
        came = losing(codes[: self.reader.books], float(request.options.get("lost", 0.0)), stretch.segment)
        lost = int((came[0] == LOST).sum())
        whole = came
        if lost:
            whole = Concealer(self.tokeniser.codec.silence[: self.reader.books]).fill(came)
        rows = self.reader.vectors(whole)
        stack = self.reader.stack
        durations = np.full(len(rows), stack, np.int32)
        durations[-1:] -= -came.shape[1] % stack
        note = f"Of {came.shape[1]} codec frames {lost} were lost on the way and concealed." if lost else ""
        return Heard(stretch, samples, came, Vectors(rows), durations, rows, np.arange(len(rows)), note)

    def evidence(self, heard: Heard) -> Iterator[Evidence]:
        """See :class:`Reader`."""
        yield self.tokeniser.stream(heard.ids, segment=heard.stretch.segment, start=heard.stretch.start)


def losing(codes: Codes, share: float, seed: int) -> Codes:
    """Codes ``(k, T)`` of which a share of the frames, in bursts of five, is marked as lost.

    Args:
        codes: of a stretch.
        share: of frames, 0 to 1.
        seed: of where they are lost.
    """
    found = codes.copy()
    bursts = -(-codes.shape[1] // 5)
    gone = np.random.default_rng((seed, 11)).permutation(bursts)[: round(share * bursts)]
    for burst in gone.tolist():
        found[:, 5 * burst : 5 * burst + 5] = LOST
    return found
