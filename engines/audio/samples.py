"""The bundled samples: real speech, with credits, that the first run works on."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from engines import paths
from engines.audio.load import load
from engines.contract import Utterance
from engines.errors import AudioUnreadable


@dataclass(frozen=True)
class Sample:
    """One bundled recording.

    Attributes:
        id: its short name.
        path: the sound file.
        title: for people.
        language: ISO 639-1 code of the spoken language.
        reference: what is said, in the spoken language.
        translation: what is said, in English; None for English ones.
        credit: who made the recording and where it is from.
        licence: SPDX identifier.
    """

    id: str
    path: Path
    title: str
    language: str
    reference: str
    translation: str | None
    credit: str
    licence: str


def list_samples() -> tuple[Sample, ...]:
    """All bundled samples; the first is the one of the first run."""
    folder = paths.resources() / "samples"
    entries = tomllib.loads((folder / "samples.toml").read_text(encoding="utf-8"))["sample"]
    return tuple(
        Sample(
            id=entry["id"],
            path=folder / entry["file"],
            title=entry["title"],
            language=entry["language"],
            reference=entry["reference"],
            translation=entry.get("translation"),
            credit=entry["credit"],
            licence=entry["licence"],
        )
        for entry in entries
    )


def load_sample(sample_id: str) -> Utterance:
    """Loads a bundled sample, with its reference texts.

    Raises:
        AudioUnreadable: there is no sample of that id.
    """
    samples = {sample.id: sample for sample in list_samples()}
    sample = samples.get(sample_id)
    if sample is None:
        raise AudioUnreadable(f"There is no sample {sample_id}.", f"The samples are {', '.join(samples)}.")
    return load(
        sample.path,
        language=sample.language,
        reference=sample.reference,
        reference_translation=sample.translation,
        source=sample.title,
    )
