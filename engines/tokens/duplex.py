"""The streaming loop of the model that listens and speaks at once: a frame in, a frame out, 12.5 times a second.

The state is a plain value: it can be put aside, taken up again, and looked at. What is heard is coded with as much of
the past as the codec's encoder looks at and the few frames behind that it waits for; so codes, and sound, are those of
the whole stream.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from engines.contract import SAMPLE_RATE, Samples
from engines.errors import AdapterMismatch, AudioUnusable
from engines.evidence import FrameKind
from engines.models.adapter_graph import HINT
from engines.models.codec import Codec
from engines.models.codes import LOST, Codes
from engines.models.duplex import SURE, Duplex, Liveliness, Memory
from engines.models.duplex_frames import unstacked
from engines.runtime import cancellation
from engines.tokens.backlog import Arrival, Backlog, Pace

BACKLOG: Final = 25
"""Frames that may wait, two seconds."""


@dataclass(frozen=True)
class DuplexState:
    """Where a stream is.

    Attributes:
        memory: of the model.
        sound: ``(n,)`` that the encoder still looks at, and that is yet to be heard.
        history: codec frames at its beginning that were heard already.
        frame: frames that are done.
        coming: what the frames in ``sound`` that are yet to be heard are.
        spoken: ``(books, m)`` codes that the decoder still looks at.
        dropped: frames in a row up to here that were dropped.
    """

    memory: Memory
    sound: Samples
    history: int
    frame: int
    coming: tuple[FrameKind, ...]
    spoken: Codes
    dropped: int


@dataclass(frozen=True)
class Frame:
    """What became of a frame.

    Attributes:
        number: from 0.
        kind: whether it was heard; one that was dropped was not worked on, its sound stands in for what is missing.
        text: that was written, with ``▁`` for a space; mostly empty.
        samples: that are spoken, ``(stack * hop,)`` in [-1, 1].
        heard: ``(books, stack)`` codes; -1 where it was lost or dropped.
        own: ``(books, stack)`` codes that are spoken; -1 where it was dropped.
        listening: seconds of coding.
        thinking: seconds of the model.
        speaking: seconds of decoding.
    """

    number: int
    kind: FrameKind
    text: str
    samples: Samples
    heard: Codes
    own: Codes
    listening: float
    thinking: float
    speaking: float

    @property
    def seconds(self) -> float:
        """That it took."""
        return self.listening + self.thinking + self.speaking


class DuplexLoop:
    """Takes frames of sound and gives frames of sound and text.

    Args:
        duplex: the model.
        codec: of what is heard and spoken.
        liveliness: see :class:`engines.models.duplex.Liveliness`.
        seed: of what is drawn.

    Attributes:
        frame_samples: samples of a frame.
        frame_seconds: seconds of it.

    Raises:
        AdapterMismatch: the codec has another rate than speech has here, or a model's frame is none of its.
    """

    def __init__(self, duplex: Duplex, codec: Codec, liveliness: Liveliness = SURE, *, seed: int = 0) -> None:
        shape = codec.card.codec
        if shape is None or codec.rate != SAMPLE_RATE or duplex.shape.books > codec.books:
            raise AdapterMismatch(f"The codec {codec.card.id} does not go with {duplex.card.id}.", HINT)
        self.duplex, self.codec = duplex, codec
        self._liveliness, self._seed = liveliness, seed
        self._books, self._stack, self._hop = duplex.shape.books, duplex.shape.stack, codec.hop
        self._before, self._later, self._reach = shape.encoder_frames, shape.encoder_later, shape.decoder_frames
        self.frame_samples = self._stack * codec.hop
        self.frame_seconds = self.frame_samples / codec.rate

    @property
    def ahead(self) -> int:
        """Frames that have to come behind a frame before it can be heard."""
        return math.ceil(self._later / self._stack)

    def begin(self) -> DuplexState:
        """The state before the first frame."""
        nothing = np.zeros((self._books, 0), np.int32)
        return DuplexState(self.duplex.begin(), np.zeros(0, np.float32), 0, 0, (), nothing, 0)

    def take(self, state: DuplexState, arrival: Arrival) -> DuplexState:
        """The state with a further frame that is yet to be heard; silence stands in for one that was not.

        Raises:
            AudioUnusable: it is no frame at the codec's rate, or has values that are no numbers.
        """
        samples = np.zeros(self.frame_samples, np.float32) if arrival.samples is None else arrival.samples
        if samples.shape != (self.frame_samples,):
            raise AudioUnusable(
                f"A frame of sound has {' × '.join(map(str, samples.shape))} samples; one of "
                f"{1000 * self.frame_seconds:g} ms at {self.codec.rate} Hz has {self.frame_samples}.",
                "Give one channel at that rate, frame by frame.",
            )
        if not np.isfinite(samples).all():
            raise AudioUnusable("The sound has values that are no numbers.", "Open the recording again.")
        sound = np.concatenate([state.sound, np.asarray(samples, np.float32)])
        return replace(state, sound=sound, coming=(*state.coming, arrival.kind))

    def ready(self, state: DuplexState, *, ended: bool = False) -> bool:
        """Whether the next frame can be heard: all that the encoder looks at is there, or nothing comes any more."""
        return len(state.coming) > (0 if ended else self.ahead)

    def advance(self, state: DuplexState) -> tuple[Frame, DuplexState]:
        """Hears the next frame, and speaks one.

        Args:
            state: that is ready.

        Returns:
            the frame and the state behind it.

        Raises:
            AdapterMismatch: model and codec do not belong together.
            GraphInvalid: the model gives values that are no numbers.
        """
        kind, began = state.coming[0], time.perf_counter()
        heard = np.full((self._books, self._stack), LOST, np.int32)
        if kind == "heard":
            block = state.sound[: (state.history + self._stack + self._later) * self._hop]
            heard = self.codec.encode(block)[: self._books, state.history : state.history + self._stack]
        listened = time.perf_counter()
        memory, text = state.memory, ""
        if kind == "dropped":
            own = self._concealed(state)
        else:
            random = np.random.default_rng((self._seed, state.frame))
            said, memory = self.duplex.step(memory, random, self._liveliness)
            memory = self.duplex.heard(memory, heard)
            text, own = self.duplex.text(said.text), unstacked(said.own[:, None], self._books)
        thought = time.perf_counter()
        joined = np.concatenate([state.spoken, own], axis=1)
        samples = self.codec.decode(joined)[state.spoken.shape[1] * self._hop :]
        spoke = time.perf_counter()
        told = own if kind != "dropped" else np.full_like(own, LOST)
        frame = Frame(
            state.frame, kind, text, samples, heard, told, listened - began, thought - listened, spoke - thought
        )
        history = min(state.history + self._stack, self._before)
        gone = state.history + self._stack - history
        return frame, DuplexState(
            memory, state.sound[gone * self._hop :], history, state.frame + 1, state.coming[1:],
            joined[:, max(0, joined.shape[1] - self._reach) :], state.dropped + 1 if kind == "dropped" else 0,
        )  # fmt: skip

    def _concealed(self, state: DuplexState) -> Codes:
        """What is spoken in a frame that was dropped: the last sound goes on for a frame, then there is silence."""
        silence = self.codec.silence[: self._books, None]
        last = state.spoken[:, -1:] if state.spoken.shape[1] and not state.dropped else silence
        return np.repeat(last, self._stack, axis=1).astype(np.int32)


def stream(
    loop: DuplexLoop,
    state: DuplexState,
    source: Iterable[Samples | None],
    backlog: Backlog,
    pace: Pace,
    *,
    patient: bool = True,
) -> Iterator[tuple[Frame, DuplexState]]:
    """Plays a recording into the loop, as a live source would.

    Args:
        loop: what hears and speaks.
        state: to go on from.
        source: frames; None for one that was lost on the way.
        backlog: where they wait.
        pace: the clock; it tells how far the loop falls behind.
        patient: whether the source waits for the loop, as a recording can; otherwise frames come by the clock.

    Yields:
        frames, each with the state behind it.

    Raises:
        AudioUnusable: a frame has another rate or values that are no numbers.
        Cancelled: the run was cancelled.
    """
    frames = iter(source)
    arrived = state.frame + len(state.coming)
    ended = False
    while True:
        cancellation.check()
        while not ended and (not backlog.waiting or (not patient and pace.came(arrived) <= pace.now)):
            try:
                backlog.put(next(frames))
            except StopIteration:
                ended = True
            else:
                arrived += 1
        arrival = backlog.take()
        if arrival is not None:
            state = loop.take(state, arrival)
        while loop.ready(state, ended=ended and arrival is None):
            frame, state = loop.advance(state)
            pace.done(frame.number, frame.seconds)
            yield frame, state
        if arrival is None and ended:
            return


def cut(samples: Samples, frame_samples: int, *, after: int = 0) -> Iterator[Samples]:
    """A recording ``(n,)`` in frames, the last filled up with silence, and silent frames behind."""
    for begin in range(0, len(samples), frame_samples):
        frame = np.zeros(frame_samples, np.float32)
        part = samples[begin : begin + frame_samples]
        frame[: len(part)] = part
        yield frame
    for _ in range(after):
        yield np.zeros(frame_samples, np.float32)
