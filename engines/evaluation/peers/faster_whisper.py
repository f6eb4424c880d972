"""faster-whisper: CTranslate2's Whisper, https://github.com/SYSTRAN/faster-whisper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engines.contract import OptionValue, Samples, Task
from engines.evaluation.peers.peer import BEAM, Peer, Recognise
from engines.models.components import Components
from engines.runtime import sessions


def open_(components: Components, options: Mapping[str, OptionValue]) -> Recognise:
    """Opens it on the house's weights; without timestamps and without its fallback to sampling, as the house runs."""
    from faster_whisper import WhisperModel

    weights = components.store.path("whisper-base")
    threads = sessions.settings().threads
    model = WhisperModel(str(weights), device="cpu", compute_type="int8", cpu_threads=threads)

    def recognise(samples: Samples, language: str | None, task: Task) -> str:
        segments, _ = model.transcribe(
            samples, language=language, task=task.value, beam_size=int(options["beam"]), temperature=0.0,
            without_timestamps=True, condition_on_previous_text=False,
        )  # fmt: skip
        return " ".join(segment.text.strip() for segment in segments)

    return recognise


PEER: Final = Peer(
    id="peer-faster-whisper",
    name="faster-whisper",
    package="faster-whisper",
    module="faster_whisper",
    weights="Whisper base",
    precision="int8",
    open=open_,
    models={"recogniser": "whisper-base"},
    options=BEAM,
)
