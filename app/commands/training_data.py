"""The training data that a description names: ``triptych train --data``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from app.commands.progress import ProgressLine
from engines.contract import Preparing


def build(file: Path) -> int:
    """Builds every corpus of a description that is not there, and the encoder's states of each.

    A corpus of acted lines whose game is missing is left out.

    Raises:
        BadOption: the description is not understood.
        CorpusInvalid: text is missing, or a game's file is another one.
    """
    from engines.training.data import build, features
    from engines.training.data.corpus import corpora

    spec = build.read_spec(file)
    processes = max(1, (os.cpu_count() or 1) - 1)
    for wanted in spec.corpora:
        folder = corpora() / wanted.name
        acted = isinstance(wanted, build.Acted)
        if (folder / "manifest.jsonl").is_file():
            print(f"{wanted.name} is there already; delete {folder} to make it anew.", file=sys.stderr)
        elif isinstance(wanted, build.Acted) and not wanted.file.is_file():
            print(f"{wanted.name} is left out: there is no {wanted.file}.", file=sys.stderr)
            continue
        else:
            print(f"{wanted.name}: {'listening' if acted else 'speaking'} …", file=sys.stderr)
            made = build.build(spec, wanted.name, processes=processes)
            failed = f", {made.failed} could not be {'read' if acted else 'spoken'}" if made.failed else ""
            print(f"{wanted.name}: {made.clips} clips, {made.hours:.2f} h{failed}.", file=sys.stderr)
        with ProgressLine(sys.stderr) as line:
            found = features.compute(
                folder,
                processes=processes,
                progress=lambda done, total: line.show(Preparing("Encoding speech", done, total, "steps")),
            )
        if found["broken"]:
            print(f"{len(found['broken'])} recordings could not be read and are left out.", file=sys.stderr)
    return 0
