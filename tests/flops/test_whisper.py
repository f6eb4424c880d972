"""The encoder of Whisper base costs what its published dimensions make it cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from engines.counting import Fed
from engines.flops.count import opened
from engines.weights import graphs

LAYERS, WIDTH, BANDS, FRAMES = 6, 512, 80, 1500
"""Radford et al. 2022, arXiv 2212.04356, table 1 and section 2.2: the two convolutions are three taps wide, the second
halves 3000 log-mel frames."""


def published() -> float:
    """Products of the convolutions, of 12·d² weights per layer and frame, and of every pair of frames."""
    convolutions = 2 * 3 * WIDTH * (2 * FRAMES * BANDS + FRAMES * WIDTH)
    layers = LAYERS * (2 * 12 * WIDTH**2 * FRAMES + 4 * FRAMES**2 * WIDTH)
    return float(convolutions + layers)


@pytest.mark.weights
def test_whisper_base_costs_what_was_published(model_home: Path) -> None:
    del model_home
    counted = opened(graphs.locate("whisper-base") / "encoder.onnx")
    found = counted.count([Fed("mel", (1, BANDS, 2 * FRAMES))])
    assert not found.unknown
    # Quantising the inputs of products, biases, norms and activations are on top: a thousandth.
    assert found.flops == pytest.approx(published(), rel=2e-3)
    assert found.products == pytest.approx(published(), rel=1.2e-3)
    assert counted.graph.parameters == pytest.approx(20.6e6, rel=5e-3)
