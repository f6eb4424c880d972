"""LibriSpeech (Panayotov et al. 2015): ``SPEAKER/CHAPTER/SPEAKER-CHAPTER.trans.txt`` beside FLAC files."""

from __future__ import annotations

from engines.errors import BadInput
from engines.evaluation.layouts import tables
from engines.evaluation.layouts.rows import Corpus, Source, checked, in_file


def read(source: Source) -> Corpus:
    """A folder of LibriSpeech, for example ``test-clean``.

    Raises:
        BadInput: there is no transcript in it.
    """
    rows = []
    for file in sorted(source.place.rglob("*.trans.txt")):
        for line in tables.lines(file):
            clip, _, text = line.partition(" ")
            speaker = clip.partition("-")[0]
            rows.append(in_file(clip, file.parent / f"{clip}.flac", "en", text, speaker=speaker))
    if not rows:
        hint = "Name a folder of LibriSpeech, for example test-clean."
        raise BadInput(f"{source.place} holds no *.trans.txt.", hint)
    return checked(source.name, rows)
