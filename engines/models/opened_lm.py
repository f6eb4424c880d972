"""A language model's graph with its tokenizer and embeddings: what every way of using it needs."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from tokenizers import Tokenizer

from engines.errors import BadInput, BadOption, GraphInvalid
from engines.runtime import sessions
from engines.runtime.attention import WideLayers
from engines.runtime.choice import Choice
from engines.runtime.decoder import Decoder
from engines.runtime.embedding import EmbeddingTable
from engines.runtime.kv_cache import CacheShape, PrefixStore
from engines.runtime.lora import ProjectionSizes

_BYTE = re.compile(r"<0x[0-9A-F]{2}>")


class OpenedLM:
    """A causal language model that is open; :class:`engines.models.causal_lm.CausalLM` scores and writes with it.

    Args:
        session: the opened graph of ``export/causal_lm.py``.
        tokenizer: its tokenizer.
        config: what ``config.json`` says.
        embedding: its token embeddings.
    """

    def __init__(
        self, session: ort.InferenceSession, tokenizer: Tokenizer, config: dict[str, Any], embedding: EmbeddingTable
    ) -> None:
        self._config = config
        self._provider = sessions.provider_of(session)
        self._shape = CacheShape(config["layers"], config["kv_heads"], config["head_width"])
        wide = config["wide"]
        self.decoder = Decoder(
            session,
            self._shape,
            config["width"],
            config["vocabulary"],
            projections=ProjectionSizes.of(config),
            wide=wide and WideLayers(tuple(wide["layers"]), config["heads"], config["head_width"], wide["rope_base"]),
        )
        self.embedding = embedding
        self.tokenizer = tokenizer
        # What a person says is text, even where it looks like a control token.
        self.tokenizer.encode_special_tokens = True
        self._all = Choice(None, None, frozenset(config["end"]))
        self._prefixes = PrefixStore()
        self._unreadable: NDArray[np.bool_] | None = None
        self._choice = (b"", self._all)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Opens a graph set.

        Raises:
            GraphInvalid: something in the folder is missing or broken.
        """
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            place, vocabulary, width = config["embedding"], config["vocabulary"], config["width"]
        except Exception as error:  # tokenizers raises bare Exception
            message = f"The language model in {folder.name} cannot be opened: {error}."
            raise GraphInvalid(message, "Run `triptych models verify` to rebuild it.") from error
        embedding = EmbeddingTable(folder, place, vocabulary, width)
        return cls(sessions.open_session(folder / "model.onnx"), tokenizer, config, embedding)

    @property
    def name(self) -> str:
        """For people, for example ``"Gemma 3 270M"``."""
        return str(self._config["name"])

    @property
    def provider(self) -> str:
        """What it really runs on."""
        return self._provider

    @property
    def precision(self) -> str:
        """Of its weights."""
        return str(self._config["precision"])

    @property
    def context(self) -> int:
        """Tokens that prompt and text may have together."""
        return int(self._config["context"])

    # --- embeddings ---

    def embeddings(self, ids: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float32]:
        """Embeddings of tokens ``(len(ids), W)``, in the scale in which vectors are taken."""
        return self.embedding.rows(ids) * np.float32(self.embedding.scale)

    def nearest(self, vectors: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The tokens whose embeddings point most nearly where vectors point; control tokens and bytes are left out.

        Args:
            vectors: ``(N, W)``, in any scale.
            k: tokens per vector.

        Returns:
            ids ``(N, k)`` and cosines ``(N, k)``, best first.
        """
        if self._unreadable is None:
            self._unreadable = np.zeros(self.decoder.vocabulary, np.bool_)
            special = {place for place, token in self.tokenizer.get_added_tokens_decoder().items() if token.special}
            bytes_ = {place for token, place in self.tokenizer.get_vocab().items() if _BYTE.fullmatch(token)}
            self._unreadable[sorted(special | bytes_)] = True
        return self.embedding.nearest(vectors, k, self._unreadable)

    # --- tokens and prefixes ---

    def _tokens(self, text: str) -> list[int]:
        """Token ids of a text behind the token that begins one (for SmolLM2 the one that ends the text before)."""
        begin = self._config["begin"]
        return [self._config["end"][0] if begin is None else begin, *self.encode(text)]

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, with nothing before it."""
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def token_id(self, token: str) -> int:
        """Id of a token of the vocabulary, such as ``<bos>``.

        Raises:
            GraphInvalid: there is none.
        """
        found = self.tokenizer.token_to_id(token)
        if found is None:
            raise GraphInvalid(f"{self.name} has no token {token}.", "Run `triptych models verify` to rebuild it.")
        return int(found)

    def detokenise(self, tokens: list[int]) -> str:
        """Text of tokens; broken characters are U+FFFD in it."""
        return str(self.tokenizer.decode(tokens, skip_special_tokens=True))

    def _check_length(self, tokens: int, more: int) -> None:
        if tokens + more > self.context:
            raise BadInput(
                f"The text has {tokens} tokens, more than {self.name} can take ({self.context - more}).",
                "Give it a shorter one.",
            )

    def check_limits(self, tokens: int, max_tokens: int) -> None:
        """Checks that there is room for a prompt and what may be written behind it.

        Raises:
            BadInput: the prompt is longer than the context.
            BadOption: nothing could be written.
        """
        if max_tokens < 1:
            raise BadOption(f"A text of {max_tokens} tokens cannot be written.", "Allow 1 or more.")
        self._check_length(tokens, max_tokens)
