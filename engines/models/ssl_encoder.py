"""States of self-supervised encoders: HuBERT (arXiv 2106.07447) and wav2vec 2.0 (arXiv 2006.11477), through PyTorch.

For a machine that has PyTorch and a checkpoint, in a folder or in the user's own cache of Hugging Face; nothing is
fetched. Only safetensors are loaded, never a pickle. Their states go where those of Whisper's encoder go: into
:mod:`engines.training.tokens.kmeans` to be clustered, and into a :class:`engines.tokens.codebook.Codebook` for units.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.contract import SAMPLE_RATE, Samples
from engines.errors import BadOption, GraphInvalid, Unavailable, WeightsMissing

FRAME_SECONDS = 0.02
_HINT = "Name a folder with config.json and model.safetensors, or a checkpoint that is in the cache of Hugging Face."
_KINDS = {"hubert": "HubertModel", "wav2vec2": "Wav2Vec2Model", "wavlm": "WavLMModel"}
_SHORTEST = 400
"""Samples of one frame."""


class SelfSupervisedEncoder:
    """Open it with :meth:`open`.

    Attributes:
        name: of the checkpoint.
        layers: transformer layers; layer 0 is what they start from.
        width: of the states.
    """

    def __init__(self, model: Any, name: str, *, normalised: bool) -> None:
        self._model = model
        self._normalised = normalised
        self.name = name
        self.layers = int(model.config.num_hidden_layers)
        self.width = int(model.config.hidden_size)

    @classmethod
    def open(cls, checkpoint: str | Path, *, device: str = "cpu") -> SelfSupervisedEncoder:
        """Opens a checkpoint.

        Args:
            checkpoint: a folder, or the name of a repository that is in the user's cache.
            device: ``cpu`` or ``cuda``.

        Raises:
            Unavailable: PyTorch or transformers is not installed.
            WeightsMissing: there is no such checkpoint here.
            GraphInvalid: it is of another kind, or damaged.
        """
        try:
            import transformers
        except ImportError as error:
            raise Unavailable(
                "Self-supervised encoders need PyTorch and transformers.", 'Run `pip install "triptych[export]"`.'
            ) from error
        name = str(checkpoint)
        try:
            config = transformers.AutoConfig.from_pretrained(name, local_files_only=True)
        except (OSError, ValueError) as error:
            raise WeightsMissing(f"There is no checkpoint {name} on this machine.", _HINT) from error
        kind = _KINDS.get(str(config.model_type))
        if kind is None:
            known = ", ".join(sorted(_KINDS))
            raise GraphInvalid(f"The checkpoint {name} is of kind {config.model_type}.", f"It may be of {known}.")
        try:
            made = getattr(transformers, kind).from_pretrained(name, local_files_only=True, use_safetensors=True)
        except Exception as error:  # transformers raises what its readers raise
            raise GraphInvalid(f"The weights of {name} are missing, damaged or no safetensors.", _HINT) from error
        return cls(made.eval().to(device), Path(name).name, normalised=_normalised(name))

    def states(self, samples: Samples, layer: int) -> NDArray[np.float32]:
        """The states of a layer, ``(T, width)`` at 50 Hz.

        Args:
            samples: ``(n,)`` at 16 kHz, at least 25 ms.
            layer: from 1; 0 is what the first layer starts from.

        Raises:
            BadOption: there is no such layer.
        """
        if not 0 <= layer <= self.layers:
            raise BadOption(f"{self.name} has no layer {layer}.", f"Choose one from 0 to {self.layers}.")
        import torch

        heard = np.asarray(samples, np.float32)
        if heard.size < _SHORTEST:
            heard = np.pad(heard, (0, _SHORTEST - heard.size))
        if self._normalised:
            heard = (heard - heard.mean()) / np.sqrt(heard.var() + 1e-7)
        with torch.inference_mode():
            given = torch.from_numpy(np.ascontiguousarray(heard))[None].to(self._model.device)
            found = self._model(given, output_hidden_states=True).hidden_states[layer][0]
        return np.asarray(found.float().cpu().numpy(), np.float32)


def _normalised(name: str) -> bool:
    """Whether the checkpoint was trained on speech of mean 0 and deviation 1; the larger ones were."""
    from transformers.utils import cached_file

    try:
        file = cached_file(name, "preprocessor_config.json", local_files_only=True)
        return bool(json.loads(Path(str(file)).read_text(encoding="utf-8")).get("do_normalize", False))
    except (OSError, ValueError):
        return False


assert SAMPLE_RATE * FRAME_SECONDS == 320  # the stride of their convolutions
