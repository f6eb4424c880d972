"""transformers' own speech recognition pipeline, https://huggingface.co/docs/transformers/main_classes/pipelines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engines.contract import SAMPLE_RATE, OptionValue, Samples, Task
from engines.evaluation.peers import checkpoint
from engines.evaluation.peers.peer import BEAM, Peer, Recognise
from engines.models.components import Components
from engines.runtime import sessions

_MOST_TOKENS: Final = 200


def open_(components: Components, options: Mapping[str, OptionValue]) -> Recognise:
    """Opens it on the house's weights in float32."""
    import torch
    from transformers import pipeline

    if sessions.settings().threads:
        torch.set_num_threads(sessions.settings().threads)
    model, tokenizer, features = checkpoint.for_generation(components.store.path("whisper-base"))
    run = pipeline(
        "automatic-speech-recognition", model=model, tokenizer=tokenizer, feature_extractor=features, device=-1
    )

    def recognise(samples: Samples, language: str | None, task: Task) -> str:
        settings = {"language": language, "task": task.value, "num_beams": int(options["beam"])}
        heard = {"raw": samples.copy(), "sampling_rate": SAMPLE_RATE}
        return str(run(heard, generate_kwargs={**settings, "max_new_tokens": _MOST_TOKENS})["text"])

    return recognise


PEER: Final = Peer(
    id="peer-transformers",
    name="transformers' pipeline",
    package="transformers",
    module="transformers",
    weights="Whisper base",
    precision="float32",
    open=open_,
    models={"recogniser": "whisper-base"},
    options=BEAM,
    extra="export",
)
