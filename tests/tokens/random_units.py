"""A codebook of random centroids over the states of a random trunk."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engines.tokens.codebook import Codebook
from engines.weights.cards import AdapterCard, Units, file_digest
from tests.latent.random_adapters import HIDDEN

SIZE = 50
PHONES = ("", "a", "s", "t")


def random_codebook(size: int = SIZE, width: int = HIDDEN, *, phones: bool = True, seed: int = 5) -> Codebook:
    random = np.random.default_rng(seed)
    centroids = random.normal(size=(size, width)).astype(np.float16).astype(np.float32)
    centroids /= np.linalg.norm(centroids, axis=1, keepdims=True)
    counts = random.integers(0, 9, (size, len(PHONES))) if phones else None
    mean, scale = random.normal(size=width).astype(np.float32), random.uniform(0.5, 2, width).astype(np.float32)
    return Codebook(centroids, mean, scale, "cosine", PHONES if phones else (), counts, "Random.")


def units_card(trunk: str, **changes) -> AdapterCard:
    return AdapterCard(
        **{
            "id": "units", "kind": "units", "name": "Semantic units", "encoder": "whisper-base", "encoder_graph": "abc",
            "trunk": trunk, "width": HIDDEN, "languages": ("en",),
            "units": Units(source="trunk", size=SIZE, frame_seconds=0.04), **changes,
        }
    )  # fmt: skip


def write_units(root: Path, codebook: Codebook | None = None, **changes) -> None:
    """Adds units to a folder of adapters that has a trunk."""
    folder = root / "units"
    folder.mkdir(exist_ok=True)
    (codebook or random_codebook()).write(folder)
    units_card(**{"trunk": file_digest(root / "trunk" / "trunk.onnx"), **changes}).write(folder)
