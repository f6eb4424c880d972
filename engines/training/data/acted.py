"""Acted lines of games, labelled by the recogniser: real voices in quantity, of which nothing is shipped.

A line is kept where the recogniser is sure and reads the same greedily and by beam search; decision 0009 says how
right such readings are.

What was read stands in ``readings.jsonl`` beside the manifest, so that an interrupted run hears no line twice.
"""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Final, Literal, TypeAlias

from engines.contract import SAMPLE_RATE, Hypothesis, Recogniser, Samples, SpeechStates
from engines.models.components import Components
from engines.runtime.sessions import RuntimeSettings, configure
from engines.training.data import queen, sky
from engines.training.data.corpus import Clip, CorpusWriter
from engines.training.data.lines import speakable, tidy
from engines.training.data.real import copies_of

Sounds = Callable[[Path, Random], Iterator[tuple[str, Samples | None]]]
"""From a game's file, name and sound (16 kHz, None where it is broken) of its lines in random order."""

Game: TypeAlias = Literal["queen", "sky"]
GAMES: Final[Mapping[Game, Sounds]] = {"queen": queen.sounds, "sky": sky.sounds}
_SHORTEST, _LONGEST = 1.5, 20.0
_LIKELY: Final = -0.33
"""Least mean log-probability of a token: a mean probability of about .72."""
_SAME: Final = 3
READINGS: Final = "readings.jsonl"
_BEAM: Final = 5


@dataclass(frozen=True)
class Reading:
    """What the recogniser makes of a line.

    Attributes:
        text: read greedily.
        likely: its mean log-probability per token.
        searched: read by beam search; empty where the greedy reading is already too unsure.
    """

    text: str
    likely: float
    searched: str = ""


@dataclass
class Labelled:
    """How a corpus came out.

    Attributes:
        heard: lines that the recogniser was given.
        kept: lines whose reading was sure enough.
        hours: of the kept lines, without copies.
        broken: lines that could not be decoded.
    """

    heard: int = 0
    kept: int = 0
    hours: float = 0.0
    broken: int = 0


def acted(
    game: Game,
    path: Path,
    folder: Path,
    recogniser: Recogniser,
    *,
    hours: float = 2.0,
    copies: int = 1,
    seed: int = 0,
    progress: Callable[[Labelled], None] | None = None,
) -> Labelled:
    """Makes a corpus of the lines that the recogniser reads surely.

    A text that was kept three times is not kept again. The corpus grows as it is made; after an interruption the same
    call makes it anew with the readings that are there.

    Args:
        game: one of :data:`GAMES`.
        path: its file, ``queen.1c`` or ``sky.dnr``.
        folder: of the corpus; what is in it is replaced, but for the readings.
        recogniser: reads the lines.
        hours: stops when so much was kept.
        copies: augmented copies of every line, beside the clean one.
        seed: decides the order and the augmentation.
        progress: is told after every line.

    Raises:
        CorpusInvalid: the file is missing, or is not that game's.
    """
    lines = GAMES[game](path, Random(seed))
    _clear(folder)
    known = _known(folder / READINGS)
    result = Labelled()
    same: Counter[str] = Counter()
    with (folder / READINGS).open("a", encoding="utf-8") as log, CorpusWriter(folder) as writer:
        if known:
            log.write("\n")  # where it was cut off in a line
        for number, (name, sound) in enumerate(lines):
            if result.hours >= hours:
                break
            if sound is None:
                result.broken += 1
                continue
            if not _SHORTEST <= sound.shape[0] / SAMPLE_RATE <= _LONGEST:
                continue
            result.heard += 1
            reading = known.get(name)
            if reading is None:
                reading = heard(recogniser, sound)
                log.write(json.dumps({"name": name} | asdict(reading), ensure_ascii=False) + "\n")
                log.flush()
            text = label(reading, sound.shape[0] / SAMPLE_RATE)
            if text and same[text] < _SAME:
                same[text] += 1
                result.kept += 1
                result.hours += sound.shape[0] / SAMPLE_RATE / 3600
                clip = Clip(f"acted-{name}-{number}", "", 0, sound.shape[0], text, "en", "acted", "actor")
                writer.add(clip, sound)
                for copy, changed in copies_of(clip, sound, copies, [seed, number]):
                    writer.add(copy, changed)
            if progress:
                progress(result)
    return result


def open_recogniser() -> Recogniser:
    """Whisper, on one thread.

    Raises:
        WeightsMissing: its graphs have not been built.
    """
    configure(RuntimeSettings(threads=1))
    return Components().recogniser()


def heard(recogniser: Recogniser, sound: Samples) -> Reading:
    """Listens to a line."""
    states = recogniser.encode(sound)
    best = _best(recogniser, states, 1)
    likely = best.acoustic / max(best.tokens, 1)
    return Reading(best.text, round(likely, 4), _best(recogniser, states, _BEAM).text if likely >= _LIKELY else "")


def label(reading: Reading, seconds: float) -> str:
    """The text of a reading, or nothing where it is unsure, of two minds or implausible."""
    text = tidy(reading.text)
    words = len(text.split())
    plausible = 0.6 * seconds <= words + 1 and words <= 5.5 * seconds
    sure = reading.likely >= _LIKELY and _words(text) == _words(tidy(reading.searched))
    plain = bool(text) and speakable(text, "en", most_words=60) and not re.search(r"\b(\w+)(?:\W+\1\b){3}", text)
    return text if sure and plausible and plain else ""


def _best(recogniser: Recogniser, states: SpeechStates, beam: int) -> Hypothesis:
    *_, read = recogniser.nbest(states, language="en", beam=beam)
    assert not isinstance(read, str)
    return read.hypotheses[0]


def _words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.casefold())


def _clear(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for place in folder.iterdir():
        if place.is_dir():
            shutil.rmtree(place)
        elif place.name != READINGS:
            place.unlink()


def _known(path: Path) -> dict[str, Reading]:
    """Readings by the names of their lines; a line that was cut off is left out."""
    found = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else ():
        try:
            row = json.loads(line)
            found[str(row["name"])] = Reading(str(row["text"]), float(row["likely"]), str(row["searched"]))
        except (ValueError, KeyError, TypeError):
            continue
    return found
