"""The language model extended by units of speech: one graph in memory, a trained table of rows and a LoRA."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from engines.errors import AdapterMismatch, GraphInvalid
from engines.models.opened_lm import OpenedLM
from engines.models.pieces import Inventory
from engines.runtime import cancellation
from engines.runtime.kv_cache import KeyValueCache
from engines.runtime.lora import Lora
from engines.runtime.mixed import MixedSequence
from engines.runtime.mixed_vocabulary import MARKS, MixedPart, MixedVocabulary, UnitTable
from engines.weights import cards
from engines.weights.cards import AdapterCard

TABLE: Final = "table.safetensors"
PIECES: Final = "pieces.json"
LORA: Final = "lora.onnx_adapter"
_HINT = "Install the program again, or train it anew with `triptych train`."
_ROWS = 512


class TokenLM:
    """Reads and writes text and units of speech.

    Args:
        model: of which graph, tokenizer and embeddings are used.
        inventory: pieces of text that can be written.
        table: of the units.
        lora: that was trained with it, if any.

    Attributes:
        vocabulary: places of all that can be written.
        begin: token that begins every sequence.
    """

    def __init__(self, model: OpenedLM, inventory: Inventory, table: UnitTable, lora: Lora | None = None) -> None:
        self.model = model
        self.inventory = inventory
        self._lora = lora
        self.begin, end = model.token_id("<bos>"), model.token_id("<eos>")
        ids = np.union1d(inventory.ids, np.array([end]))
        rows = model.embedding.rows(ids)
        self.vocabulary = MixedVocabulary(ids, rows, frozenset([end]), table, model.embedding.scale)

    @classmethod
    def open(cls, adapter_id: str, model: OpenedLM, model_id: str, tokeniser: str) -> TokenLM:
        """Opens what was trained.

        Args:
            adapter_id: its folder among the adapters, for example ``"token-semantic"``.
            model: the language model in use.
            model_id: its id.
            tokeniser: hex sha256 of the tokeniser's file in use.

        Raises:
            AdapterMissing: it is not there.
            AdapterMismatch: it is for another language model or tokeniser, or its files do not belong together.
            GraphInvalid: a file is damaged.
        """
        card = cards.read(adapter_id)
        folder = cards.locate(adapter_id)
        card.check_language_model(model_id, model.decoder.vocabulary, model.decoder.width)
        card.check_tokeniser(tokeniser)
        table = read_table(folder / TABLE)
        check_table(card, table, model.decoder.width)
        return cls(model, Inventory.read(folder / PIECES), table, Lora.open(folder / LORA))

    def sequence(self, *, watching: bool = False) -> MixedSequence:
        """Begins a sequence, behind the token that begins texts.

        Args:
            watching: whether attention of a text will be asked for.
        """
        decoder = self.model.decoder.adapted(self._lora, watching=watching)
        found = MixedSequence(decoder, self.vocabulary, self.model.detokenise)
        found.read([self.begin])
        return found

    def score(self, prefix: Sequence[MixedPart], continuation: Sequence[MixedPart]) -> tuple[float, float]:
        """Log-likelihood of text and units behind a prefix, as they are: every item among all text and units.

        Args:
            prefix: what is given, behind the token that begins texts; may be empty.
            continuation: at least one item; tokens of text must be of the inventory.

        Returns:
            the sum over the continuation's items and their mean, in nats.

        Raises:
            BadInput: it is longer than the model's context.
            ValueError: there is no item, or one that cannot be written.
            Cancelled: the work was cancelled.
        """
        before = len(self.vocabulary.encode([[self.begin], *prefix])[0])
        ids, vectors, places = self.vocabulary.encode([[self.begin], *prefix, *continuation])
        wanted = places[before:]
        if not len(wanted) or wanted.min() < 0:
            raise ValueError("there must be an item to score, and all must be ones that can be written")
        self.model.check_limits(len(ids), 1)
        decoder = self.model.decoder.adapted(self._lora)
        cache = KeyValueCache(decoder.shape, capacity=len(ids))
        total = 0.0
        for start in range(0, len(ids) - 1, _ROWS):
            cancellation.check()
            part = slice(start, min(start + _ROWS, len(ids) - 1))
            embeds = vectors[None, part] if bool((ids[part] < 0).any()) else None
            states = decoder.hidden(cache, ids[None, part], embeds)[0]
            first = max(part.start, before - 1)
            if first < part.stop:
                targets = places[first + 1 : part.stop + 1]
                total += float(_log_softmax(self.vocabulary.scores(states[first - part.start :]), targets).sum())
        return total, total / len(wanted)


def read_table(file: Path) -> UnitTable:
    """Reads ``table.safetensors``: ``rows``, ``bias``, ``log_frames`` and ``tempo`` in half precision.

    Raises:
        GraphInvalid: it is missing or damaged.
    """
    try:
        found = {name: array.astype(np.float32) for name, array in load_file(file).items()}
        table = UnitTable(found["rows"], found["bias"], found["log_frames"], found["tempo"])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise GraphInvalid(f"The table of units {file.name} in {file.parent.name} cannot be read.", _HINT) from error
    rows, width = table.rows.shape if table.rows.ndim == 2 else (0, 0)
    fits = (table.bias.shape, table.log_frames.shape, table.tempo.shape) == ((rows,), (rows - MARKS,), (width,))
    if not fits or rows < MARKS or not all(np.isfinite(array).all() for array in found.values()):
        raise GraphInvalid(f"The table of units {file.name} in {file.parent.name} is damaged.", _HINT)
    return table


def check_table(card: AdapterCard, table: UnitTable, width: int) -> None:
    """Checks that a table is what its card says.

    Raises:
        AdapterMismatch: it is not.
    """
    size = 0 if card.units is None else card.units.size
    if (table.size, table.rows.shape[1]) != (size, width):
        raise AdapterMismatch(
            f"The table of {card.id} has {table.size} × {table.rows.shape[1]} values where its card promises "
            f"{size} × {width}.",
            _HINT,
        )


def _log_softmax(scores: NDArray[np.float32], targets: NDArray[np.int64]) -> NDArray[np.float64]:
    shifted = scores - scores.max(1, keepdims=True)
    chosen = shifted[np.arange(len(targets)), targets].astype(np.float64)
    values: NDArray[np.float64] = chosen - np.log(np.exp(shifted).sum(1, dtype=np.float64))
    return values
