"""The published EnCodec at 24 kHz, for who has its checkpoint; runs in transformers, not in ONNX Runtime.

The same questions can be asked of it as of :class:`engines.models.codec.Codec`, at its own rate: 75 frames per second,
up to 32 codebooks of 1024. Its LSTM remembers everything, so a stream has no exact chunks and is decoded as a whole.
"""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from engines.contract import Samples
from engines.errors import AudioUnusable, GraphInvalid, TokensInvalid, Unavailable, WeightsMissing
from engines.models.codes import LOST, Codes, require_books, require_codes

if TYPE_CHECKING:
    from transformers import EncodecModel

REPOSITORY: Final = "facebook/encodec_24khz"
"""Where the checkpoint was published."""
_HINT: Final = f"Download {REPOSITORY} from Hugging Face, or name a folder that holds it."


class EnCodec:
    """A checkpoint of EnCodec, mono, unnormalised. Open it with :meth:`open`.

    Attributes:
        name: for people.
        provider: what it runs on.
        precision: of its weights.
        rate: samples per second that it takes and gives.
        hop: samples per frame.
        frame_seconds: seconds per frame.
        books: codebooks.
        codes: entries of each.
    """

    name = "EnCodec"
    provider = "CPU (PyTorch)"
    precision = "fp32"

    def __init__(self, model: EncodecModel) -> None:
        config: Any = model.config
        if config.audio_channels != 1 or config.normalize or config.chunk_length_s is not None:
            message = "This checkpoint of EnCodec is for stereo or works in normalised pieces."
            raise GraphInvalid(message, f"Use {REPOSITORY}.")
        self._model: Any = model.eval()
        self.rate, self.hop, self.codes = config.sampling_rate, config.hop_length, config.codebook_size
        self.books = len(self._model.quantizer.layers)
        self.frame_seconds = self.hop / self.rate

    @classmethod
    def open(cls, place: str | Path = REPOSITORY) -> EnCodec:
        """Opens a checkpoint; nothing is downloaded.

        Args:
            place: a folder, or the name of a repository in the user's Hugging Face cache.

        Raises:
            Unavailable: torch or transformers is not installed.
            WeightsMissing: there is no such checkpoint on this machine.
            GraphInvalid: it is damaged, or no EnCodec for mono.
        """
        try:
            from transformers import EncodecModel
        except ImportError as error:
            raise Unavailable("EnCodec needs PyTorch.", 'Run `pip install "triptych[export]"`.') from error
        named = str(place)
        if isinstance(place, Path) and not (place / "config.json").is_file():
            raise WeightsMissing(f"The folder {place} holds no checkpoint of EnCodec.", _HINT)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                # No pickle is read: published checkpoints without safetensors are refused.
                model = EncodecModel.from_pretrained(named, local_files_only=True, use_safetensors=True)
        except OSError as error:
            raise WeightsMissing(f"The checkpoint {named} is not on this machine.", _HINT) from error
        except Exception as error:  # transformers and safetensors raise their own unrelated classes
            raise GraphInvalid(f"The checkpoint {named} is damaged or no EnCodec.", _HINT) from error
        return cls(model)

    def bits_per_second(self, books: int | None = None) -> float:
        """What a stream of the first ``books`` codebooks takes; of all by default.

        Raises:
            TokensInvalid: there are not so many.
        """
        return float(require_books(books, self.books) * math.log2(self.codes) / self.frame_seconds)

    def encode(self, samples: Samples) -> Codes:
        """Codes ``(books, ceil(n / hop))`` of samples ``(n,)`` at :attr:`rate`.

        Raises:
            AudioUnusable: there are no samples, several channels, or values that are no numbers.
        """
        import torch

        if samples.ndim != 1 or not samples.size or not np.isfinite(samples).all():
            raise AudioUnusable("This sound cannot be coded.", "Give one channel with samples that are numbers.")
        whole = np.pad(np.clip(samples, -1, 1), (0, -samples.shape[0] % self.hop)).astype(np.float32)
        with torch.no_grad():
            found = self._model.quantizer.encode(self._model.encoder(torch.from_numpy(whole)[None, None]))
        return np.asarray(found[:, 0].numpy(), np.int32)

    def decode(self, codes: Codes, books: int | None = None) -> Samples:
        """Speech ``(T * hop,)`` in [-1, 1] of codes ``(k, T)``.

        Raises:
            TokensInvalid: the codes have the wrong shape or ids that do not exist, or frames are lost.
        """
        import torch

        checked = require_codes(codes, self.books, self.codes)[: require_books(books, np.asarray(codes).shape[0])]
        if (checked == LOST).any() or not checked.shape[1]:
            raise TokensInvalid("There are no frames to decode.", "Give codebooks × frames.")
        with torch.no_grad():
            latents = self._model.quantizer.decode(torch.from_numpy(checked.astype(np.int64))[:, None])
            heard = self._model.decoder(latents)[0, 0]
        return np.asarray(np.clip(heard.numpy(), -1, 1), np.float32)
