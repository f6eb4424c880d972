"""Evidence as the token family sends it, in its real shapes, made by code from a recording."""

from __future__ import annotations

import numpy as np

from app.comparison import EngineRun, apply
from engines import catalog
from engines.contract import (
    SAMPLE_RATE,
    Event,
    EvidenceFound,
    Finished,
    FrameClock,
    Result,
    Segments,
    StageFinished,
    StageStarted,
    Stamped,
    TextDelta,
    TokenStream,
    UnitPhones,
    Utterance,
)
from engines.evidence import FrameKind
from engines.tokens.units import stream

SIZE = 1000
PHONES = ("", "a", "ɛ", "i", "o", "u", "s", "z", "t", "d", "k", "n", "m", "ɹ", "l", "ð", "w", "f", "ʃ", "ɪ")


def unit_stream(utterance: Utterance, span: tuple[float, float], segment: int = 0, *, out: bool = False) -> TokenStream:
    """Units in runs: one and the same where it is quiet, short runs of a few dozen others where it is loud."""
    random = np.random.default_rng(segment)
    start, end = span
    frames = max(1, int((end - start) / 0.04))
    sound = np.asarray(utterance.samples[int(start * SAMPLE_RATE) : int(end * SAMPLE_RATE)])
    loud = [float(np.abs(part).mean()) if part.size else 0.0 for part in np.array_split(sound, frames)]
    ids = np.zeros(frames, np.int32)
    choice = (random.zipf(1.3, 4 * frames) * 37 % SIZE).astype(np.int32)
    at = now = 0
    for frame in range(frames):
        if random.random() < 0.45:
            at, now = at + 1, int(choice[at])
        ids[frame] = 11 if loud[frame] < 0.1 * max(loud) else now
    return stream("Semantic units", ids, (SIZE,), 0.04, segment=segment, start=start, joined=True, generated=out)


def codec_stream(utterance: Utterance, *, lost: bool = False) -> TokenStream:
    """Eight codebooks at 50 Hz, the later ones more even."""
    random = np.random.default_rng(8)
    frames = max(1, int(utterance.seconds / 0.02))
    books = [np.minimum(random.geometric(0.05 / (1 + book), frames) * 3, 1023) for book in range(8)]
    ids = np.stack(books).astype(np.int32)
    if lost:
        ids[:, frames // 2 : frames // 2 + 20] = -1
    return stream("Speech codec", ids, (1024,) * 8, 0.02)


def unit_phones(found: TokenStream) -> UnitPhones:
    """What its units mean; one of them was never heard."""
    random = np.random.default_rng(3)
    units = np.unique(found.ids).astype(np.int32)
    shares = random.dirichlet(np.full(len(PHONES), 0.15), len(units)).astype(np.float32)
    shares[-1] = 0
    return UnitPhones(found.segment, found.name, units, PHONES, shares, "Counted on 5.0 minutes of English speech.")


def frame_clock(utterance: Utterance, *, after: int = 0) -> FrameClock:
    """A loop that is late twice, writes now and then, and did not hear some frames; ``after`` frames go on behind."""
    random = np.random.default_rng(4)
    frames = max(1, int(np.ceil(utterance.seconds / 0.08))) + after
    took = random.gamma(9, 0.004, frames).astype(np.float32)
    took[[frames // 3, frames // 2]] = 0.11
    kinds: list[FrameKind] = ["heard"] * frames
    kinds[20:24] = ["lost"] * 4
    kinds[frames // 2 + 1 : frames // 2 + 4] = ["dropped"] * 3
    texts = tuple(" word" if frame % 9 == 4 and kinds[frame] != "dropped" else "" for frame in range(frames))
    spent = np.stack([0.3 * took, 0.5 * took, 0.2 * took])
    return FrameClock(
        0.0, 0.08, took, texts, 2, kinds=tuple(kinds), stages=("codes", "think", "speak"), spent=spent, behind=0.19
    )


def duplex_streams(clock: FrameClock) -> tuple[TokenStream, TokenStream]:
    """What such a loop hears and says, four codebooks of four frames each; -1 where it did not hear or speak."""
    random = np.random.default_rng(5)
    kinds = np.repeat(np.array(clock.kinds), 4)
    heard, own = (np.minimum(random.geometric(0.05, (4, kinds.size)), 1023).astype(np.int32) for _ in range(2))
    heard[:, kinds != "heard"] = -1
    own[:, kinds == "dropped"] = -1
    come, spoken = (
        stream("Speech codec", ids, (1024,) * 4, clock.frame_seconds / 4, generated=out)
        for ids, out in ((heard, False), (own, True))
    )
    return come, spoken


def duplex_run(utterance: Utterance, *, after: int = 18) -> EngineRun:
    """A run of the engine that listens and speaks at once."""
    clock = frame_clock(utterance, after=after)
    events: list[Event] = [TextDelta(" words", final=True), StageStarted("think"), StageFinished("think", 0.4)]
    events += [EvidenceFound(piece) for piece in (*duplex_streams(clock), clock)]
    events.append(Finished(Result("words"), 400_000_000))
    run = EngineRun(catalog.default().describe("token-duplex"))
    for at, event in enumerate(events):
        run = apply(run, Stamped("token-duplex", 0.1 * at, event))
    return run


def token_run(
    utterance: Utterance, spans: tuple[tuple[float, float], ...], *, codec: bool = False, duplex: bool = False
) -> EngineRun:
    """A run of an engine that reads units, and with ``codec`` those of a codec; with ``duplex`` one that streams."""
    described = (
        catalog.default()
        .describe("rescoring")
        .model_copy(update={"id": "token-semantic", "name": "Semantic units", "paradigm": "token", "options": {}})
    )
    events: list[Event] = [EvidenceFound(Segments(spans)), StageStarted("encode"), StageFinished("encode", 0.3)]
    for number, span in enumerate(spans):
        found = unit_stream(utterance, span, number)
        events += [EvidenceFound(found), EvidenceFound(unit_phones(found)), TextDelta(" words", final=True)]
    if codec:
        events += [EvidenceFound(codec_stream(utterance)), EvidenceFound(unit_stream(utterance, (0.0, 2.0), out=True))]
    if duplex:
        events.append(EvidenceFound(frame_clock(utterance)))
    events.append(Finished(Result("words"), 400_000_000))
    run = EngineRun(described)
    for at, event in enumerate(events):
        run = apply(run, Stamped("token-semantic", 0.1 * at, event))
    return run
