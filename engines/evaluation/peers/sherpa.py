"""sherpa-onnx with a Whisper of its own, https://k2-fsa.github.io/sherpa/onnx/pretrained_models/whisper."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from engines.contract import SAMPLE_RATE, OptionValue, Samples, Task
from engines.evaluation.peers.peer import Peer, Recognise, home, one
from engines.models.components import Components
from engines.runtime import sessions


def open_(_: Components, __: Mapping[str, OptionValue]) -> Recognise:
    """Opens ``*-encoder*.onnx``, ``*-decoder*.onnx`` and ``*tokens.txt``; it decodes greedily.

    Language and task are its recogniser's, so there is one of each pair that occurs; empty finds the language out.

    Raises:
        WeightsMissing: a file is not there, or there are several.
    """
    import sherpa_onnx

    folder = home(PEER.id)
    files = {"encoder": "*-encoder*.onnx", "decoder": "*-decoder*.onnx", "tokens": "*tokens.txt"}
    found = {name: str(one(folder, pattern)) for name, pattern in files.items()}
    threads = sessions.settings().threads or os.cpu_count() or 1

    @cache
    def recogniser(language: str, task: str) -> Any:
        return sherpa_onnx.OfflineRecognizer.from_whisper(**found, language=language, task=task, num_threads=threads)

    def recognise(samples: Samples, language: str | None, task: Task) -> str:
        runs = recogniser(language or "", task.value)
        stream = runs.create_stream()
        stream.accept_waveform(SAMPLE_RATE, samples)
        runs.decode_stream(stream)
        return str(stream.result.text)

    return recognise


PEER: Final = Peer(
    id="peer-sherpa-onnx",
    name="sherpa-onnx",
    package="sherpa-onnx",
    module="sherpa_onnx",
    weights="encoder, decoder and tokens of a Whisper for sherpa-onnx",
    precision="as its files are",
    open=open_,
    folder=True,
)
