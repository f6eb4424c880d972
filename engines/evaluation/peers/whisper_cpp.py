"""whisper.cpp through pywhispercpp, https://github.com/ggml-org/whisper.cpp."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

import numpy as np

from engines.contract import OptionValue, Samples, Task
from engines.evaluation.peers.peer import BEAM, Peer, Recognise, home, one
from engines.models.components import Components
from engines.runtime import sessions

_BEAM_SEARCH: Final = 1


def open_(_: Components, options: Mapping[str, OptionValue]) -> Recognise:
    """Opens the one ``*.bin`` there is, without its fallback to sampling, as the house runs.

    Raises:
        WeightsMissing: there is none, or there are several.
    """
    from pywhispercpp.model import Model

    model = Model(
        str(one(home(PEER.id), "*.bin")),
        params_sampling_strategy=_BEAM_SEARCH,
        redirect_whispercpp_logs_to=None,
        n_threads=sessions.settings().threads or os.cpu_count() or 1,
        beam_search={"beam_size": int(options["beam"]), "patience": -1.0},
        temperature=0.0,
        temperature_inc=0.0,
        no_context=True,
        print_progress=False,
        print_realtime=False,
    )

    def recognise(samples: Samples, language: str | None, task: Task) -> str:
        heard = np.array(samples, np.float32)
        found = model.transcribe(heard, language=language or "auto", translate=task is Task.TRANSLATE)
        return " ".join(segment.text.strip() for segment in found)

    return recognise


PEER: Final = Peer(
    id="peer-whisper-cpp",
    name="whisper.cpp",
    package="pywhispercpp",
    module="pywhispercpp",
    weights="one ggml file of a Whisper, *.bin,",
    precision="as its file is",
    open=open_,
    options=BEAM,
    folder=True,
)
