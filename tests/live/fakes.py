"""A voice that is a tone, a detector that hears tones, and a host whose engines write a word per half second."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from engines.audio.segmentation import FRAME_SAMPLES
from engines.contract import SAMPLE_RATE, Failed, Finished, Request, Result, Samples, Stamped, Task, TextDelta
from engines.live.asking import Asked
from engines.live.driving import Listener, Setting
from engines.live.events import LiveEvent, Words, Written
from engines.live.governor import Limits
from tests.engines.fakes import describe

Fault = Failed("ServerUnreachable", "The server is away.", "Start it.")


def tone(seconds: float) -> Samples:
    """Speech."""
    return (0.5 * np.sin(np.arange(round(seconds * SAMPLE_RATE)) * 0.3 + 0.1)).astype(np.float32)


def pause(seconds: float) -> Samples:
    return np.zeros(round(seconds * SAMPLE_RATE), np.float32)


def spoken(*seconds: float) -> Samples:
    """Speech and pauses in turn, seconds each, beginning with speech."""
    return np.concatenate([pause(n) if index % 2 else tone(n) for index, n in enumerate(seconds)])


def detect(samples: Samples) -> NDArray[np.float32]:
    rows = samples[: samples.shape[0] // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    return (np.abs(rows).max(axis=1) > 0.1).astype(np.float32)


def words(request: Request) -> str:
    """A word per half second of the speech that is heard."""
    return " ".join(f"w{index}" for index in range(int(np.count_nonzero(request.utterance.samples) / 8000 + 0.1)))


class FakeHost:
    """Works everything off at once and says that it took the given seconds.

    Args:
        listener: is told.
        costs: engine → seconds of a run, or a function of the request.
        faults: engine → what it fails with.
        write: the text of a request.
    """

    def __init__(
        self,
        listener: Listener,
        costs: Mapping[str, float | Callable[[Request], float]],
        faults: Mapping[str, Failed] | None = None,
        write: Callable[[str, Request], str] = lambda _engine, request: words(request),
    ) -> None:
        self._listener = listener
        self._costs, self._faults, self._write = costs, faults or {}, write
        self.asked: list[tuple[str, Request]] = []
        self.closed = False

    def submit(self, engine_id: str, request: Request) -> int:
        self.asked.append((engine_id, request))
        cost = self._costs.get(engine_id, 0.1)
        seconds = cost(request) if callable(cost) else cost
        text = self._write(engine_id, request)
        translated = text.upper() if request.task is Task.TRANSLATE else None
        event = self._faults.get(engine_id) or Finished(Result(text, translation=translated))
        self._listener(len(self.asked), Stamped(engine_id, seconds / 2, TextDelta(text, final=False)))
        self._listener(len(self.asked), Stamped(engine_id, seconds, event))
        return len(self.asked)

    def cancel(self, run_id: int | None = None) -> None:
        pass

    def close(self) -> None:
        self.closed = True


class Stage:
    """A setting with fake engines, and what came of it."""

    def __init__(self, *engines: str, asked: Asked | None = None, limits: Limits | None = None, **host: object) -> None:
        self.events: list[LiveEvent] = []
        self.host: FakeHost | None = None
        host.setdefault("costs", {})

        def open_host(listener: Listener) -> FakeHost:
            self.host = FakeHost(listener, **host)  # type: ignore[arg-type]
            return self.host

        described = tuple(describe(engine, Task.TRANSCRIBE, Task.TRANSLATE) for engine in engines)
        self.setting = Setting(described, asked or Asked(), detect, open_host, limits=limits or Limits())

    def tell(self, event: LiveEvent) -> None:
        self.events.append(event)

    def of(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]

    def final(self, engine: str, phrase: int, kind: str = "transcript") -> str:
        """What was shown as final, put together from the events."""
        found = [e for e in self.of(Words) if (e.engine, e.phrase, e.kind) == (engine, phrase, kind)]
        return "".join(event.final for event in found)

    def written(self, engine: str) -> list[Written]:
        return [event for event in self.of(Written) if event.engine == engine]
