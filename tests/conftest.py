"""Fixtures that every test may use.

Tests run with a home of their own, so that nothing of the user's is touched. Tests that need real weights ask for
``model_home``: they get the marker ``weights`` by themselves and run with the home in which the weights were fetched
(``TRIPTYCH_HOME`` if it is set, otherwise the user's folders). They fail, and never skip, when the weights are missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from engines import paths

_REAL_HOME = ("weights", "parity")
settings.register_profile("no clock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("no clock")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks every test that uses ``model_home`` with ``weights``."""
    for item in items:
        if "model_home" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.weights)


@pytest.fixture(scope="session")
def model_home() -> Path:
    """The folder with the fetched weights, one folder per model id; graphs lie beside it in the cache."""
    folder = paths.data() / "weights"
    if not any(folder.glob("*/*")):
        pytest.fail(f"No weights in {folder}: run `triptych models fetch --all` first.")
    return folder


@pytest.fixture(autouse=True)
def home(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path | None]:
    """A home of the test's own (``data`` and ``cache`` inside); None for tests that use the real weights."""
    if any(request.node.get_closest_marker(name) for name in _REAL_HOME) or "model_home" in request.fixturenames:
        yield None
        return
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("TRIPTYCH_HOME", str(folder))
    for name in ("TRIPTYCH_OFFLINE", "TRIPTYCH_WEIGHTS_FROM", "TRIPTYCH_ACCEPT_LICENCES"):
        monkeypatch.delenv(name, raising=False)
    yield folder
