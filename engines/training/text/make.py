"""Makes the N-best lists that correction and experts are trained on: ``python -m engines.training.text.make``."""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import soundfile

from engines.contract import SAMPLE_RATE, Samples
from engines.errors import CorpusInvalid
from engines.evaluation.metrics import word_errors
from engines.evaluation.normalisation import normalise
from engines.models.components import Components
from engines.training.text import lists
from engines.training.text.degradation import SOURCES, Condition
from engines.training.text.lists import Clip

LONGEST = 8.0
"""Seconds of the longest clip for training; longer lists do not fit the training's sequences."""

TRAINING = {
    "en": ("noisy", "noisy:5", "noisy:10", "babble", "babble:5", "telephone", "reverberant", "clean"),
    "es": ("noisy", "telephone"),
    "fr": ("noisy", "telephone"),
}
"""Conditions per language in which the prompts are trained on."""

MEASURED = ("clean", "noisy:10", "noisy:5", "babble:10", "babble:5")
"""Conditions that are measured."""


def prompts(folder: Path, splits: Sequence[str] = ("train", "dev", "test")) -> list[Clip]:
    """The recorded prompts, by position per language: odd ones are for tests, every eighth is for development.

    A text that occurs in a test prompt too is not trained on.

    Args:
        folder: with ``manifest.jsonl`` (``id``, ``audio``, ``language``, ``text``, ``seconds``).
        splits: which to take.

    Raises:
        CorpusInvalid: the folder has no manifest.
    """
    try:
        rows = [json.loads(line) for line in (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise CorpusInvalid(f"There are no prompts in {folder}.", "Give the folder of a manifest.jsonl.") from error
    clips: list[Clip] = []
    for language, conditions in TRAINING.items():
        spoken = [row for row in rows if row["language"] == language]
        parts = [_split(place) for place in range(len(spoken))]
        held = {normalise(row["text"], language) for row, part in zip(spoken, parts, strict=True) if part == "test"}
        for row, part in zip(spoken, parts, strict=True):
            text = row["text"].strip()
            if part not in splits or not any(character.isalnum() for character in text):
                continue
            if part == "train" and (row["seconds"] > LONGEST or normalise(text, language) in held):
                continue
            if part != "train" and (row["seconds"] > 30 or language != "en"):
                continue
            read = partial(_recording, folder / row["audio"])
            clips += [
                Clip(f"{language}/{row['id']}", read, text, language, part, Condition.parse(name), row.get("english"))
                for name in (conditions if part == "train" else MEASURED)
            ]
    return clips


def synthetic(folder: Path, count: int) -> list[Clip]:
    """Clips of a corpus of synthetic voices, English and not augmented, a fifth of them for each source of errors.

    Args:
        folder: of the corpus (``manifest.jsonl``, shards under ``audio``).
        count: at most so many.

    Raises:
        CorpusInvalid: the folder has no manifest.
    """
    try:
        rows = [json.loads(line) for line in (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise CorpusInvalid(f"There is no corpus in {folder}.", "Make it with `triptych train --data`.") from error
    clips: dict[str, list[Clip]] = {source: [] for source in SOURCES}
    for row in rows:
        words = len(row["text"].split())
        usable = row["language"] == "en" and row["split"] == "train" and not row.get("augmented")
        if not usable or row["samples"] > LONGEST * SAMPLE_RATE or not 2 <= words <= 18:
            continue
        plain = [source for source in SOURCES if source != "accented"]
        wanted = ["accented"] if _accented(row["voice"]) else plain
        source = min(wanted, key=lambda name: len(clips[name]))
        kind = "babble" if source == "noisy" and len(clips[source]) % 2 else source
        read = partial(_part, folder / "audio" / row["shard"], int(row["start"]), int(row["samples"]))
        if len(clips[source]) < count // len(SOURCES):
            clips[source].append(Clip(row["id"], read, row["text"], "en", "train", Condition(kind)))
    return [clip for part in clips.values() for clip in part]


def _accented(voice: str) -> bool:
    """Whether a voice of espeak-ng speaks English in another way than that of the USA or of Britain at large."""
    found = re.match(r"espeak-ng ([\w-]+)", voice)
    return found is not None and found[1] not in {"en-us", "en-gb"}


def _part(shard: Path, start: int, count: int) -> Samples:
    samples, rate = soundfile.read(shard, start=start, frames=count, dtype="float32")
    if rate != SAMPLE_RATE or len(samples) != count:
        raise CorpusInvalid(f"{shard.name} is not what the manifest says.", "Make the corpus again.")
    return np.asarray(samples, np.float32)


def _split(place: int) -> str:
    if place % 2:
        return "test"
    return "dev" if place % 8 == 0 else "train"


def _recording(file: Path) -> Samples:
    samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
    if rate != SAMPLE_RATE:
        raise CorpusInvalid(f"{file.name} is not at {SAMPLE_RATE} Hz.", "Convert it first.")
    return np.asarray(samples.mean(1), np.float32)


def _shuffled(clips: Sequence[Clip]) -> Iterator[Clip]:
    """In an order that is the same every time and mixes everything, so that part of it is a fair sample."""
    for place in np.random.default_rng(0).permutation(len(clips)):
        yield clips[int(place)]


def run(clips: Sequence[Clip], file: Path, minutes: float, say: Callable[[str], None]) -> None:
    """Makes lists until all are made or the time is up; says how it goes every 50."""
    recogniser = Components().recogniser()
    began, wrong, errors = time.monotonic(), 0, []
    for made in lists.make(recogniser, _shuffled(clips), file):
        found = word_errors(made.reference, made.texts[0], made.target)
        errors.append(found)
        wrong += found.total > 0
        passed = time.monotonic() - began
        if len(errors) % 50 == 0:
            rate = sum(e.total for e in errors) / max(1, sum(e.length for e in errors))
            say(
                f"{len(errors)} lists in {passed:.0f} s; 1-best wrong in {wrong / len(errors):.0%}, "
                f"word error rate {rate:.1%}"
            )
        if passed > 60 * minutes:
            break
    say(f"{file}: {len(lists.read(file))} lists.")


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--prompts", type=Path, help="folder of recorded prompts")
    where.add_argument("--corpus", type=Path, help="folder of a corpus of synthetic voices")
    parser.add_argument("--clips", type=int, default=600, help="of the corpus")
    parser.add_argument("--split", choices=("train", "dev", "test"), action="append")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--name", default="prompts", help="of the file of lists")
    options = parser.parse_args(arguments)
    if options.prompts is not None:
        clips = prompts(options.prompts, options.split or ("train", "dev"))
    else:
        clips = synthetic(options.corpus, options.clips)
    print(f"{len(clips)} lists to make.")
    run(clips, lists.folder() / f"{options.name}.jsonl", options.minutes, partial(print, flush=True))


if __name__ == "__main__":
    main()
