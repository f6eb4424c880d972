"""The engine that listens and speaks at once: a recording is fed to it frame by frame, as live sound is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from engines.contract import (
    AudioChunk,
    Component,
    Event,
    Evidence,
    EvidenceFound,
    Finished,
    FrameClock,
    Request,
    Samples,
    StageFinished,
    StageStarted,
    Task,
    TextDelta,
)
from engines.errors import TaskUnsupported, UnknownLanguage
from engines.languages import name_of
from engines.models.codec import ID as CODEC
from engines.models.components import Components
from engines.models.duplex import ID, Duplex, Liveliness
from engines.models.pieces import MARK
from engines.stages.texts import NO_SPEECH, Text, result
from engines.tokens.acoustic import AcousticTokeniser
from engines.tokens.backlog import Backlog, Pace
from engines.tokens.duplex import BACKLOG, DuplexLoop, Frame, cut, stream
from engines.weights import cards

STAGES: Final = ("codes", "think", "speak")
_AFTER: Final = 3
"""Frames beyond the delay that the model may speak on after the last sound."""
_NONE: Final = np.zeros(0, np.float32)


class DuplexEngine:
    """Repeats what it hears a little later, and writes it along.

    Args:
        components: the parts that all engines share.
    """

    def __init__(self, components: Components) -> None:
        self._components = components

    def run(self, request: Request) -> Iterator[Event]:
        """See :class:`engines.contract.Engine`.

        Raises:
            TaskUnsupported: something else than speaking is asked for.
            UnknownLanguage: a translation is asked for, or it was not trained on the language.
            AdapterMissing: trained weights are not there: its own, or the codec.
            AdapterMismatch: they do not belong together.
            AudioUnusable: there are no samples, or values that are no numbers.
        """
        if request.task is not Task.SPEAK:
            raise TaskUnsupported("The duplex engine says again what it hears, as it hears it.", "Ask it to speak.")
        cards.require([CODEC, ID])
        duplex: Duplex = self._components.part(ID, Duplex.open)
        tokeniser: AcousticTokeniser = self._components.part(CODEC, AcousticTokeniser.open)
        duplex.check(tokeniser.codec, cards.codec_digest(CODEC))
        _require_language(duplex, request)
        options = request.options
        liveliness = Liveliness(float(options.get("temperature", 0.0)), float(options.get("voice_temperature", 0.0)))
        seed = int(options.get("seed", 0))
        loop = DuplexLoop(duplex, tokeniser.codec, liveliness, seed=seed)
        backlog, pace = Backlog(int(options.get("backlog", BACKLOG))), Pace(loop.frame_seconds, loop.ahead)
        source = losing(
            cut(request.utterance.samples, loop.frame_samples, after=duplex.shape.delay + _AFTER),
            float(options.get("lost", 0.0)), seed,
        )  # fmt: skip
        frames: list[Frame] = []
        text = ""
        playing = stream(loop, loop.begin(), source, backlog, pace, patient=bool(options.get("patient", True)))
        for frame, _ in playing:
            frames.append(replace(frame, samples=_NONE))  # an hour of them must not hold an hour of sound
            yield AudioChunk(frame.samples, tokeniser.codec.rate)
            more = frame.text.replace(MARK, " ")
            more = more if text else more.lstrip()
            if more:
                text += more
                yield TextDelta(more, final=True)
        for stage, seconds in zip(STAGES, spent(frames), strict=True):
            yield StageStarted(stage)
            yield StageFinished(stage, seconds)
        for piece in evidence(frames, tokeniser, pace):
            yield EvidenceFound(piece)
        used: dict[str, Component] = {"codec": tokeniser.codec, "duplex": duplex}
        written = Text("transcript", parts=[text.strip()] if text.strip() else [])
        notes = [*told(frames, backlog, pace), *([] if text.strip() else [NO_SPEECH])]
        yield Finished(result(used, language=request.utterance.language, transcript=written, notes=notes))


def _require_language(duplex: Duplex, request: Request) -> None:
    spoken, target = request.utterance.language, request.target
    if target is not None and spoken is not None and target != spoken:
        raise UnknownLanguage(
            f"The duplex engine repeats what it hears, and does not say it in {name_of(target)}.",
            "Leave the language as it is, or use the cascade.",
        )
    known = duplex.card.languages
    if spoken is not None and spoken not in known:
        able = ", ".join(name_of(code) for code in known)
        raise UnknownLanguage(
            f"The duplex engine was trained on {able}; this is {name_of(spoken)}.", "Use another engine."
        )


def losing(frames: Iterator[Samples], share: float, seed: int) -> Iterator[Samples | None]:
    """Frames of which a share is lost, each by itself."""
    random = np.random.default_rng((seed, 17))
    for frame in frames:
        yield None if share > 0 and random.random() < share else frame


def spent(frames: list[Frame]) -> tuple[float, float, float]:
    """Seconds of coding, of the model and of decoding."""
    return (
        sum(frame.listening for frame in frames),
        sum(frame.thinking for frame in frames),
        sum(frame.speaking for frame in frames),
    )


def evidence(frames: list[Frame], tokeniser: AcousticTokeniser, pace: Pace) -> Iterator[Evidence]:
    """The codes that were heard and spoken, and what every frame took and wrote."""
    if not frames:
        return
    for generated in (False, True):
        codes = np.concatenate([frame.own if generated else frame.heard for frame in frames], axis=1)
        yield tokeniser.stream(codes, generated=generated)
    yield FrameClock(
        start=0.0,
        frame_seconds=pace.frame_seconds,
        seconds=np.array([frame.seconds for frame in frames], np.float32),
        texts=tuple(frame.text.replace(MARK, " ") for frame in frames),
        late=pace.late,
        kinds=tuple(frame.kind for frame in frames),
        stages=STAGES,
        spent=np.array([[f.listening, f.thinking, f.speaking] for f in frames], np.float32).T,
        behind=pace.behind,
    )


def told(frames: list[Frame], backlog: Backlog, pace: Pace) -> list[str]:
    """Sentences on how the loop kept time, and on frames that were not heard."""
    if not frames:
        return []
    milliseconds = 1000 * np.percentile([frame.seconds for frame in frames], [50, 95])
    median, most = (f"{value:.0f} ms" for value in milliseconds)
    length = f"{1000 * pace.frame_seconds:g} ms"
    found = [f"A frame of {length} took {median} to compute, and 95 of 100 took at most {most}."]
    if pace.late:
        found.append(
            f"It fell behind: {pace.late} of {len(frames)} frames were done too late, at worst by "
            f"{pace.behind - pace.frame_seconds:.2f} s."
        )
    if backlog.dropped:
        found.append(f"{_frames(backlog.dropped, pace)} dropped since too many waited, and concealed.")
    lost = sum(frame.kind == "lost" for frame in frames)
    if lost:
        found.append(f"{_frames(lost, pace)} lost on the way and not heard.")
    return found


def _frames(count: int, pace: Pace) -> str:
    seconds = f"({count * pace.frame_seconds:.1f} s)"
    return f"1 frame {seconds} was" if count == 1 else f"{count} frames {seconds} were"


def build(components: Components) -> DuplexEngine:
    """Builds the engine that listens and speaks at once."""
    return DuplexEngine(components)
