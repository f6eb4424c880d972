"""Exports Whisper base with optimum from the same weights: ``python -m tests.benchmarks.optimum_export DIR``.

Needs the ``export`` extra. ``DIR`` of the peer ``peer-optimum`` is ``peers/peer-optimum`` in the program's data.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from engines.evaluation.peers import checkpoint
from engines.weights.store import WeightStore


def main(target: Path) -> None:
    """Writes transformers' checkpoint to a temporary folder and exports it to ``target``."""
    from optimum.exporters.onnx import main_export

    with tempfile.TemporaryDirectory() as folder:
        for part in checkpoint.for_generation(WeightStore().path("whisper-base")):
            part.save_pretrained(folder)
        main_export(folder, output=target, task="automatic-speech-recognition-with-past")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
