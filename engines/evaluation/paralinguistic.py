"""The first challenge: what is not text. Minimal pairs that differ in one thing, and whether it reaches the model.

=============  =======================================================================================================
``question``   the same words as a statement and as a question, by the same voice; groups are sentences
``sex``        the same words by a woman's and a man's voice; groups are pairs of voices, so that the probe is asked
               about voices that it never heard
``emphasis``   the same two phrases, one of them 6 dB louder and a fifth slower: is it the last? Groups are sentences
=============  =======================================================================================================

The pairs are made by Kokoro. Where recordings of people tell the same (a transcript that ends with a question mark), a
probe that learnt from all synthetic pairs is asked about them as well; their words differ, so words may give them away.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from engines.audio import conditions
from engines.audio.conditions import Condition
from engines.contract import SAMPLE_RATE, Paradigm, Samples
from engines.evaluation.corpora import Clip, evenly
from engines.evaluation.kept import Kept
from engines.evaluation.probing import Pair, Told, carried, one_hot, tell

Property = Literal["question", "sex", "emphasis"]
TITLES: Final[dict[Property, str]] = {
    "question": "question or statement",
    "sex": "speaker's sex",
    "emphasis": "which part is stressed",
}
SENTENCES: Final = (
    "You have seen the garden", "They are coming tonight", "She left it on the table", "He knows your brother",
    "We can meet at the station", "The shop is closed on Monday", "It was raining all morning",
    "Your sister plays the piano", "The letter came from London", "There is milk in the kitchen",
    "The children went home alone", "You want another cup of tea",
)  # fmt: skip
PHRASES: Final = (
    ("my brother", "painted the house"), ("the teacher", "lost her keys"), ("our neighbour", "bought a boat"),
    ("the doctor", "called this morning"), ("my friend", "cooked the dinner"), ("the driver", "missed the turn"),
    ("her mother", "wrote the letter"), ("the student", "answered the question"),
)  # fmt: skip
WOMEN: Final = ("af_heart", "bf_emma")
MEN: Final = ("am_michael", "bm_george")
MOST_PEOPLE: Final = 24
"""Pairs of recordings of people that a probe is asked about."""
_LOUDER: Final = 10 ** (6 / 20)
_BUCKETS: Final = 512
_PART: Final = "paralinguistic"


class Say(Protocol):
    """Speaks English."""

    def __call__(self, text: str, voice: str) -> Samples:
        """Mono at 16 kHz, ``(n,)``."""
        ...


@dataclass(frozen=True)
class Input:
    """What reaches a language model.

    Attributes:
        id: of the engine, or ``signal`` for the sound itself, which bounds what can be heard.
        paradigm: of the engine; None for the sound itself.
        version: changes with its weights.
        rows: speech → ``(frames, width)``.
    """

    id: str
    paradigm: Paradigm | None
    version: str
    rows: Callable[[Samples], NDArray[np.float32]]


@dataclass(frozen=True)
class Outcome:
    """What one input tells of one property.

    Attributes:
        input: its id.
        paradigm: of the engine; None for the sound itself.
        property: what the pairs differ in.
        told: of synthetic pairs.
        real: of recordings of people; None where there are none that tell.
    """

    input: str
    paradigm: Paradigm | None
    property: Property
    told: Told
    real: Told | None = None


def spoken_pairs(of: Property, say: Say) -> list[tuple[str, Samples, Samples]]:
    """The synthetic pairs of a property: group, the one that lacks it, the one that has it.

    ``having`` is the question, the man, and the stress on the second phrase.
    """
    if of == "question":
        voices = (*WOMEN, *MEN)
        return [(text, say(f"{text}.", one), say(f"{text}?", one)) for text in SENTENCES for one in voices]
    if of == "sex":
        return [
            (woman, say(f"{text}.", woman), say(f"{text}.", man))
            for woman, man in zip(WOMEN, MEN, strict=True)
            for text in SENTENCES
        ]
    made = []
    for first, second in PHRASES:
        for voice in (*WOMEN, *MEN):
            one, two = say(first, voice), say(second, voice)
            made.append((first, _joined(stressed(one), two), _joined(one, stressed(two))))
    return made


def stressed(samples: Samples) -> Samples:
    """A phrase 6 dB louder and a fifth slower, at the same pitch."""
    slower = conditions.apply(Condition("speed", 1 / 1.2), samples, "stress")
    return np.asarray(np.clip(_LOUDER * slower, -1, 1), np.float32)


def _joined(one: Samples, two: Samples) -> Samples:
    whole = np.concatenate([0.5 * one, np.zeros(SAMPLE_RATE // 20, np.float32), 0.5 * two])
    return np.asarray(whole, np.float32)


def real_pairs(of: Property, clips: Sequence[Clip]) -> list[tuple[Clip, Clip]]:
    """Statements and questions of people, each question with the statement whose length is nearest; each once.

    At most :data:`MOST_PEOPLE`, spread over the recordings.
    """
    if of != "question":
        return []
    asking = evenly([clip for clip in clips if clip.text.rstrip().endswith("?")], MOST_PEOPLE)
    stating = [clip for clip in clips if clip.text.rstrip().endswith(".") and "?" not in clip.text]
    made = []
    for clip in asking:
        if not stating:
            break
        nearest = min(stating, key=lambda one: abs(one.seconds - clip.seconds))
        stating.remove(nearest)
        made.append((nearest, clip))
    return made


def measure(
    inputs: Sequence[Input], say: Say, clips: Sequence[Clip], found: Kept,
    report: Callable[[int, int, str], None] | None = None,
) -> None:  # fmt: skip
    """Asks every input about every property that it was not asked about before.

    Raises:
        TriptychError: speech cannot be made, or an input cannot be had.
    """
    said = cache(say)
    todo = [(of, one) for of in TITLES for one in inputs if found.get(_PART, of, one.id, one.version) is None]
    for done, (of, one) in enumerate(todo):
        if report is not None:
            report(done, len(todo), f"{one.id}, {TITLES[of]}")
        pairs = [Pair(group, one.rows(a), one.rows(b)) for group, a, b in spoken_pairs(of, said)]
        people = [Pair(b.id, one.rows(a.read()), one.rows(b.read())) for a, b in real_pairs(of, clips)]
        told, real = tell(pairs), carried(pairs, people) if people else None
        row = {"right": told.right, "pairs": told.pairs}
        row |= {"real_right": real.right, "real_pairs": real.pairs} if real is not None else {}
        found.add(_PART, of, one.id, one.version, found=row)


def outcomes(inputs: Sequence[Input], found: Kept) -> list[Outcome]:
    """What was measured of the inputs as they are now."""
    made = []
    for of in TITLES:
        for one in inputs:
            row = found.get(_PART, of, one.id, one.version)
            if row is not None:
                real = Told(float(row["real_right"]), int(row["real_pairs"])) if "real_pairs" in row else None
                made.append(Outcome(one.id, one.paradigm, of, Told(float(row["right"]), int(row["pairs"])), real))
    return made


def words(text: str) -> NDArray[np.float32]:
    """Rows for a text as a language model would read it: words and marks, each in a bucket by its checksum."""
    spaced = "".join(char if char.isalnum() or char in "' " else f" {char} " for char in text.lower())
    return one_hot([zlib.crc32(word.encode()) % _BUCKETS for word in spaced.split()], _BUCKETS)


def signal(samples: Samples) -> NDArray[np.float32]:
    """Pitch, voicing and level of the sound itself, ``(frames, 3)`` every 20 ms: what there is to be heard.

    The pitch is the octave over 50 Hz at the highest peak of the autocorrelation between 60 and 400 Hz (Rabiner 1977);
    unvoiced frames have that of the last voiced one.
    """
    size, hop = 640, 320
    padded = np.pad(samples, (0, max(0, size - samples.shape[0])))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop].astype(np.float64)
    power = np.abs(np.fft.rfft(frames - frames.mean(1, keepdims=True), 2 * size, axis=1)) ** 2
    similar = np.fft.irfft(power, axis=1)
    first, last = SAMPLE_RATE // 400, SAMPLE_RATE // 60
    lags = similar[:, first:last].argmax(1) + first
    voicing = similar[np.arange(len(lags)), lags] / np.maximum(similar[:, 0], 1e-9)
    level = np.log10(np.maximum((frames**2).mean(1), 1e-8))
    octaves, before = np.log2(SAMPLE_RATE / lags / 50), 1.5
    for place, voiced in enumerate((voicing > 0.5) & (level > level.max() - 3)):
        before = octaves[place] = octaves[place] if voiced else before
    return np.stack([octaves, voicing, level], axis=1).astype(np.float32)
