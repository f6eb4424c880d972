"""Measures what an engine costs, alone in a process of its own, with threads that are fixed and after it was warmed up.

Times are taken by runs in which nothing is counted; floating-point operations, which do not depend on the machine, by
one run more. A time is given as its median and 95th percentile over the runs.
"""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engines.catalog import Catalogue, EngineDescription
from engines.catalog import default as default_catalogue
from engines.contract import (
    SAMPLE_RATE,
    AudioChunk,
    Failed,
    Finished,
    Request,
    Result,
    StageFinished,
    Stamped,
    TextDelta,
    TextKind,
    Utterance,
    Work,
)
from engines.errors import TriptychError
from engines.evaluation.cost import Cost, Setting, spread
from engines.evaluation.energy import Energy, Meter
from engines.evaluation.following import TOO_SLOW, follow
from engines.host import Host
from engines.live.delay import laal
from engines.weights import cards

_LOUD = 0.2
"""Of the largest sample: where speech is taken to begin."""


@dataclass(frozen=True)
class Heard:
    """One run that counted.

    Attributes:
        seconds: the engine's own time in all.
        first_text: its time until the first text, provisional or final; None where none came.
        first_audio: until the first synthesised speech.
        lag: LAAL, see :func:`engines.live.delay.laal`, of an engine that begins when the utterance ends.
        stages: name → seconds.
        peak_memory_bytes: highest resident memory of its process.
        energy: of the machine's processors while it ran.
        result: what it came to.
        work: what it took, if that was counted.
    """

    seconds: float
    first_text: float | None
    first_audio: float | None
    lag: float | None
    stages: Mapping[str, float]
    peak_memory_bytes: int | None
    energy: Energy
    result: Result
    work: Work | None = None


def measure(engine: str, request: Request, setting: Setting | None = None, catalogue: Catalogue | None = None) -> Cost:
    """Measures an engine on one utterance.

    Args:
        engine: its id; its models are ready.
        request: what is asked of it, with its own options.
        setting: how.
        catalogue: the engines there are.

    Returns:
        what it costs; ``failed`` says why it could not be measured.

    Raises:
        BadInput: there is no such engine, or it cannot be asked this.
    """
    setting, catalogue = setting or Setting(), catalogue or default_catalogue()
    description = catalogue.describe(engine)
    cost = Cost(engine, description.name, description.paradigm, request.utterance.seconds, setting)
    asked = replace(request, evidence=False)
    try:
        with Host(isolated=True, provider=setting.provider, threads=setting.threads, catalogue=catalogue) as host:
            heard = [_heard(host, engine, asked) for _ in range(setting.warm_ups + setting.repeats)][setting.warm_ups :]
        with Host(
            isolated=True, provider=setting.provider, threads=setting.threads, catalogue=catalogue, counting=True
        ) as host:
            counted = _heard(host, engine, replace(request, evidence=True))
    except _Broken as broken:
        return replace(cost, failed=str(broken))
    return _summed(cost, description, heard, counted)


class _Broken(Exception):
    """A run did not come to its end."""


def _heard(host: Host, engine: str, request: Request) -> Heard:
    utterance, found = request.utterance, _Ear(request.utterance.seconds)
    meter = Meter()
    if not follow(host, engine, request, found.hear, group=1):
        raise _Broken(TOO_SLOW)
    energy = meter.read()
    if found.failure is not None:
        raise _Broken(f"{found.failure.message} {found.failure.hint}".strip())
    assert found.finished is not None
    words = len((utterance.reference or "").split()) if "translation" not in found.kinds else 0
    lag = laal(found.words, utterance.seconds, words) if found.words and utterance.seconds > 0 else None
    end = found.finished
    return Heard(
        found.at,
        found.first_text,
        found.first_audio,
        lag,
        found.stages,
        end.peak_memory_bytes,
        energy,
        end.result,
        end.work,
    )


class _Ear:
    """Listens to one run."""

    def __init__(self, speech_seconds: float) -> None:
        self._speech = speech_seconds
        self.at = 0.0
        self.first_text: float | None = None
        self.first_audio: float | None = None
        self.stages: dict[str, float] = {}
        self.words: list[float] = []
        self.kinds: set[TextKind] = set()
        self.finished: Finished | None = None
        self.failure: Failed | None = None

    def hear(self, stamped: Stamped) -> bool:
        self.at = stamped.at
        match stamped.event:
            case StageFinished(stage, seconds):
                self.stages[stage] = self.stages.get(stage, 0.0) + seconds
            case TextDelta(text, final, kind):
                if text.strip() and self.first_text is None:
                    self.first_text = stamped.at
                if final:
                    self.kinds.add(kind)
                    self.words += [self._speech + stamped.at] * len(text.split())
            case AudioChunk():
                self.first_audio = stamped.at if self.first_audio is None else self.first_audio
            case Finished():
                self.finished = stamped.event
                return True
            case Failed():
                self.failure = stamped.event
                return True
        return False


def _summed(cost: Cost, description: EngineDescription, heard: Sequence[Heard], counted: Heard) -> Cost:
    speech = cost.speech_seconds
    energy = [one.energy for one in heard]
    joules = spread([one.joules for one in energy])
    trained = _trained(description)
    graphs = counted.work.graphs if counted.work is not None else ()
    own, lora = _own(description)
    return replace(
        cost,
        seconds=spread([one.seconds for one in heard]),
        rtf=spread([one.seconds / speech for one in heard]) if speech > 0 else None,
        first_text=spread([one.first_text for one in heard]),
        first_audio=spread([one.first_audio for one in heard]),
        lag=spread([one.lag for one in heard]),
        stages={
            name: statistics.median(one.stages.get(name, 0.0) for one in heard)
            for name in dict.fromkeys(name for one in heard for name in one.stages)
        },
        work=counted.work,
        parameters=sum(graph.parameters for graph in graphs) + lora,
        trained=trained,
        disk_bytes=sum(graph.file_bytes for graph in graphs) + own,
        peak_memory_bytes=max((one.peak_memory_bytes or 0 for one in heard), default=0) or None,
        joules=None if joules is None else joules.median,
        no_joules=next((one.why_not for one in energy if one.why_not), ""),
        provider=counted.result.provider,
        precision=counted.result.precision,
    )


def _cards(description: EngineDescription) -> Iterator[tuple[Path, cards.AdapterCard]]:
    for adapter in description.adapters:
        try:
            yield cards.locate(adapter), cards.read(adapter)
        except TriptychError:
            continue


def _trained(description: EngineDescription) -> int | None:
    """Parameters that this program trained, by the cards of the engine's adapters; None without any."""
    found = [sum(card.parameters.model_dump().values()) for _, card in _cards(description)]
    return sum(found) if found else None


def _own(description: EngineDescription) -> tuple[int, int]:
    """Bytes of weights in the engine's folders that are no graphs, and the parameters of LoRAs among them."""
    size = lora = 0
    for folder, card in _cards(description):
        size += sum(file.stat().st_size for file in folder.rglob("*.safetensors"))
        lora += card.parameters.lora
    return size, lora


def stretched(utterance: Utterance, seconds: float) -> Utterance:
    """An utterance of another length: its beginning, or itself again and again.

    What is silent at its beginning is left out, so that short ones hold speech: most engines do nothing in silence.

    Args:
        utterance: of any length but none.
        seconds: wanted, above 0.
    """
    wanted, spoken = round(seconds * SAMPLE_RATE), np.asarray(utterance.samples)
    loud = np.flatnonzero(np.abs(spoken) >= _LOUD * np.abs(spoken).max(initial=0.0))
    spoken = spoken[int(loud[0]) if loud.size else 0 :]
    times = -(-wanted // max(1, spoken.shape[0]))
    samples = np.ascontiguousarray(np.tile(spoken, times)[:wanted], np.float32)
    digest = hashlib.sha256(samples.tobytes()).hexdigest()
    source = f"{utterance.source}, made {seconds:g} s long"
    return Utterance(samples, digest, source, language=utterance.language)


def grow(
    engine: str,
    request: Request,
    lengths: Sequence[float],
    setting: Setting | None = None,
    catalogue: Catalogue | None = None,
) -> Iterator[Cost]:
    """Measures an engine on utterances of several lengths, shortest first, and ends with the first that it fails at.

    Args:
        engine: its id.
        request: its utterance is cut or repeated.
        lengths: in seconds.
        setting: how.
        catalogue: the engines there are.

    Yields:
        one per length.

    Raises:
        BadInput: there is no such engine, or it cannot be asked this.
    """
    for seconds in sorted(lengths):
        longer = replace(request, utterance=stretched(request.utterance, seconds))
        cost = measure(engine, longer, setting, catalogue)
        yield cost
        if cost.failed:
            return
