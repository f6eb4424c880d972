"""The graphs of trunk and adapters say what the networks say, for any length, from weights in half precision."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from engines.training.recipes import read

torch = pytest.importorskip("torch")

from app.commands.train import bundled  # noqa: E402
from engines.training.networks import adapters, exported  # noqa: E402
from engines.training.networks.trunk import Trunk, TrunkSize  # noqa: E402
from export.adapters import write_graph, write_trunk  # noqa: E402

pytestmark = pytest.mark.parity
LENGTHS = (1, 2, 19, 120)


def halved(module: torch.nn.Module) -> None:
    """Weights as they are kept, so that only the graph can differ."""
    for value in module.parameters():
        value.data = value.data.half().float()


def test_trunk(tmp_path: Path) -> None:
    torch.manual_seed(0)
    trunk = Trunk(TrunkSize(width=48, layers=2, heads=4, inner=64, characters=20, pieces=50)).eval()
    halved(trunk)
    write_trunk(trunk, tmp_path / "trunk.onnx")
    session = ort.InferenceSession(str(tmp_path / "trunk.onnx"))
    wrapped = exported.ExportedTrunk(trunk).eval()
    for length in LENGTHS:
        states = torch.randn(length, 512)
        with torch.no_grad():
            hidden, log_probs = wrapped(states)
        found = session.run(None, {"states": states.numpy()})
        assert found[0].shape == (-(-length // 2), 48)
        np.testing.assert_allclose(found[0], hidden.numpy(), atol=2e-5)
        np.testing.assert_allclose(found[1], log_probs.numpy(), atol=2e-5)
        assert np.exp(found[1]).sum(1) == pytest.approx(np.ones(len(found[1])), abs=1e-4)


@pytest.mark.parametrize("kind", ["convolution", "pooling", "qformer"])
@pytest.mark.parametrize("strided", [False, True])
def test_adapters(tmp_path: Path, kind: str, strided: bool) -> None:
    torch.manual_seed(0)
    recipe = next(read(file) for file in bundled() if file.stem == f"latent-{kind}")
    network = recipe.network.model_copy(update={"strided": strided, "heads": 4, "inner": 64})
    adapter = adapters.build(kind, 48, network, torch.randn(30, 64)).eval()
    halved(adapter)
    write_graph(kind, adapter, 48, tmp_path / "adapter.onnx")
    session = ort.InferenceSession(str(tmp_path / "adapter.onnx"))
    wrapped = (exported.ExportedQueries if kind == "qformer" else exported.ExportedGroups)(adapter).eval()
    for length in LENGTHS:
        hidden = torch.randn(length, 48)
        with torch.no_grad():
            expected = wrapped(hidden)
        expected = expected if isinstance(expected, tuple) else (expected,)
        for one, other in zip(session.run(None, {"hidden": hidden.numpy()}), expected, strict=True):
            np.testing.assert_allclose(one, other.numpy(), atol=2e-5)
        groups = -(-length // network.window) * network.queries if kind == "qformer" else -(-length // network.stack)
        assert len(expected[0]) == groups


def test_compression(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = next(read(file) for file in bundled() if file.stem == "latent-ctc").network
    adapter = adapters.build("ctc", 48, network.model_copy(update={"inner": 32}), torch.randn(30, 64)).eval()
    torch.nn.init.normal_(adapter.down.weight)
    halved(adapter)
    adapter.embeddings.data = adapter.embeddings.half().float()
    write_graph("ctc", adapter, 48, tmp_path / "adapter.onnx")
    session = ort.InferenceSession(str(tmp_path / "adapter.onnx"))
    for length in LENGTHS:
        inputs = torch.randn(length, 48), torch.randint(0, 30, (length, 8)), torch.rand(length, 8)
        with torch.no_grad():
            expected = adapter.vectors(*inputs)
        feeds = dict(zip(("hidden", "ids", "weights"), (one.numpy() for one in inputs), strict=True))
        np.testing.assert_allclose(session.run(None, feeds)[0], expected.numpy(), atol=2e-4, rtol=1e-4)
