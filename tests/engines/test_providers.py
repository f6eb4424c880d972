"""Execution providers: found out by trying, chosen by name, never silently replaced."""

from __future__ import annotations

import importlib.machinery
import sys
import types

import numpy as np
import onnxruntime as ort
import pytest

from engines.errors import BadOption, ProviderUnavailable
from engines.host.probing import probe_providers
from engines.runtime import providers, sessions
from engines.runtime.providers import Provider


def test_cpu_works_and_is_found_in_any_case() -> None:
    state = providers.probe(providers.find("cpu"))
    assert state == providers.ProviderState("CPU", works=True, installed=True)
    assert providers.find("CPUExecutionProvider").name == "CPU"


def test_every_provider_is_tried_in_a_process_of_its_own() -> None:
    states = {state.name: state for state in probe_providers()}
    assert list(states) == [provider.name for provider in providers.PROVIDERS]
    assert states["CPU"].works
    for state in states.values():
        assert state.works or state.reason.endswith(".") or state.installed


def test_unknown_provider_lists_those_there_are() -> None:
    with pytest.raises(BadOption, match="nonesuch") as caught:
        providers.choose("nonesuch")
    assert "CUDA" in caught.value.hint


def test_named_provider_that_does_not_work_is_an_error() -> None:
    absent = next(p for p in providers.PROVIDERS if not providers.may_work(p))
    with pytest.raises(ProviderUnavailable, match=absent.name):
        providers.choose(absent.name)


def test_fallback_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Provider("Fake", "FakeExecutionProvider", "a fake package")
    monkeypatch.setattr(providers.ort, "get_available_providers", lambda: ["FakeExecutionProvider"])

    def create(model: bytes, options: ort.SessionOptions, names: tuple[str, ...]) -> ort.InferenceSession:
        return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    monkeypatch.setattr(sessions, "create", create)
    state = providers.probe(fake)
    assert not state.works
    assert "fell back" in state.reason


def test_auto_takes_what_works_and_configures_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "_settings", sessions.RuntimeSettings())
    chosen = providers.configure("auto", threads=1)
    assert providers.probe(chosen).works
    assert sessions.settings().threads == 1
    assert sessions.settings().providers[-1] == "CPUExecutionProvider"


def test_tiny_graph_is_checked_against_numpy() -> None:
    session = ort.InferenceSession(providers._tiny_graph(), providers=["CPUExecutionProvider"])
    x = np.ones((1, 4), np.float32)
    np.testing.assert_allclose(session.run(None, {"x": x})[0], x @ providers._weight(), rtol=1e-5)


def test_plugin_is_registered_under_the_name_it_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = types.ModuleType("a_plugin")
    plugin.get_ep_name = lambda: "NameOfItsOwn"  # type: ignore[attr-defined]
    plugin.get_library_path = lambda: "/nonexistent/plugin.so"  # type: ignore[attr-defined]
    plugin.__spec__ = importlib.machinery.ModuleSpec("a_plugin", None)
    monkeypatch.setitem(sys.modules, "a_plugin", plugin)
    provider = Provider("Plugin", "PluginExecutionProvider", "a package", "a_plugin")
    broken = providers.probe(provider)
    assert broken.installed
    assert not broken.works
    assert broken.reason
    registered: list[tuple[str, str]] = []
    monkeypatch.setattr(
        providers.ort, "register_execution_provider_library", lambda name, path: registered.append((name, path))
    )
    monkeypatch.setattr(providers, "_run_on", lambda name: name)
    assert providers.probe(provider).works
    assert registered == [("NameOfItsOwn", "/nonexistent/plugin.so")]
