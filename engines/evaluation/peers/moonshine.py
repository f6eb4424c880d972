"""Moonshine, which hears English alone (Jeffries et al. 2024, arXiv 2410.15608)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from engines.catalog import Option
from engines.contract import OptionValue, Samples, Task
from engines.evaluation.peers.peer import ENGLISH, Peer, Recognise, home, one
from engines.models.components import Components


def open_(_: Components, options: Mapping[str, OptionValue]) -> Recognise:
    """Opens ``encoder_model.onnx`` and ``decoder_model_merged.onnx``; threads are ONNX Runtime's own choice.

    Raises:
        WeightsMissing: a file is not there.
    """
    import moonshine_onnx

    folder = home(PEER.id)
    for file in ("encoder_model.onnx", "decoder_model_merged.onnx"):
        one(folder, file)
    model = moonshine_onnx.MoonshineOnnxModel(models_dir=str(folder), model_name=str(options["size"]))
    tokenizer = moonshine_onnx.load_tokenizer()

    def recognise(samples: Samples, _: str | None, __: Task) -> str:
        return str(tokenizer.decode_batch(model.generate(np.array(samples, np.float32)[None]))[0])

    return recognise


PEER: Final = Peer(
    id="peer-moonshine",
    name="Moonshine",
    package="useful-moonshine-onnx",
    module="moonshine_onnx",
    weights="encoder_model.onnx and decoder_model_merged.onnx of Moonshine tiny",
    precision="as its files are",
    open=open_,
    tasks=(Task.TRANSCRIBE,),
    languages=(ENGLISH,),
    options={
        "size": Option(type="choice", default="tiny", choices=("tiny", "base"), label="Size", help="Of the model.")
    },
    folder=True,
)
