"""Runs in every state, made by folding streams of events as engines send them."""

from __future__ import annotations

import numpy as np

from app.comparison import EngineRun, apply
from engines import catalog
from engines.contract import (
    AudioChunk,
    Correction,
    Event,
    EvidenceFound,
    Failed,
    Finished,
    Hypothesis,
    LanguageFound,
    NBest,
    Preparing,
    Result,
    StageFinished,
    StageStarted,
    Stamped,
    TextDelta,
    TokenScores,
)

REFERENCE = "Ever tried. Ever failed. No matter. Try again. Fail again. Fail better."
WRONG = "Never tried, ever failed. No mother. Try again. Fail again. Fail better."
TEXTS = (
    WRONG,
    "Ever tried. Ever failed. No matter. Try again. Fail again. Fail better.",
    "Ever tried, ever failed. No matter. Try again. Feel again. Fail better.",
    "Never tried, ever failed. No matter. Try again. Fail again. Fell better.",
)
SCORES = ((-3.1, -52.9), (-3.9, -45.9), (-6.0, -58.2), (-6.6, -55.0))
NBEST = NBest(
    0,
    0.3,
    9.4,
    tuple(Hypothesis(text, am, 18, lm, 17) for text, (am, lm) in zip(TEXTS, SCORES, strict=True)),
    weight=0.35,
    chosen=1,
)
TOKENS = TokenScores(
    0,
    (" Never", " tried", ",", " ever", " failed", ".", " No", " mother", ".", " Try", " again", "."),
    (-0.91, -0.02, -0.6, -0.2, -0.01, -0.05, -0.02, -1.4, -0.1, -0.05, -0.01, -0.02),
)


def fold(engine: str, *events: tuple[float, Event]) -> EngineRun:
    """The run that a stream of events leads to."""
    run = EngineRun(catalog.default().describe(engine))
    for at, event in events:
        run = apply(run, Stamped(engine, at, event))
    return run


def heard(shared: bool = False) -> list[tuple[float, Event]]:
    """The stages that every engine begins with."""
    return [
        (0.0, StageStarted("listen")),
        (0.03, StageFinished("listen", 0.03, shared)),
        (0.03, StageStarted("encode")),
        (0.34, StageFinished("encode", 0.31, shared)),
        (0.34, LanguageFound("en", 0.98)),
        (0.34, StageStarted("recognise")),
    ]


def done(text: str, *, llm: bool = True) -> Finished:
    """How an engine ends."""
    parts = {"recogniser": "Whisper base"} | ({"language model": "Gemma 3 270M"} if llm else {})
    return Finished(Result(text, provider="CPU", precision="int8+int4", components=parts), 412_000_000)


def baseline_run() -> EngineRun:
    """The baseline, with two wrong words."""
    return fold(
        "whisper",
        *heard(),
        (0.42, TextDelta("Never", final=False)),
        (0.7, StageFinished("recognise", 0.4)),
        (0.75, TextDelta(WRONG, final=True)),
        (0.78, done(WRONG, llm=False)),
    )


def rescored_run() -> EngineRun:
    """Rescoring that mends both words, with the first stages shared."""
    return fold(
        "rescoring",
        *heard(shared=True),
        (0.42, TextDelta("Never tried", final=False)),
        (0.75, StageFinished("recognise", 0.41, shared=True)),
        (0.75, StageStarted("rescore")),
        (1.2, StageFinished("rescore", 0.45)),
        (1.2, TextDelta(TEXTS[1], final=True)),
        (1.2, EvidenceFound(NBEST)),
        (1.2, EvidenceFound(TOKENS)),
        (1.24, done(TEXTS[1])),
    )


def correction_run(*, accepted: bool) -> EngineRun:
    """Correction with words from several hypotheses and from none."""
    text = "Ever tried. Ever failed. No matter. Try again. Fail once better." if accepted else WRONG
    words = tuple(text.split())
    origins = tuple(
        ((1, 2) if w == "Ever" else (1, 2, 3) if w == "matter." else () if w == "once" else (0, 1, 2, 3)) for w in words
    )
    reason = (
        "Accepted: by the sound it is 0.8 nats less likely, as language 7.0 nats likelier than the best hypothesis."
    )
    unscored = NBest(0, 0.3, 9.4, tuple(Hypothesis(h.text, h.acoustic, h.tokens) for h in NBEST.hypotheses))
    return fold(
        "correction",
        *heard(shared=True),
        (0.75, StageFinished("recognise", 0.41, shared=True)),
        (0.75, StageStarted("correct")),
        (1.9, StageFinished("correct", 1.15)),
        (1.9, TextDelta(text, final=True)),
        (1.9, EvidenceFound(unscored)),
        (1.9, EvidenceFound(Correction(0, words, origins, accepted, "Ever tried. Fail once better.", reason))),
        (1.95, done(text)),
    )


def segmented_run() -> EngineRun:
    """Two stretches of speech, the second ranked the same by both models."""
    second = NBest(1, 12.0, 18.5, (Hypothesis("Yes.", -0.4, 3, -6.0, 2), Hypothesis("Jess.", -3.0, 3, -11.0, 3)), 0.35)
    return fold(
        "rescoring",
        *heard(),
        (1.0, EvidenceFound(NBEST)),
        (1.1, TextDelta(TEXTS[1], final=True)),
        (1.8, EvidenceFound(second)),
        (1.9, TextDelta(" Yes.", final=True)),
        (2.0, done(f"{TEXTS[1]} Yes.")),
    )


def runs() -> dict[str, EngineRun]:
    """Every state by name."""
    sound = AudioChunk(np.zeros(2205, np.float32), 22_050)
    return {
        "waiting": fold("whisper"),
        "preparing": fold("cascade", (0.0, Preparing("Fetching Whisper base", 34_000_000, 78_000_000))),
        "listening": fold("correction", *heard()[:3]),
        "running": fold(
            "rescoring",
            *heard(),
            (0.5, TextDelta("Ever tried.", final=True)),
            (0.6, TextDelta("Ever fai", final=False)),
        ),
        "baseline": baseline_run(),
        "rescored": rescored_run(),
        "segments": segmented_run(),
        "speaking": fold(
            "cascade",
            *heard(),
            (0.8, TextDelta("Hable después del tono, por favor.", final=True)),
            (1.1, StageFinished("recognise", 0.4)),
            (1.1, StageStarted("translate")),
            (1.5, TextDelta("Please speak after the", final=False, kind="translation")),
            (1.6, StageFinished("translate", 0.5)),
            (1.6, TextDelta("Please speak after the tone.", final=True, kind="translation")),
            (1.7, StageStarted("speak")),
            (1.9, sound),
            (2.1, StageFinished("speak", 0.4)),
            (2.1, done("Hable después del tono, por favor.")),
        ),
        "cjk": fold(
            "cascade",
            *heard(),
            (0.8, TextDelta("今天的天气非常好，我们一起去公园散步吧。" * 3, final=True)),
            (1.0, TextDelta("The weather is", final=False, kind="translation")),
        ),
        "long": fold(
            "rescoring",
            *heard(),
            (
                0.9,
                TextDelta(
                    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft " * 4
                    + "مرحبا بالعالم",
                    final=True,
                ),
            ),
            (1.0, done("…")),
        ),
        "failed": fold(
            "correction",
            *heard(),
            (
                0.5,
                Failed(
                    "EngineCrashed",
                    "The engine process ended unexpectedly (signal 9).",
                    "Run it again; if it happens again, choose a smaller language model.",
                ),
            ),
        ),
        "unavailable": fold(
            "cascade",
            (
                0.0,
                Failed(
                    "LicenceNotAccepted",
                    "Gemma 3 270M has terms of use that are not accepted yet.",
                    "Read and accept them under Models.",
                ),
            ),
        ),
        "cancelled": fold(
            "rescoring", *heard(), (0.6, TextDelta("Ever tried", final=False)), (0.7, Failed("Cancelled", "Stopped."))
        ),
    }
