"""Synthetic clips: a line or several, a speaker, silence around, and perhaps a disturbance; all decided by a seed."""

from __future__ import annotations

import multiprocessing
import multiprocessing.pool
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np

from engines.contract import SAMPLE_RATE, Samples
from engines.errors import VoiceUnavailable
from engines.training.data import augment, voices
from engines.training.data.corpus import Clip, CorpusWriter
from engines.training.data.lines import Line

LONGEST_SECONDS = 20.0
_AUGMENTED = 0.55


@dataclass(frozen=True)
class Made:
    """How a corpus came out.

    Attributes:
        hours: of speech written.
        clips: how many.
        failed: clips that no voice would say or that were too long.
    """

    hours: float
    clips: int
    failed: int


def synthesise(
    folder: Path,
    lines: Iterator[list[Line]],
    *,
    hours: dict[str, float],
    seed: int,
    processes: int = 1,
    kind: voices.Kind = "programs",
) -> Made:
    """Makes a corpus of synthetic speech.

    Args:
        folder: of the corpus; what is in it is replaced.
        lines: what is to be said, clip by clip; the lines of one clip are of one language and said in one breath.
        hours: language → hours of speech; lines of a language that has enough are passed over.
        seed: decides voices and disturbances.
        processes: how many speak at a time.
        kind: of voices.

    Raises:
        VoiceUnavailable: no program speaks a language.
    """
    available = {language: voices.programs(language, kind) for language in hours}
    left = {language: value * 3600 * SAMPLE_RATE for language, value in hours.items()}
    clips = failed = 0
    total = 0

    def jobs() -> Iterator[tuple[int, list[Line], int, tuple[str, ...]]]:
        for number, group in enumerate(lines):
            if all(value <= 0 for value in left.values()):
                return
            if left.get(group[0].language, 0) > 0:
                yield number, group, seed, available[group[0].language]

    with CorpusWriter(folder) as writer, multiprocessing.get_context("spawn").Pool(processes) as pool:
        for made in _ahead(pool, jobs(), 32 * processes) if processes > 1 else map(_clip, jobs()):
            if made is None:
                failed += 1
                continue
            clip, samples = made
            if left[clip.language] > 0:
                left[clip.language] -= samples.shape[0]
                total += samples.shape[0]
                clips += 1
                writer.add(clip, samples)
    return Made(total / SAMPLE_RATE / 3600, clips, failed)


def joined(
    lines: Sequence[Line], random: Random, *, chance: float = 0.15, most_words: int = 32
) -> Iterator[list[Line]]:
    """Groups lines into clips: most alone, some with the next one or two, up to a number of words."""
    i = 0
    while i < len(lines):
        size = random.choice((2, 2, 3)) if random.random() < chance else 1
        group = [lines[i]]
        while len(group) < size and i + len(group) < len(lines):
            following = lines[i + len(group)]
            words = sum(len(line.text.split()) for line in (*group, following))
            whole = group[-1].text[-1] in ".!?" and bool(following.english) == bool(group[0].english)
            if words > most_words or following.language != group[0].language or not whole:
                break
            group.append(following)
        yield group
        i += len(group)


def _ahead(
    pool: multiprocessing.pool.Pool, jobs: Iterator[tuple[int, list[Line], int, tuple[str, ...]]], most: int
) -> Iterator[tuple[Clip, Samples] | None]:
    """As ``imap``, but never far ahead of the writer, so that the jobs see how much is left."""
    waiting = []
    for job in jobs:
        waiting.append(pool.apply_async(_clip, (job,)))
        if len(waiting) >= most:
            yield waiting.pop(0).get()
    for result in waiting:
        yield result.get()


def _clip(job: tuple[int, list[Line], int, tuple[str, ...]]) -> tuple[Clip, Samples] | None:
    """Says the lines of a clip; None where no voice would, or it became too long."""
    number, lines, seed, available = job
    random = Random(seed * 1_000_003 + number)
    generator = np.random.default_rng([seed, number])
    language = lines[0].language
    speaker = voices.draw(random, language, available)
    try:
        sound = voices.say(" ".join(line.said for line in lines), speaker, language)
        babble = _babble(random) if random.random() < 0.1 else ()
    except VoiceUnavailable:
        return None
    if random.random() < 0.7:
        sound = augment.pad(sound, generator)
    done: tuple[str, ...] = ()
    if random.random() < _AUGMENTED:
        sound, done = augment.augment(sound, generator, babble)
    if sound.shape[0] > LONGEST_SECONDS * SAMPLE_RATE:
        return None
    clip = Clip(
        id=f"{language}-{seed}-{number:06}",
        shard="",
        start=0,
        samples=sound.shape[0],
        text=" ".join(line.text for line in lines),
        language=language,
        source=lines[0].source,
        voice=speaker.name,
        english=" ".join(line.english for line in lines).strip(),
        augmented=done,
    )
    return clip, sound


_crowd: list[Samples] = []


def _babble(random: Random) -> tuple[Samples, ...]:
    """Other people, from a small crowd that each process makes once."""
    if not _crowd:
        own, available = Random(7), voices.programs("en")
        text = (
            "There were many people in the room, and all of them were talking about the weather and the price of bread."
        )
        _crowd.extend(voices.say(text, voices.draw(own, "en", available), "en") for _ in range(12))
    return tuple(random.sample(_crowd, 6))
