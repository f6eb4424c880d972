"""Reading language models from GGUF files without any inference library.

The format is described at https://github.com/ggml-org/ggml/blob/master/docs/gguf.md; the package ``gguf`` parses it and
dequantises blocks. Nothing in the file is executed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGMLQuantizationType, GGUFReader
from gguf.quants import dequantize
from numpy.typing import NDArray
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers

from engines.errors import GraphInvalid

NORMAL, CONTROL, USER_DEFINED, BYTE = 1, 3, 4, 6
"""Token types of ``tokenizer.ggml.token_type``."""

_EXACT_IN_8_BITS = (GGMLQuantizationType.Q8_0, GGMLQuantizationType.Q5_0)
_BLOCK = 32


@dataclass(frozen=True)
class Blocks:
    """A matrix in blocks of 32 along its input features.

    Attributes:
        values: ``(rows, columns)`` uint8 with zero point 128.
        scales: ``(rows, columns / 32)`` float32; a weight is ``(value - 128) * scale``.
    """

    values: NDArray[np.uint8]
    scales: NDArray[np.float32]


class Checkpoint:
    """A GGUF file.

    Args:
        path: the file.

    Raises:
        GraphInvalid: it is missing or no GGUF file.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._reader: Any = GGUFReader(str(path))
        except (OSError, ValueError, IndexError) as error:
            raise GraphInvalid(
                f"{path.name} cannot be read as a GGUF file: {error}.", "Run `triptych models verify`."
            ) from error
        self._tensors = {tensor.name: tensor for tensor in self._reader.tensors}

    def setting(self, key: str) -> Any:
        """A metadata value.

        Raises:
            GraphInvalid: the file has none of that name.
        """
        field = self._reader.fields.get(key)
        if field is None:
            raise GraphInvalid(f"The model file says nothing about {key}.", "Run `triptych models verify`.")
        return field.contents()

    def floats(self, name: str, rows: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """A tensor in float32, in its logical shape (rows are output features), or some of its rows."""
        tensor = self._tensor(name)
        data = tensor.data if rows is None else tensor.data[rows]
        return np.asarray(dequantize(data, tensor.tensor_type), dtype=np.float32)

    def blocks(self, name: str, rows: NDArray[np.int64] | None = None) -> Blocks:
        """A matrix in 8-bit blocks: exactly as it is for Q8_0 and Q5_0, rounded again for the finer K-quants."""
        tensor = self._tensor(name)
        scales = None
        if tensor.tensor_type in _EXACT_IN_8_BITS:
            data = np.ascontiguousarray(tensor.data if rows is None else tensor.data[rows])
            size = 34 if tensor.tensor_type == GGMLQuantizationType.Q8_0 else 22
            halves = np.ascontiguousarray(data.reshape(data.shape[0], -1, size)[:, :, :2]).view(np.float16)
            scales = halves[:, :, 0].astype(np.float32)
        return quantise(self.floats(name, rows), scales)

    def _tensor(self, name: str) -> Any:
        try:
            return self._tensors[name]
        except KeyError:
            raise GraphInvalid(f"The model file has no tensor {name}.", "Run `triptych models verify`.") from None


def quantise(weights: NDArray[np.float32], scales: NDArray[np.float32] | None = None) -> Blocks:
    """Rounds a matrix to signed 8 bits in blocks of 32 input features.

    Args:
        weights: ``(rows, columns)``, columns a multiple of 32.
        scales: ``(rows, columns / 32)`` where they are given; otherwise the largest magnitude of a block becomes 127.
    """
    rows, columns = weights.shape
    blocks = weights.reshape(rows, columns // _BLOCK, _BLOCK)
    if scales is None:
        scales = (np.abs(blocks).max(axis=2) / 127).astype(np.float32)
    inverse = np.divide(1, scales, out=np.zeros_like(scales), where=scales != 0)
    values = np.clip(np.rint(blocks * inverse[:, :, None]), -128, 127) + 128
    return Blocks(values.astype(np.uint8).reshape(rows, columns), scales)


def sentencepiece_tokenizer(tokens: list[str], types: list[int]) -> Tokenizer:
    """BPE with byte fallback, as SentencePiece trained it; the order of ``tokens`` is the order of merging.

    The format stores pieces without merges: a piece's merges are all its splits into two known pieces, and pieces merge
    in the order of their scores, which is that of their ids.

    Args:
        tokens: the pieces, all or a selection, in ascending order of their ids.
        types: the type of each.
    """
    known = {token: i for i, (token, kind) in enumerate(zip(tokens, types, strict=True)) if kind == NORMAL}
    merges: list[tuple[str, str]] = []
    for token in known:
        splits = [
            (known[token[:cut]], known[token[cut:]], token[:cut], token[cut:])
            for cut in range(1, len(token))
            if token[:cut] in known and token[cut:] in known
        ]
        merges += [(left, right) for _, _, left, right in sorted(splits)]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, byte_fallback=True, fuse_unk=True, unk_token="<unk>"))  # noqa: S106
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    _add_whole_tokens(tokenizer, tokens, types)
    return tokenizer


def byte_level_tokenizer(tokens: list[str], types: list[int], merges: list[str]) -> Tokenizer:
    """Byte-level BPE with single digits, as SmolLM2 has it.

    Args:
        tokens: the pieces.
        types: the type of each.
        merges: pairs separated by a space, first to be merged first.
    """
    pairs = [(left, right) for left, right in (merge.split(" ") for merge in merges)]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, pairs))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    _add_whole_tokens(tokenizer, tokens, types)
    return tokenizer


def _add_whole_tokens(tokenizer: Tokenizer, tokens: list[str], types: list[int]) -> None:
    """Control and user-defined tokens are matched whole, before any merging."""
    pairs = list(zip(tokens, types, strict=True))
    tokenizer.add_special_tokens(
        [AddedToken(t, special=True, normalized=False) for t, kind in pairs if kind == CONTROL]
    )
    tokenizer.add_tokens([AddedToken(t, normalized=False) for t, kind in pairs if kind == USER_DEFINED])
