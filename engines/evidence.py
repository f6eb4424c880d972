"""The interpretability side of the contract: why an engine said what it said.

One class per kind; :mod:`engines.contract` offers them all, and :data:`Evidence` is their closed union.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Hypothesis:
    """One hypothesis of a recogniser.

    Attributes:
        text: detokenised text.
        acoustic: log p(text | speech) of the recogniser in nats, summed over tokens.
        tokens: number of recogniser tokens that ``acoustic`` sums over (with the end token).
        lm: log p(text) of the language model in nats, summed over tokens; None where none was asked.
        lm_tokens: number of language-model tokens that ``lm`` sums over.
    """

    text: str
    acoustic: float
    tokens: int
    lm: float | None = None
    lm_tokens: int = 0


@dataclass(frozen=True)
class NBest:
    """The N-best list of one stretch of speech, best acoustic score first.

    Attributes:
        segment: index of the stretch within the utterance, from 0.
        start: where it begins, in seconds.
        end: where it ends, in seconds.
        hypotheses: at least one; unique texts.
        weight: the interpolation weight λ in [0, 1] that chose the hypothesis, None if there was no rescoring.
        normalised: whether scores are divided by their token counts before they are interpolated.
        chosen: index of the hypothesis the engine chose.
        content: whether the hypotheses are transcripts or translations.
    """

    segment: int
    start: float
    end: float
    hypotheses: tuple[Hypothesis, ...]
    weight: float | None = None
    normalised: bool = False
    chosen: int = 0
    content: Literal["transcript", "translation"] = "transcript"


@dataclass(frozen=True)
class Correction:
    """Where the words of a corrected text came from.

    Attributes:
        segment: index of the stretch of speech, the same as in the :class:`NBest` it was made from.
        words: the words of the corrected text, in order.
        origins: for every word the indices of the hypotheses that contain it at that place; empty for a word that is
            in none of them.
        accepted: False when the engine kept the best hypothesis instead of what the language model wrote.
        proposal: what the language model wrote.
        reason: one plain sentence on why the proposal was kept or not.
    """

    segment: int
    words: tuple[str, ...]
    origins: tuple[tuple[int, ...], ...]
    accepted: bool
    proposal: str
    reason: str


@dataclass(frozen=True)
class Attention:
    """Attention weights over the frames of the speech.

    Attributes:
        labels: one per row: output tokens or queries.
        weights: ``(rows, frames)``, each row sums to about 1 (of an output token: to the share that went to speech).
        start: time of the first frame in seconds.
        frame_seconds: seconds per frame.
        segment: index of the stretch of speech.
        rows: whether the rows are the tokens that were written or the queries of a Q-Former.
    """

    labels: tuple[str, ...]
    weights: NDArray[np.float32]
    start: float
    frame_seconds: float
    segment: int = 0
    rows: Literal["tokens", "queries"] = "tokens"


@dataclass(frozen=True)
class TokenScores:
    """Log-probability of every output token, in nats.

    Attributes:
        segment: index of the stretch of speech.
        tokens: the tokens as text.
        log_probabilities: ``len(tokens)`` values ≤ 0.
    """

    segment: int
    tokens: tuple[str, ...]
    log_probabilities: tuple[float, ...]


@dataclass(frozen=True)
class Segments:
    """Where speech was found, in seconds from the start of the utterance.

    Attributes:
        spans: ``(start, end)`` pairs, ascending and disjoint, each at most 30 s.
    """

    spans: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Posteriors:
    """What a CTC head takes every frame for, and which frames reach the language model.

    Attributes:
        segment: index of the stretch of speech.
        start: time of the first frame in seconds.
        frame_seconds: seconds per frame.
        labels: the pieces of text that occur in ``ids``.
        ids: ``(frames, K)``, indices into ``labels`` of the likeliest pieces (never the blank), likeliest first.
        probabilities: ``(frames, K)`` of them, in [0, 1].
        blank: ``(frames,)`` probability of the blank.
        vectors: ``(frames,)`` index of the language model's input vector that the frame went into; -1 where the frame
            was dropped.
    """

    segment: int
    start: float
    frame_seconds: float
    labels: tuple[str, ...]
    ids: NDArray[np.int32]
    probabilities: NDArray[np.float32]
    blank: NDArray[np.float32]
    vectors: NDArray[np.int32]


@dataclass(frozen=True)
class Neighbours:
    """For every adapted vector the text tokens whose embeddings are nearest (as in arXiv 2510.02569).

    Attributes:
        segment: index of the stretch of speech.
        spans: ``(N, 2)``, the piece of sound that each vector stands for: from, to, in seconds of the utterance.
        tokens: N times the k nearest tokens as text, nearest first.
        similarities: ``(N, k)`` cosines in [-1, 1].
    """

    segment: int
    spans: NDArray[np.float32]
    tokens: tuple[tuple[str, ...], ...]
    similarities: NDArray[np.float32]


@dataclass(frozen=True)
class SpeechTokens:
    """How many places of the language model's input a stretch of speech took: it explains much of the latency.

    Attributes:
        segment: index of the stretch of speech.
        count: places.
        seconds: length of the stretch.
    """

    segment: int
    count: int
    seconds: float


@dataclass(frozen=True)
class Routing:
    """Which experts a mixture wrote with.

    Attributes:
        segment: index of the stretch of speech.
        experts: names of the experts that were used, heaviest first; each is named after a source of errors.
        weights: one per expert, in (0, 1]; they sum to 1.
    """

    segment: int
    experts: tuple[str, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True)
class TokenStream:
    """Speech as discrete units: what a tokeniser made of it, or what a language model wrote for a vocoder.

    Attributes:
        name: of the tokeniser, for people: ``"Semantic units"``.
        segment: index of the stretch of speech.
        start: time of the first frame in seconds of the utterance, or of the speech that was generated.
        frame_seconds: seconds per frame (0.04 for semantic units, 0.02 for the codec).
        ids: ``(codebooks, frames)`` int32, coarsest codebook first; -1 where a frame was lost.
        sizes: entries of each codebook, one number per row of ``ids``.
        bits_per_second: that the stream takes as it was sent: Σ log2 of the sizes per frame, or per run where equal
            neighbours were joined (without their durations).
        durations: ``(N,)`` int32 frames of each run of equal ids of the first codebook, in order, where runs were
            joined before the language model read them; they sum to the frames. None where every frame counts.
        direction: whether the speech came in or was generated.
    """

    name: str
    segment: int
    start: float
    frame_seconds: float
    ids: NDArray[np.int32]
    sizes: tuple[int, ...]
    bits_per_second: float
    durations: NDArray[np.int32] | None = None
    direction: Literal["in", "out"] = "in"


@dataclass(frozen=True)
class UnitPhones:
    """What the units of a stream mean: how often each stood for each phone where phones are known.

    Attributes:
        segment: index of the stretch of speech.
        name: of the tokeniser, the same as in its :class:`TokenStream`.
        units: ``(N,)`` int32 units of the first codebook, each once.
        phones: M phones in IPA; ``""`` is silence.
        shares: ``(N, M)`` P(phone | unit), rows sum to 1, or to 0 for a unit that was never seen with a phone.
        origin: one plain sentence on the speech that they were counted on.
    """

    segment: int
    name: str
    units: NDArray[np.int32]
    phones: tuple[str, ...]
    shares: NDArray[np.float32]
    origin: str


FrameKind: TypeAlias = Literal["heard", "lost", "dropped"]
"""What became of a frame: heard, lost on the way to the loop, or dropped by the loop since too many waited."""


@dataclass(frozen=True)
class FrameClock:
    """How a streaming loop kept time: what each frame cost against what it stands for.

    Attributes:
        start: time of the first frame in seconds.
        frame_seconds: seconds that each frame stands for, and may take (0.08 for duplex).
        seconds: ``(frames,)`` float32 of computing per frame.
        texts: what the inner monologue wrote in each frame, ``""`` for none; as many as frames, or none at all.
        late: frames that were finished after their time, with what had piled up before them.
        segment: index of the stretch of speech.
        kinds: of each frame; none at all where all were heard.
        stages: what the computing consists of, in order; may be empty.
        spent: ``(stages, frames)`` float32 seconds of each, which sum to ``seconds``; None without stages.
        behind: the longest that a frame was finished after it could begin, in seconds; 0 where nobody measured.
    """

    start: float
    frame_seconds: float
    seconds: NDArray[np.float32]
    texts: tuple[str, ...] = ()
    late: int = 0
    segment: int = 0
    kinds: tuple[FrameKind, ...] = ()
    stages: tuple[str, ...] = ()
    spent: NDArray[np.float32] | None = None
    behind: float = 0.0


Evidence: TypeAlias = (
    NBest
    | Correction
    | Attention
    | TokenScores
    | Segments
    | Posteriors
    | Neighbours
    | SpeechTokens
    | Routing
    | TokenStream
    | UnitPhones
    | FrameClock
)
