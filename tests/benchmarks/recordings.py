"""Recordings that benchmarks run on: the bundled samples, or a folder with a ``manifest.jsonl``."""

from __future__ import annotations

import json
import os
from pathlib import Path

from engines.audio.load import load
from engines.audio.samples import list_samples, load_sample
from engines.contract import Utterance


def recordings(folder: Path | None, language: str, limit: int) -> list[Utterance]:
    """Utterances with their references.

    Args:
        folder: with ``manifest.jsonl`` (``audio``, ``language``, ``text``); None takes ``TRIPTYCH_PROMPTS`` if it is
            set and the bundled samples otherwise.
        language: ISO 639-1 code.
        limit: at most so many, spread evenly, none longer than 30 s.
    """
    folder = folder or (Path(os.environ["TRIPTYCH_PROMPTS"]) if "TRIPTYCH_PROMPTS" in os.environ else None)
    if folder is None:
        found = [load_sample(sample.id) for sample in list_samples() if sample.language == language]
    else:
        lines = (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [row for row in map(json.loads, lines) if row["language"] == language and len(row["text"].split()) >= 3]
        rows = rows[:: max(1, len(rows) // limit)]
        found = [
            load(folder / row["audio"], language=language, reference=row["text"],
                 reference_translation=row.get("english"))
            for row in rows[:limit]
        ]  # fmt: skip
    return [utterance for utterance in found if utterance.seconds <= 30][:limit]
