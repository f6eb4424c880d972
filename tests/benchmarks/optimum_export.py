"""Exports Whisper base with optimum from the same weights: ``python -m tests.benchmarks.optimum_export DIR``.

Needs the ``export`` extra.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from engines.weights.store import WeightStore
from tests.export import whisper_reference


def main(target: Path) -> None:
    """Writes transformers' checkpoint to a temporary folder and exports it to ``target``."""
    from optimum.exporters.onnx import main_export
    from tokenizers import Tokenizer
    from transformers import GenerationConfig, WhisperFeatureExtractor, WhisperTokenizerFast

    weights = WeightStore().path("whisper-base")
    tokens = Tokenizer.from_file(str(weights / "tokenizer.json"))
    languages = {f"<|{name}|>": tokens.token_to_id(f"<|{name}|>") for name in ("en", "es", "fr")}
    with tempfile.TemporaryDirectory() as checkpoint:
        model = whisper_reference.load(weights)
        model.generation_config = GenerationConfig(
            decoder_start_token_id=50258, eos_token_id=50257, pad_token_id=50257, bos_token_id=50257, max_length=448,
            is_multilingual=True, lang_to_id=languages, task_to_id={"transcribe": 50359, "translate": 50358},
            no_timestamps_token_id=50363, return_timestamps=False,
        )  # fmt: skip
        model.save_pretrained(checkpoint)
        WhisperTokenizerFast(tokenizer_object=tokens).save_pretrained(checkpoint)
        WhisperFeatureExtractor().save_pretrained(checkpoint)
        main_export(checkpoint, output=target, task="automatic-speech-recognition-with-past")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
