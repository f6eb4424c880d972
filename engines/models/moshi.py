"""The published Moshi (arXiv 2410.00037) in transformers: a step per frame of 80 ms.

Text and the first codebook of a frame come at its own step, the other codebooks one step later; what is heard is read
with the same delay. Nothing here is imported before somebody asks for this model.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engines.contract import SAMPLE_RATE, Samples
from engines.errors import GraphInvalid, TokensInvalid, Unavailable
from engines.models.codes import Codes, require_codes
from engines.models.duplex import SURE, Liveliness, drawn
from engines.models.moshi_memory import MoshiNeed, checkpoint, require

_SPECIAL: Final = 4
"""Pieces of text that stand for nothing: unknown, beginning, end, padding."""
INSTALL: Final = 'Run `pip install "triptych[moshi]"`.'


@dataclass
class Talk:
    """Where a conversation is. It cannot be put aside: transformers' cache grows in place.

    Attributes:
        cache: keys and values of the frames so far.
        text: of the last step.
        own: ``(K,)`` codes of the last step, later codebooks a frame behind.
        heard: ``(K,)`` codes that were heard, likewise.
        latest: ``(K,)`` codes of the frame heard last, whose later codebooks are yet to be read.
        frames: steps so far.
    """

    cache: Any
    text: int
    own: NDArray[np.int64]
    heard: NDArray[np.int64]
    latest: NDArray[np.int64]
    frames: int = 0


class Moshi:
    """The model. Open it with :meth:`open`.

    Attributes:
        need: memory that it takes.
        precision: of its weights.
        books: codebooks of a stream.
        codes: entries of each.
        rate: samples per second of its codec.
        longest: frames that it can look back on; a conversation ends there.
    """

    name = "Moshi"
    provider = "PyTorch (CPU)"

    def __init__(self, model: Any, tokeniser: Any, need: MoshiNeed, precision: str) -> None:
        self._model, self._tokeniser, self.need, self.precision = model, tokeniser, need, precision
        config = model.config
        self.books, self.codes = int(config.num_codebooks), int(config.audio_vocab_size)
        self.rate, self.longest = int(config.audio_encoder_config.sampling_rate), int(config.sliding_window)
        self.frame_samples = round(self.rate / float(config.audio_encoder_config.frame_rate))
        self._begin = int(config.vocab_size)

    @classmethod
    def open(cls, folder: Path | None, precision: str = "bfloat16") -> Moshi:
        """Loads a checkpoint, if it is there and fits.

        Args:
            folder: with ``config.json``, ``*.safetensors`` and ``tokenizer.json``, or a folder of Hugging Face's cache;
                None where none was named.
            precision: float32, bfloat16 or float16.

        Raises:
            WeightsMissing: there is none.
            MemoryShort: it would not fit.
            Unavailable: torch or transformers is not installed.
            GraphInvalid: it is damaged, of something else, or its codec makes other codes than it reads.
        """
        folder = None if folder is None else checkpoint(folder)
        need = require(folder, precision)
        assert folder is not None  # it was required
        try:
            import torch
            from transformers import MoshiForConditionalGeneration
        except ImportError as error:
            raise Unavailable("Moshi needs PyTorch and transformers.", INSTALL) from error
        from tokenizers import Tokenizer

        damaged = GraphInvalid(f"The checkpoint in {folder} is damaged or no Moshi.", "Download it again.")
        try:
            tokeniser = Tokenizer.from_file(str(folder / "tokenizer.json"))
            # No pickle is read: checkpoints without safetensors are refused.
            model, told = MoshiForConditionalGeneration.from_pretrained(
                str(folder), local_files_only=True, use_safetensors=True, dtype=getattr(torch, precision),
                output_loading_info=True,
            )  # fmt: skip
        except Exception as error:  # tokenizers, transformers and safetensors raise their own unrelated classes
            raise damaged from error
        if told["missing_keys"] or told["mismatched_keys"]:
            raise damaged
        _require_codec(model.config)
        return cls(model.eval(), tokeniser, need, precision)

    @property
    def frame_seconds(self) -> float:
        """Seconds per frame."""
        return self.frame_samples / self.rate

    def encode(self, samples: Samples) -> Codes:
        """Codes ``(K, T)`` of speech ``(n,)`` at 16 kHz; the last frame is filled up with silence."""
        import soxr
        import torch

        sound = soxr.resample(np.asarray(samples, np.float32), SAMPLE_RATE, self.rate).astype(np.float32)
        sound = np.pad(sound, (0, -len(sound) % self.frame_samples))
        if not sound.size:
            return np.zeros((self.books, 0), np.int32)
        with torch.inference_mode():
            given = torch.from_numpy(sound)[None, None].to(self._model.dtype)
            found = self._model.audio_encoder.encode(given, num_quantizers=self.books).audio_codes
        codes: Codes = found[0].numpy().astype(np.int32)[:, : len(sound) // self.frame_samples]
        return codes

    def decode(self, codes: Codes) -> Samples:
        """Sound ``(T · frame_samples,)`` in [-1, 1] at :attr:`rate` of codes ``(K, T)``.

        Raises:
            TokensInvalid: there are other codebooks, or ids that do not exist.
        """
        import torch

        checked = require_codes(codes, self.books, self.codes, lost=False, exactly=self.books)
        if not checked.shape[1]:
            return np.zeros(0, np.float32)
        with torch.inference_mode():
            sound = self._model.audio_encoder.decode(torch.from_numpy(checked.astype(np.int64))[None]).audio_values
        spoken: Samples = np.clip(sound[0, 0].float().numpy()[: checked.shape[1] * self.frame_samples], -1, 1)
        return spoken

    def begin(self) -> Talk:
        """The state before the first frame."""
        from transformers import DynamicCache

        none = np.full(self.books, self.codes, np.int64)
        return Talk(DynamicCache(), self._begin, none, none, none)

    def step(self, talk: Talk, random: np.random.Generator, liveliness: Liveliness = SURE) -> tuple[int, Codes]:
        """Makes the next step; :meth:`hear` has to be told what was heard meanwhile.

        Args:
            talk: goes on in place.
            random: draws where there is a temperature.
            liveliness: how much.

        Returns:
            the text, and codes ``(K, 1)``: the first codebook of this frame, the others of the frame before.

        Raises:
            GraphInvalid: the model gives values that are no numbers.
        """
        import torch

        model = self._model
        with torch.inference_mode():
            both = np.concatenate([talk.own, talk.heard])
            inputs = model.decoder.model.embed_tokens(torch.tensor([[talk.text]]))
            for table, code in zip(model.embed_tokens, both.tolist(), strict=True):
                inputs = inputs + table(torch.tensor([[code]]))
            out = model.decoder(inputs_embeds=inputs, past_key_values=talk.cache, use_cache=True)
            scores = out.logits[0, -1].float().numpy()
            if not np.isfinite(scores).all():
                raise GraphInvalid("Moshi gives values that are no numbers.", "Try the precision float32.")
            talk.text = drawn(scores[: self._begin], liveliness.text, random)
            own = self._codes(out.last_hidden_state[:, -1:], talk.text, random, liveliness.codes)
        if talk.frames == 0:
            own[1:] = self.codes  # there is no frame before the first
        talk.own, talk.frames = own, talk.frames + 1
        return talk.text, own[:, None].astype(np.int32)

    def _codes(self, state: Any, text: int, random: np.random.Generator, temperature: float) -> NDArray[np.int64]:
        import torch
        from transformers import DynamicCache

        own, given, cache = np.zeros(self.books, np.int64), text, DynamicCache()
        for book in range(self.books):
            out = self._model.depth_decoder(
                input_ids=torch.tensor([[given]]), last_hidden_state=state, past_key_values=cache, use_cache=True,
                cache_position=torch.tensor([book]),
            )  # fmt: skip
            own[book] = given = drawn(out.logits[0, -1].float().numpy(), temperature, random)
        return own

    def hear(self, talk: Talk, codes: Codes) -> None:
        """Tells what was heard in the last step's frame, ``(K, 1)``.

        Raises:
            TokensInvalid: there are other codebooks or several frames, or ids that do not exist.
        """
        checked = require_codes(codes, self.books, self.codes, lost=False, exactly=self.books)
        if checked.shape[1] != 1:
            message = f"{checked.shape[1]} frames were heard at once; a step takes one."
            raise TokensInvalid(message, "Give them one by one.")
        new = checked[:, 0].astype(np.int64)
        talk.heard = np.concatenate([new[:1], talk.latest[1:]])
        talk.latest = new

    def text(self, tokens: list[int]) -> str:
        """What pieces of text stand for; padding is nothing."""
        return str(self._tokeniser.decode([token for token in tokens if token >= _SPECIAL]))


def _require_codec(config: Any) -> None:
    codec, inner = config.audio_encoder_config, config.depth_decoder_config
    books, codes = int(config.num_codebooks), int(config.audio_vocab_size)
    # Moshi reads the first codebooks of its codec, which may have more.
    if codec.num_quantizers < books or codec.codebook_size != codes or inner.num_codebooks != books:
        raise GraphInvalid(
            f"Moshi reads {books} codebooks of {codes} and writes {inner.num_codebooks}; its codec makes "
            f"{codec.num_quantizers} of {codec.codebook_size}.", "Download the checkpoint again.",
        )  # fmt: skip
