"""A model that listens and speaks at once with random weights, written as the trained one is, on the tiny codec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engines.models.duplex import Duplex
from engines.models.pieces import Inventory, Piece
from engines.weights.cards import AdapterCard
from tests.models.tiny_codec import SETTINGS

BOOKS, STACK, WINDOW = 2, 4, 6
PIECES = tuple(Piece(text, number, -1.0, ctc=True) for number, text in enumerate(["▁", "a", "b", "▁a", "▁ab"]))


def network(seed: int = 0) -> Any:
    """The network itself, its weights such that they pass through half precision unchanged."""
    import torch

    from engines.training.networks.duplex import DuplexSize
    from engines.training.tokens.duplex import seeded

    size = DuplexSize(
        pieces=len(PIECES), books=BOOKS, codes=SETTINGS.codes, hidden=SETTINGS.hidden, stack=STACK, width=32, layers=2,
        heads=2, inner=48, window=WINDOW, depth_width=16, depth_layers=2, depth_heads=2, depth_inner=32,
    )  # fmt: skip
    books = torch.randn(BOOKS, size.codes, size.hidden, generator=torch.Generator().manual_seed(seed))
    made = seeded(size, seed, books)
    for value in [*made.parameters(), *made.buffers()]:
        value.data = value.data.half().float()
    return made.eval()


def card(size: Any, codec: str = "d" * 64, **changes: Any) -> AdapterCard:
    from export.duplex import shape_of

    shape = shape_of(size, codec, 5, STACK * 0.02).model_copy(update=changes)
    return AdapterCard(
        id="token-duplex", kind="duplex", name="Tiny duplex", languages=("en",), duplex=shape
    )  # fmt: skip


def write(root: Path, codec: str = "d" * 64, **changes: Any) -> tuple[Duplex, Any]:
    """Writes ``root/token-duplex`` and opens it; give the root as TRIPTYCH_ADAPTERS. Gives the network as well."""
    from export.duplex import write_graphs

    made = network()
    folder = root / "token-duplex"
    folder.mkdir(parents=True, exist_ok=True)
    write_graphs(made, folder)
    Inventory(PIECES, ("a", "b")).write(folder / "pieces.json")
    card(made.size, codec, **changes).write(folder)
    return Duplex.open(), made
