"""The published Moshi (arXiv 2410.00037) as an engine: it hears a recording frame by frame and talks back.

Its codec is causal, so the recording is put into codes at once, and the time that takes is spread over the frames. What
it says is decoded in pieces, each with as much before it as the codec's decoder looks back on.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from engines.contract import (
    SAMPLE_RATE,
    AudioChunk,
    Component,
    Event,
    EvidenceFound,
    Finished,
    Request,
    Samples,
    StageFinished,
    StageStarted,
    TextDelta,
    TokenStream,
)
from engines.errors import AudioUnusable, UnknownLanguage
from engines.evidence import FrameKind
from engines.languages import name_of
from engines.models.codes import LOST, Codes
from engines.models.components import Components
from engines.models.duplex import Liveliness
from engines.models.moshi import Moshi
from engines.runtime import cancellation
from engines.stages.texts import NO_SPEECH, Text, result
from engines.tokens.backlog import Backlog, Pace
from engines.tokens.duplex import Frame, cut
from engines.tokens.duplex_telling import STAGES, evidence, losing, spent, told

AFTER: Final = 4.0
"""Seconds of silence behind the recording, in which it may answer."""
_PIECE: Final = 6
"""Frames that are decoded at once."""
_BACK: Final = 125
"""Frames before them: 250 of the decoder's, which its attention looks back on."""


@dataclass(frozen=True)
class _Codec:
    """What the model's codes are."""

    moshi: Moshi

    def stream(self, ids: Codes, *, generated: bool = False) -> TokenStream:
        """Codes ``(K, T)`` as evidence."""
        moshi = self.moshi
        bits = ids.shape[0] * float(np.log2(moshi.codes)) / moshi.frame_seconds
        sizes = (moshi.codes,) * ids.shape[0]
        return TokenStream(
            "Mimi", 0, 0.0, moshi.frame_seconds, ids, sizes, bits, direction="out" if generated else "in"
        )


def run(request: Request, components: Components) -> Iterator[Event]:
    """Runs it on a recording.

    Args:
        request: to speak, with the options ``moshi_folder`` and ``moshi_precision``.
        components: keep the model open.

    Raises:
        UnknownLanguage: the speech is not English.
        WeightsMissing: no checkpoint is there.
        MemoryShort: it would not fit.
        Unavailable: torch or transformers is not installed.
        GraphInvalid: it is damaged, or gives values that are no numbers.
        AudioUnusable: there are no samples, or values that are no numbers.
    """
    language = request.utterance.language
    if language not in {None, "en"} or request.target not in {None, "en"}:
        other = language if language not in {None, "en"} else request.target
        message = f"Moshi speaks English, and not {name_of(str(other))}."
        raise UnknownLanguage(message, "Use the small model, or the cascade.")
    samples = request.utterance.samples
    if not samples.size or not np.isfinite(samples).all():
        raise AudioUnusable("The sound is empty, or has values that are no numbers.", "Open the recording again.")
    options = request.options
    named = str(options.get("moshi_folder", "")).strip()
    folder, precision = Path(named).expanduser() if named else None, str(options.get("moshi_precision", "bfloat16"))
    moshi: Moshi = components.part(("moshi", folder, precision), lambda: Moshi.open(folder, precision))
    seed = int(options.get("seed", 0))
    liveliness = Liveliness(float(options.get("temperature", 0.0)), float(options.get("voice_temperature", 0.0)))
    frame = round(SAMPLE_RATE * moshi.frame_seconds)
    lost = float(options.get("lost", 0.0))
    coming = list(losing(cut(samples, frame, after=round(AFTER / moshi.frame_seconds)), lost, seed))
    most = min(len(coming), moshi.longest)
    pace = Pace(moshi.frame_seconds)
    frames: list[Frame] = []
    text = ""
    for written, sound in _talk(moshi, coming[:most], liveliness, seed, frames):
        pace.done(frames[-1].number, frames[-1].seconds)
        if sound.size:
            yield AudioChunk(sound, moshi.rate)
        more = written if text else written.lstrip()
        if more:
            text += more
            yield TextDelta(more, final=True, kind="answer")
    for stage, seconds in zip(STAGES, spent(frames), strict=True):
        yield StageStarted(stage)
        yield StageFinished(stage, seconds)
    for piece in evidence(frames, _Codec(moshi), pace):
        yield EvidenceFound(piece)
    notes = [*told(frames, Backlog(1), pace), *([] if text.strip() else [NO_SPEECH])]
    if most < len(coming):
        notes.append(f"Moshi looks back on {most * moshi.frame_seconds:.0f} s; the conversation ends there.")
    used: dict[str, Component] = {"duplex": moshi}
    answer = Text("answer", parts=[text.strip()] if text.strip() else [])
    yield Finished(result(used, language="en", answer=answer, notes=notes))


def _talk(
    moshi: Moshi, coming: Sequence[Samples | None], liveliness: Liveliness, seed: int, frames: list[Frame]
) -> Iterator[tuple[str, Samples]]:
    """Goes through the frames of a recording.

    Args:
        moshi: the model.
        coming: frames at 16 kHz; None for one that was lost, in whose place it hears silence.
        liveliness: see :class:`engines.models.duplex.Liveliness`.
        seed: of what is drawn.
        frames: what became of each is added; what was spoken stands in them when all are done.

    Yields:
        what was written in a frame, and the sound that is ready, at the model's rate.
    """
    began = time.perf_counter()
    silence = np.zeros(round(SAMPLE_RATE * moshi.frame_seconds), np.float32)
    heard = moshi.encode(np.concatenate([silence if block is None else block for block in coming]))
    listening = (time.perf_counter() - began) / len(coming)
    talk, random = moshi.begin(), np.random.default_rng(seed)
    said = np.full((moshi.books, len(coming)), LOST, np.int32)
    tokens: list[int] = []
    text, decoded = "", 0
    for number, block in enumerate(coming):
        cancellation.check()
        began = time.perf_counter()
        token, own = moshi.step(talk, random, liveliness)
        moshi.hear(talk, heard[:, number : number + 1])
        said[0, number] = own[0, 0]
        if number:
            said[1:, number - 1] = own[1:, 0]
        thought = time.perf_counter()
        sound = np.zeros(0, np.float32)
        if number - decoded >= _PIECE or number == len(coming) - 1 > decoded:
            first = max(0, decoded - _BACK)
            sound = moshi.decode(said[:, first:number])[(decoded - first) * moshi.frame_samples :]
            decoded = number
        spoke = time.perf_counter()
        tokens.append(token)
        written = moshi.text(tokens)[len(text) :]
        text += written
        nothing = np.full((moshi.books, 1), LOST, np.int32)
        kind: FrameKind = "lost" if block is None else "heard"
        codes = nothing if block is None else heard[:, number : number + 1]
        times = (listening, thought - began, spoke - thought)
        frames.append(Frame(number, kind, written, np.zeros(0, np.float32), codes, nothing, *times))
        yield written, sound
    said[:, -1] = LOST  # its later codebooks would come a step later
    frames[:] = [replace(frame, own=said[:, frame.number : frame.number + 1]) for frame in frames]
