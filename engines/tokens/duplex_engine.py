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
    EvidenceFound,
    Finished,
    Request,
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
from engines.tokens import moshi_engine
from engines.tokens.acoustic import AcousticTokeniser
from engines.tokens.backlog import Backlog, Pace
from engines.tokens.duplex import BACKLOG, DuplexLoop, Frame, cut, stream
from engines.tokens.duplex_telling import STAGES, evidence, losing, spent, told
from engines.weights import cards

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
            Unavailable: the published model was asked for and cannot run, see :mod:`engines.tokens.moshi_engine`.
            AdapterMismatch: they do not belong together.
            AudioUnusable: there are no samples, or values that are no numbers.
        """
        if request.task is not Task.SPEAK:
            raise TaskUnsupported("The duplex engine says again what it hears, as it hears it.", "Ask it to speak.")
        if request.options.get("model") == "moshi":
            yield from moshi_engine.run(request, self._components)
            return
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
            more = more if text and not text.endswith(" ") else more.lstrip()
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


def build(components: Components) -> DuplexEngine:
    """Builds the engine that listens and speaks at once."""
    return DuplexEngine(components)
