"""Live work for front ends: which engines take part, how they are opened, and how sound gets to them. No Qt."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import soxr
from numpy.typing import NDArray

from app.sources import Source
from engines.audio.samples import list_samples, load_sample
from engines.audio.vad import VoiceActivity
from engines.catalog import Catalogue, EngineDescription
from engines.contract import SAMPLE_RATE, Samples, Utterance
from engines.errors import MicrophoneUnavailable
from engines.host import Host
from engines.live.asking import Asked, utterance
from engines.live.driving import Listener, Setting
from engines.weights.store import WeightStore

MEMO_BYTES = 64 * 2**20
"""What engines may share of past rounds: little is asked for again."""
_WARM_SECONDS = 2.0


def able(engines: Iterable[EngineDescription], asked: Asked) -> tuple[EngineDescription, ...]:
    """The engines that do what is asked."""
    return tuple(engine for engine in engines if engine.supports(asked.task, asked.target))


def setting(
    engines: Sequence[EngineDescription],
    asked: Asked,
    *,
    catalogue: Catalogue,
    provider: str = "auto",
    threads: int = 0,
) -> Setting:
    """A live run of engines whose models are ready, in a child process of its own.

    Args:
        engines: those that take part.
        asked: of every engine.
        catalogue: the engines there are.
        provider: execution provider.
        threads: 0 lets ONNX Runtime choose.

    Raises:
        WeightsMissing: the voice activity detector is not there.
        GraphInvalid: it is damaged.
    """
    stream = VoiceActivity.open(WeightStore().path("silero-vad")).stream()

    def open_host(listener: Listener) -> Host:
        return Host(listener, provider=provider, threads=threads, catalogue=catalogue, memo_bytes=MEMO_BYTES)

    return Setting(engines, asked, stream.probabilities, open_host, a_little_speech())


def a_little_speech() -> Utterance:
    """The beginning of the first bundled sample: enough for an engine to open its models on."""
    whole = load_sample(list_samples()[0].id)
    return utterance(np.asarray(whole.samples[: round(_WARM_SECONDS * SAMPLE_RATE)]), whole.language)


class Feed:
    """Brings blocks of a recording source to a live run: 16-bit at any rate becomes float at 16 kHz.

    Args:
        hear: takes the sound, ``(n,)`` at 16 kHz, and whether some was lost before it.
        rate: of the blocks, in Hz.
    """

    def __init__(self, hear: Callable[..., None], rate: int) -> None:
        self._hear = hear
        stream = None if rate == SAMPLE_RATE else soxr.ResampleStream(rate, SAMPLE_RATE, 1, quality="HQ")
        self._convert: Callable[[Samples], Samples] = _as_is if stream is None else stream.resample_chunk

    def take(self, block: NDArray[np.int16], lost: bool = False) -> None:
        """Takes a block ``(n,)``, which is copied, and whether sound was lost before it."""
        samples = block.astype(np.float32) / 32_768.0
        self._hear(np.asarray(self._convert(samples), np.float32), lost=lost)


def _as_is(samples: Samples) -> Samples:
    return samples


class Listening:
    """A source that is listened to: from its start until it ends, or enough was heard.

    Args:
        source: a microphone, or a file in its place.
        hear: takes the sound; see :class:`Feed`.
        seconds: of sound that are enough; None for no end.
    """

    def __init__(self, source: Source, hear: Callable[..., None], seconds: float | None = None) -> None:
        self.over = threading.Event()
        self.problem: MicrophoneUnavailable | None = None
        self._source, self._hear, self._seconds = source, hear, seconds
        self._lock = threading.Lock()
        self._early: list[tuple[NDArray[np.int16], bool]] = []
        self._feed: Feed | None = None
        self._left = math.inf

    def start(self) -> None:
        """Opens the source.

        Raises:
            MicrophoneUnavailable: it is absent or busy.
        """
        rate = self._source.start(self._take, self._ended)
        with self._lock:
            self._left = math.inf if self._seconds is None else self._seconds * rate
            self._feed = Feed(self._hear, rate)
            for block, lost in self._early:
                self._pass(self._feed, block, lost)
            self._early.clear()

    def stop(self) -> None:
        """Closes the source; nothing is heard any more."""
        self._source.stop()

    def _take(self, block: NDArray[np.int16], lost: bool) -> None:
        with self._lock:
            if self._feed is None:  # the first blocks may come before their rate is known
                self._early.append((block.copy(), lost))
            else:
                self._pass(self._feed, block, lost)

    def _pass(self, feed: Feed, block: NDArray[np.int16], lost: bool) -> None:
        if self._left > 0:
            feed.take(block, lost)
            self._left -= block.shape[0]
        if self._left <= 0:
            self.over.set()

    def _ended(self, problem: MicrophoneUnavailable | None) -> None:
        self.problem = problem
        self.over.set()
