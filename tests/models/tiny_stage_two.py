"""Stage two with random weights, written as the trained one is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engines.models.stage_two import StageTwo
from engines.weights.cards import AdapterCard, StageTwoShape
from tests.models.tiny_codec import SETTINGS

UNITS = 50
WIDTH, LAYERS = 16, 2


def network(units: int = UNITS, seed: int = 0) -> Any:
    """The network itself, its weights such that they pass through half precision unchanged."""
    import torch

    from engines.training.networks.stage_two import StageTwoNetwork, StageTwoSize

    torch.manual_seed(seed)
    size = StageTwoSize(
        units=units, books=SETTINGS.books, codes=SETTINGS.codes, hidden=SETTINGS.hidden, width=WIDTH, layers=LAYERS,
        heads=2, inner=32, kernel=3,
    )  # fmt: skip
    made = StageTwoNetwork(size, torch.randn(size.books, size.codes, size.hidden))
    for value in [*made.parameters(), *made.buffers()]:
        value.data = value.data.half().float()
    return made.eval()


def card(**changes: Any) -> AdapterCard:
    shape = {
        "tokens": "token-semantic", "units": UNITS, "codebook": "c" * 64, "codec": "d" * 64, "books": SETTINGS.books,
        "codes": SETTINGS.codes, "layers": LAYERS, "width": WIDTH, "prompt_seconds": 3.0, "window_seconds": 3.0,
    }  # fmt: skip
    return AdapterCard(
        id="token-hybrid", kind="stage-two", name="Tiny stage two", languages=("en",),
        stage_two=StageTwoShape(**{**shape, **changes}),
    )  # fmt: skip


def write(root: Path, **changes: Any) -> tuple[StageTwo, Any]:
    """Writes ``root/token-hybrid`` and opens it; give the root as TRIPTYCH_ADAPTERS. Gives the network as well."""
    from export.stage_two import write_graph

    made = network()
    folder = root / "token-hybrid"
    folder.mkdir(parents=True, exist_ok=True)
    write_graph(made, folder / "stage_two.onnx")
    card(**changes).write(folder)
    return StageTwo.open(), made
