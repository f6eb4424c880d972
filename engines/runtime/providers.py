"""Which execution providers work on this machine, found out by running a tiny graph on each.

A provider that ONNX Runtime lists may still not work (no driver, no device, a missing library); ONNX Runtime then falls
back to the CPU and says so on stderr only. So each is tried, and what really ran is what counts. Trying loads drivers
and may crash: it belongs in the child process (:mod:`engines.host`).
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper

from engines.errors import BadOption, ProviderUnavailable
from engines.runtime import sessions


@dataclass(frozen=True)
class Provider:
    """An execution provider.

    Attributes:
        name: short name, as users write and read it.
        ort_name: as ONNX Runtime names it.
        package: what has to be installed for it, for people.
        plugin: import name of the package that brings the plugin library, if it is one.
    """

    name: str
    ort_name: str
    package: str
    plugin: str | None = None


@dataclass(frozen=True)
class ProviderState:
    """What came of trying a provider.

    Attributes:
        name: its short name.
        works: whether the tiny graph ran on it.
        installed: whether ONNX Runtime has it at all.
        reason: why it does not work, one sentence; empty where it does.
    """

    name: str
    works: bool
    installed: bool
    reason: str = ""


PROVIDERS: Final = (
    Provider(
        "TensorRT-RTX",
        "NvTensorRTRTXExecutionProvider",
        "onnxruntime-ep-nv-tensorrt-rtx-cu13 (or -cu12) and an NVIDIA driver",
        "onnxruntime_ep_nv_tensorrt_rtx",
    ),
    Provider("TensorRT", "TensorrtExecutionProvider", "onnxruntime-gpu and TensorRT"),
    Provider("CUDA", "CUDAExecutionProvider", "onnxruntime-gpu and an NVIDIA driver"),
    Provider("CoreML", "CoreMLExecutionProvider", "onnxruntime on macOS"),
    Provider("DirectML", "DmlExecutionProvider", "onnxruntime-directml on Windows"),
    Provider("CPU", "CPUExecutionProvider", "onnxruntime"),
)
"""The fastest first."""

AUTO: Final = ("TensorRT-RTX", "CUDA", "CPU")
"""What ``auto`` tries, in order. TensorRT proper compiles each graph for minutes, and CoreML and DirectML lack the
fused operators of the embedded graphs: they are used when they are named."""


def find(name: str) -> Provider:
    """The provider of a short name, in any case.

    Raises:
        BadOption: there is no such provider.
    """
    for provider in PROVIDERS:
        if name.lower() in (provider.name.lower(), provider.ort_name.lower()):
            return provider
    known = ", ".join(provider.name for provider in PROVIDERS)
    raise BadOption(f"There is no execution provider {name!r}.", f"Choose auto or one of {known}.")


def may_work(provider: Provider) -> bool:
    """Whether a provider is installed, as far as can be told without loading it."""
    if provider.plugin is not None:
        return importlib.util.find_spec(provider.plugin) is not None
    return provider.ort_name in ort.get_available_providers()


def absent(provider: Provider) -> ProviderState:
    """The state of a provider that is not installed."""
    return ProviderState(provider.name, works=False, installed=False, reason=f"It needs {provider.package}.")


def probe(provider: Provider) -> ProviderState:
    """Runs a tiny graph on a provider. Loads its libraries into this process."""
    if not may_work(provider):
        return absent(provider)
    try:
        name = _register(provider)
        ran_on = _run_on(name)
    except Exception as error:  # noqa: BLE001 - drivers and ONNX Runtime raise whatever they like
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        return ProviderState(provider.name, works=False, installed=True, reason=reason)
    if ran_on != name:
        reason = f"ONNX Runtime fell back to {ran_on}; it needs {provider.package}."
        return ProviderState(provider.name, works=False, installed=True, reason=reason)
    return ProviderState(provider.name, works=True, installed=True)


def probe_all() -> Iterator[ProviderState]:
    """Tries every provider in turn."""
    for provider in PROVIDERS:
        yield probe(provider)


def choose(name: str = "auto") -> Provider:
    """The provider to use.

    Args:
        name: ``"auto"`` for the best that works, or a provider's short name.

    Raises:
        BadOption: there is no provider of that name.
        ProviderUnavailable: the named one does not work here.
    """
    if name.lower() == "auto":
        for candidate in map(find, AUTO):
            if candidate.name == "CPU" or probe(candidate).works:
                return candidate
    provider = find(name)
    state = probe(provider)
    if not state.works:
        raise ProviderUnavailable(
            f"The execution provider {provider.name} does not work here: {state.reason}",
            "Choose another one or auto; `triptych doctor` shows which ones work.",
        )
    return provider


def configure(name: str = "auto", threads: int = 0) -> Provider:
    """Chooses a provider and opens all later sessions of this process on it, with the CPU for what it cannot do.

    Raises:
        BadOption: there is no provider of that name.
        ProviderUnavailable: the named one does not work here.
    """
    provider = choose(name)
    names = tuple(dict.fromkeys((_register(provider), "CPUExecutionProvider")))
    sessions.configure(sessions.RuntimeSettings(providers=names, threads=threads))
    return provider


@cache
def _register(provider: Provider) -> str:
    """Makes a plugin provider known to ONNX Runtime, once per process, and returns the name it goes by there."""
    if provider.plugin is None:
        return provider.ort_name
    plugin = importlib.import_module(provider.plugin)
    name = str(plugin.get_ep_name())
    ort.register_execution_provider_library(name, str(plugin.get_library_path()))
    return name


def _run_on(name: str) -> str:
    """Runs ``x @ w`` and returns the name of the provider that did it."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = sessions.create(_tiny_graph(), options, (name,))
    x = np.arange(4, dtype=np.float32).reshape(1, 4)
    (y,) = session.run(None, {"x": x})
    if not np.allclose(y, x @ _weight(), atol=1e-2):
        raise RuntimeError("It computes wrong results.")
    return str(session.get_providers()[0])


def _weight() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.linspace(-1, 1, 16, dtype=np.float32).reshape(4, 4)


def _tiny_graph() -> bytes:
    weight = helper.make_tensor("w", TensorProto.FLOAT, (4, 4), _weight().ravel().tolist())
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 4))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 4))],
        [weight],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


with contextlib.suppress(AttributeError):
    ort.set_default_logger_severity(3)
