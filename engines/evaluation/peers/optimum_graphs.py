"""The graphs that optimum exports, decoded by transformers' ``generate``, https://huggingface.co/docs/optimum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engines.contract import SAMPLE_RATE, OptionValue, Samples, Task
from engines.evaluation.peers.peer import BEAM, Peer, Recognise, home
from engines.models.components import Components
from engines.runtime import sessions

_MOST_TOKENS: Final = 200


def open_(_: Components, options: Mapping[str, OptionValue]) -> Recognise:
    """Opens the folder that ``python -m tests.benchmarks.optimum_export`` wrote."""
    import onnxruntime as ort
    from optimum.onnxruntime import ORTModelForSpeechSeq2Seq
    from transformers import WhisperProcessor

    session = ort.SessionOptions()
    session.intra_op_num_threads = sessions.settings().threads
    model = ORTModelForSpeechSeq2Seq.from_pretrained(home(PEER.id), session_options=session)
    processor = WhisperProcessor.from_pretrained(home(PEER.id))

    def recognise(samples: Samples, language: str | None, task: Task) -> str:
        features = processor(samples, sampling_rate=SAMPLE_RATE, return_tensors="pt").input_features
        ids = model.generate(
            features, language=language, task=task.value, num_beams=int(options["beam"]), max_new_tokens=_MOST_TOKENS
        )
        return str(processor.batch_decode(ids, skip_special_tokens=True)[0])

    return recognise


PEER: Final = Peer(
    id="peer-optimum",
    name="optimum",
    package="optimum-onnx",
    module="optimum",
    weights="Whisper base as optimum exports it",
    precision="float32",
    open=open_,
    options=BEAM,
    folder=True,
    extra="export",
)
