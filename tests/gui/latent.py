"""Evidence as the latent family sends it, in its real shapes, made by code from a recording and what is said in it.

Pieces are laid over the louder frames in order; what is made up here never leaves the tests.
"""

from __future__ import annotations

import re

import numpy as np

from app.comparison import EngineRun, apply
from engines import catalog
from engines.contract import (
    SAMPLE_RATE,
    Attention,
    Evidence,
    EvidenceFound,
    Finished,
    Neighbours,
    Posteriors,
    Result,
    Segments,
    SpeechTokens,
    StageFinished,
    StageStarted,
    Stamped,
    TextDelta,
    TokenScores,
    Utterance,
)

FRAME = 0.04
WINDOW = 8
QUERIES = 2
K = 5


def pieces(text: str) -> list[str]:
    """Words in pieces of at most four letters, as a small inventory would have them."""
    found = []
    for word in re.findall(r"[\w’']+", text.lower()):
        parts = re.findall(r".{1,4}", word)
        found += [f"▁{parts[0]}", *parts[1:]]
    return found


def evidence(
    utterance: Utterance, span: tuple[float, float], text: str, segment: int = 0, *, seed: int = 0, drops: bool = True
) -> list[Evidence]:
    """All kinds of it on one stretch of speech.

    Args:
        utterance: the recording.
        span: the stretch, from and to in seconds.
        text: what is said in it.
        segment: its number.
        seed: of what is random in it.
        drops: whether frames are dropped, as in CTC compression, or all taken two by two.
    """
    random = np.random.default_rng(seed)
    start, end = span
    frames = max(1, int((end - start) / FRAME))
    sound = np.asarray(utterance.samples[int(start * SAMPLE_RATE) : int(end * SAMPLE_RATE)])
    loud = np.array([float(np.abs(part).mean()) if part.size else 0.0 for part in np.array_split(sound, frames)])
    loud = loud / max(float(loud.max()), 1e-9)
    written = pieces(text)
    voiced = np.flatnonzero(loud > 0.08) if (loud > 0.08).any() else np.arange(frames)
    peaks = voiced[np.linspace(0, voiced.size - 1, len(written) + 2).astype(int)[1:-1]]
    labels = tuple(dict.fromkeys([*written, "▁the", "▁a", "s", "▁to", "ing", "e"]))
    number = {label: at for at, label in enumerate(labels)}
    values = np.full((frames, K), 0.0, np.float32)
    ids = np.stack([random.permutation(len(labels))[:K] for _ in range(frames)]).astype(np.int32)
    for place, piece in zip(peaks.tolist(), written, strict=True):
        for at in (place, place + 1)[: 1 + int(random.random() < 0.45)]:
            if at < frames:
                top = float(random.uniform(0.35, 0.98))
                rest = np.sort(random.dirichlet(np.ones(K)))[::-1] * (1 - top) * 0.7
                row = [number[piece], *(i for i in ids[at].tolist() if i != number[piece])][:K]
                ids[at], values[at] = row, np.sort([top, *rest[1:]])[::-1]
    quiet = values[:, 0] == 0
    values[quiet] = np.sort(random.dirichlet(np.ones(K), int(quiet.sum())), axis=1)[:, ::-1] * 0.03
    blank = (1 - values.sum(axis=1)).clip(0, 1).astype(np.float32)
    if drops:
        kept = values[:, 0] > blank
        begins = kept & ~np.concatenate([[False], kept[:-1]])
        begins |= kept & (ids[:, 0] != np.concatenate([[-1], ids[:-1, 0]]))
        vectors = np.where(kept, np.cumsum(begins) - 1, -1).astype(np.int32)
    else:
        vectors = (np.arange(frames) // 2).astype(np.int32)
    count = int(vectors.max(initial=0)) + 1
    edges = [np.flatnonzero(vectors == vector) for vector in range(count)]
    spans = np.array(
        [(start + f[0] * FRAME, start + (f[-1] + 1) * FRAME) if f.size else (start, start) for f in edges], np.float32
    )
    nearest = tuple(tuple(labels[i].replace("▁", " ") for i in ids[f[0] if f.size else 0]) for f in edges)
    cosines = np.sort(random.uniform(0.05, 0.62, (count, K)).astype(np.float32), axis=1)[:, ::-1]
    tokens = tuple(p.replace("▁", " ") for p in written)
    return [
        Posteriors(segment, start, FRAME, labels, ids, values, blank, vectors),
        _queries(random, frames, start, segment),
        Neighbours(segment, spans, nearest, np.ascontiguousarray(cosines)),
        SpeechTokens(segment, count, end - start),
        _attention(random, tokens, peaks, frames, start, segment),
        TokenScores(segment, tokens, tuple(float(v) for v in np.log(random.uniform(0.03, 1.0, len(tokens)) ** 0.4))),
    ]


def _queries(random: np.random.Generator, frames: int, start: float, segment: int) -> Attention:
    windows = -(-frames // WINDOW)
    weights = np.zeros((windows * QUERIES, frames), np.float32)
    for row in range(windows * QUERIES):
        first = row // QUERIES * WINDOW
        inside = weights[row, first : first + WINDOW]
        centre = inside.size * (0.25 + 0.5 * (row % QUERIES)) + random.normal(0, 0.8)
        inside[:] = np.exp(-((np.arange(inside.size) - centre) ** 2) / 3)
        inside /= inside.sum()
    places = [divmod(row, QUERIES) for row in range(windows * QUERIES)]
    labels = tuple(f"{start + window * WINDOW * FRAME:.2f} s, query {query + 1}" for window, query in places)
    return Attention(labels, weights, start, FRAME, segment, "queries")


def _attention(
    random: np.random.Generator,
    tokens: tuple[str, ...],
    peaks: np.ndarray,
    frames: int,
    start: float,
    segment: int,
) -> Attention:
    at = np.arange(frames)
    weights = np.stack(
        [np.exp(-((at - peak) ** 2) / random.uniform(4, 30)) + random.random(frames) * 0.06 for peak in peaks]
        or [np.ones(frames)]
    )
    weights *= random.uniform(0.2, 0.7, (weights.shape[0], 1)) / weights.sum(axis=1, keepdims=True)
    return Attention(tokens or ("",), weights.astype(np.float32), start, FRAME, segment)


def latent_run(
    utterance: Utterance, spans: tuple[tuple[float, float], ...], texts: tuple[str, ...], *, drops: bool = True
) -> EngineRun:
    """A run of an engine that reads vectors, over one or more stretches of speech."""
    name = "latent-ctc" if drops else "latent-qformer"
    shown = {"latent-ctc": "CTC compression", "latent-qformer": "Q-Former"}[name]
    described = (
        catalog.default()
        .describe("rescoring")
        .model_copy(update={"id": name, "name": shown, "paradigm": "latent", "options": {}})
    )
    run = EngineRun(described)
    events = [
        (0.01, EvidenceFound(Segments(spans))),
        (0.02, StageStarted("encode")),
        (0.33, StageFinished("encode", 0.31, True)),
        (0.33, StageStarted("adapt")),
        (0.36, StageFinished("adapt", 0.03)),
        (0.36, StageStarted("write")),
    ]
    for number, (span, text) in enumerate(zip(spans, texts, strict=True)):
        for found in evidence(utterance, span, text, number, seed=number, drops=drops):
            if drops and isinstance(found, Attention) and found.rows == "queries":
                continue
            events.append((0.6 + number, EvidenceFound(found)))
        events.append((0.6 + number, TextDelta((" " if number else "") + text, final=True)))
    at = 0.7 + len(spans)
    parts = {"encoder": "Whisper base", "language model": "Gemma 3 270M"}
    events += [
        (at, StageFinished("write", at - 0.36)),
        (at, Finished(Result(" ".join(texts), provider="CPU", precision="int8", components=parts), 400_000_000)),
    ]
    for moment, event in events:
        run = apply(run, Stamped(name, moment, event))
    return run
