"""Makes the corpora that a recipe names (``resources/recipes/corpus-cpu.toml``)."""

from __future__ import annotations

import itertools
import re
import shutil
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engines.errors import BadOption, CorpusInvalid
from engines.training.data import acted, parallel, phrases, texts
from engines.training.data.corpus import corpora
from engines.training.data.lines import Line
from engines.training.data.spoken import Made, joined, synthesise
from engines.training.data.voices import Kind

SHARES: Final = {"catalogues": 0.34, "fortunes": 0.22, "wordnet": 0.26, "phrases": 0.18}
"""Of English clips, where the text comes from."""

NAME: Final = r"^[a-z0-9][a-z0-9-]{0,40}$"
Hours = Annotated[float, Field(gt=0, le=1000)]


class Folders(BaseModel):
    """Where text is found.

    Attributes:
        wordnet: holds WordNet's ``data.noun`` and the others.
        fortunes: holds fortune files.
        catalogues: is searched for ``<language>/…/*.mo``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    wordnet: Path = Path("/usr/share/wordnet")
    fortunes: Path = Path("/usr/share/games/fortunes")
    catalogues: Path = Path("/usr/share/games/wesnoth")


class Synthetic(BaseModel):
    """One synthetic corpus.

    Attributes:
        name: of its folder.
        seed: decides everything; another seed says other lines.
        part: which part of the shuffled text it takes, counted from 0, so that corpora do not share lines.
        hours: language → hours of speech.
        voices: ``"programs"`` (espeak-ng and flite), ``"piper"`` or ``"kokoro"`` (slow).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: Annotated[str, Field(pattern=NAME)]
    seed: Annotated[int, Field(ge=0)]
    part: Annotated[int, Field(ge=0)] = 0
    hours: Annotated[dict[str, Hours], Field(min_length=1)]
    voices: Kind = "programs"


class Acted(BaseModel):
    """One corpus of acted lines, which are read off a game (:mod:`.acted`).

    Attributes:
        name: of its folder.
        game: whose lines.
        file: the game's; who lacks it goes without the corpus.
        hours: at most so much is kept.
        seed: decides the order and the augmentation.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: Annotated[str, Field(pattern=NAME)]
    game: acted.Game
    file: Path
    hours: Hours
    seed: Annotated[int, Field(ge=0)] = 0


class Spec(BaseModel):
    """A recipe of corpora.

    Attributes:
        parts: into how many parts the text is dealt.
        text_seed: decides the dealing.
        folders: where text is.
        synthetic: the corpora that programs speak.
        acted: those that actors speak.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    parts: Annotated[int, Field(ge=1, le=64)] = 2
    text_seed: Annotated[int, Field(ge=0)] = 1
    folders: Folders = Folders()
    synthetic: tuple[Synthetic, ...] = ()
    acted: tuple[Acted, ...] = ()

    @property
    def corpora(self) -> tuple[Synthetic | Acted, ...]:
        """All of them."""
        return (*self.synthetic, *self.acted)


def read_spec(path: Path, folders: Mapping[str, Path] | None = None) -> Spec:
    """Reads a recipe.

    Args:
        path: a TOML file.
        folders: replace those of the recipe.

    Raises:
        BadOption: it cannot be read, or has an unknown key or an impossible value.
    """
    try:
        with path.open("rb") as file:
            document = tomllib.load(file)
        document["folders"] = document.get("folders", {}) | dict(folders or {})
        return Spec.model_validate(document)
    except OSError as error:
        raise BadOption(f"The recipe {path} cannot be read.", "Check the path.") from error
    except (ValidationError, ValueError, TypeError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else None
        detail = f"{'.'.join(map(str, first['loc']))}: {first['msg']}" if first else str(error)
        raise BadOption(f"The recipe {path.name} is not understood: {detail}.", "Correct that line.") from error


def build(spec: Spec, name: str, *, processes: int = 1) -> Made:
    """Makes one corpus of a recipe anew.

    Raises:
        BadOption: the recipe has no corpus of that name, or its part is not there.
        CorpusInvalid: text, or a game, is missing.
        VoiceUnavailable: no program speaks a language.
        WeightsMissing: actors are to be read, and the recogniser's graphs have not been built.
    """
    chosen = next((corpus for corpus in spec.corpora if corpus.name == name), None)
    if chosen is None:
        names = ", ".join(corpus.name for corpus in spec.corpora)
        raise BadOption(f"The recipe has no corpus {name!r}.", f"Choose one of {names}.")
    folder = corpora() / name
    if isinstance(chosen, Acted):
        return _labelled(chosen, folder)
    if chosen.part >= spec.parts:
        raise BadOption(f"The corpus {name} takes part {chosen.part} of {spec.parts}.", "Count parts from 0.")
    random = Random(chosen.seed)
    shares = {language: groups(spec, language, chosen.part, random) for language in chosen.hours}
    shutil.rmtree(folder, ignore_errors=True)
    return synthesise(
        folder,
        _mixed(shares, chosen.hours, random),
        hours=chosen.hours,
        seed=chosen.seed,
        processes=processes,
        kind=chosen.voices,
    )


def _labelled(chosen: Acted, folder: Path) -> Made:
    sounds = acted.GAMES[chosen.game]
    sounds(chosen.file, Random(0))  # says what is wrong with the file before the recogniser is opened
    found = acted.acted(chosen.game, chosen.file, folder, acted.open_recogniser(), hours=chosen.hours, seed=chosen.seed)
    return Made(clips=found.kept, hours=found.hours, failed=found.broken)


def groups(spec: Spec, language: str, part: int, random: Random) -> Iterator[list[Line]]:
    """The lines of a language, clip by clip: for English the sources mixed by :data:`SHARES`.

    When the text is used up it begins again, with other voices.
    """
    if language != "en":
        lines = _dealt(parallel.translated(spec.folders.catalogues, language), spec, part)
        return _endless(lines, random)
    sources = {
        "catalogues": _dealt(parallel.english(spec.folders.catalogues), spec, part),
        "fortunes": _dealt(texts.fortunes(spec.folders.fortunes), spec, part),
        "wordnet": _dealt(texts.wordnet(spec.folders.wordnet), spec, part),
    }
    words = common_words(itertools.chain.from_iterable(sources.values()))
    streams = {name: _endless(lines, random) for name, lines in sources.items()}
    streams["phrases"] = ([line] for line in phrases.phrases(random, words))
    return _drawn(streams, random)


def common_words(lines: Iterator[Line]) -> list[str]:
    """Lower-case words that occur three times or more, the commoner first."""
    counts: Counter[str] = Counter()
    for line in lines:
        counts.update(word for word in re.findall(r"(?<![\w'-])[a-z]{2,14}(?![\w'-])", line.text))
    return [word for word, count in counts.most_common() if count >= 3] or ["hello"]


def _dealt(lines: Iterator[Line], spec: Spec, part: int) -> list[Line]:
    """A part of the lines in random order, each once."""
    unique = list({line.text.casefold(): line for line in lines}.values())
    Random(spec.text_seed).shuffle(unique)
    found = unique[part :: spec.parts]
    if not found:
        raise CorpusInvalid("There is too little text for that many parts.", "Take fewer parts or more text.")
    return found


def _endless(lines: list[Line], random: Random) -> Iterator[list[Line]]:
    while True:
        yield from joined(lines, random)


def _drawn(streams: Mapping[str, Iterator[list[Line]]], random: Random) -> Iterator[list[Line]]:
    names = list(streams)
    while True:
        yield next(streams[random.choices(names, [SHARES[name] for name in names])[0]])


def _mixed(
    shares: Mapping[str, Iterator[list[Line]]], hours: Mapping[str, float], random: Random
) -> Iterator[list[Line]]:
    languages = list(hours)
    while True:
        yield next(shares[random.choices(languages, [hours[language] for language in languages])[0]])
