"""Corpora that a bench names: kinds of them, what each takes, and what reads it; layouts are in :mod:`.layouts`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from engines.errors import BadOption
from engines.evaluation import corpora
from engines.evaluation.layouts import commonvoice, covost2, fleurs, librispeech, manifest, mls, parquet, silence
from engines.evaluation.layouts.rows import Corpus, Source


@dataclass(frozen=True)
class Kind:
    """A kind of corpus.

    Attributes:
        read: reads one.
        takes: what a bench may say of it besides its name, path and language.
    """

    read: Callable[[Source], Corpus]
    takes: frozenset[str] = frozenset()


def unseen(source: Source) -> Corpus:
    """The bundled recordings of people whom nothing was trained on."""
    return Corpus(source.name, tuple(replace(clip, corpus=source.name) for clip in corpora.unseen()))


def prompts(source: Source) -> Corpus:
    """The held-out half of a folder of telephone prompts, English by default; see :func:`corpora.prompts`.

    A bench that names no folder takes that of the variable TRIPTYCH_PROMPTS; where there is none, the rest is measured.
    """
    named = os.environ.get("TRIPTYCH_PROMPTS")
    if source.path is None and not named:
        return Corpus(
            source.name, (), (f"{source.name} is left out: it names no path, and TRIPTYCH_PROMPTS names no folder.",)
        )
    found = corpora.prompts(source.path or Path(named or ""), source.language or "en")
    return Corpus(source.name, tuple(replace(clip, corpus=source.name) for clip in found))


_SPLIT: Final = frozenset({"split"})
_ELSEWHERE: Final = frozenset({"split", "clips"})
_COLUMNS: Final = frozenset(f"{what}_column" for what in parquet.GUESSED)
KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "unseen": Kind(unseen),
        "prompts": Kind(prompts),
        "silence": Kind(silence.read),
        "manifest": Kind(manifest.read),
        "instructions": Kind(manifest.read),
        "librispeech": Kind(librispeech.read),
        "mls": Kind(mls.read, _SPLIT),
        "commonvoice": Kind(commonvoice.read, _ELSEWHERE),
        "covost2": Kind(covost2.read, _ELSEWHERE),
        "fleurs": Kind(fleurs.read, _ELSEWHERE),
        "parquet": Kind(parquet.read, _SPLIT | _COLUMNS),
    }
)
"""Name of a kind → what it is."""


def kind_of(name: str, said: frozenset[str]) -> Kind:
    """A kind by its name, if it takes what is said of a corpus.

    Args:
        name: of the kind.
        said: keys of a corpus in a bench besides name, path, language, limit and task.

    Raises:
        BadOption: there is no such kind, or it has no use for one of the keys.
    """
    if name not in KINDS:
        raise BadOption(f"There is no kind of corpus {name!r}.", f"There are {', '.join(KINDS)}.")
    kind = KINDS[name]
    for key in sorted(said - kind.takes):
        hint = f"It takes {', '.join(sorted(kind.takes))}." if kind.takes else "Leave it out."
        raise BadOption(f"A corpus of the kind {name!r} takes no {key}.", hint)
    return kind
