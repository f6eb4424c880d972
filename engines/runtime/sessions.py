"""ONNX Runtime sessions, opened one way everywhere.

Settings (provider, threads) belong to the process: the host sets them once before any engine is built.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import onnxruntime as ort

from engines.counting import Session
from engines.errors import GraphInvalid


@dataclass(frozen=True)
class RuntimeSettings:
    """How sessions are opened in this process.

    Attributes:
        providers: execution providers in order of preference, as ONNX Runtime names them.
        threads: intra-op threads; 0 lets ONNX Runtime choose.
    """

    providers: tuple[str, ...] = ("CPUExecutionProvider",)
    threads: int = 0


_settings = RuntimeSettings()


def configure(settings: RuntimeSettings) -> None:
    """Sets how later sessions are opened."""
    global _settings  # noqa: PLW0603  # one process, one setting, set once by the host
    _settings = settings


def settings() -> RuntimeSettings:
    """How sessions are opened now."""
    return _settings


def open_session(path: Path, model: bytes | None = None) -> ort.InferenceSession:
    """Opens a graph with the process's settings.

    Args:
        path: its file.
        model: what is opened in place of the file's content, for example a part of it.

    Raises:
        GraphInvalid: the file is missing or no graph that this ONNX Runtime can run.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = _settings.threads
    options.log_severity_level = 3
    try:
        return create(model or str(path), options, _settings.providers, path)
    except Exception as error:  # ONNX Runtime raises its own unrelated classes
        message = f"The model graph {path.name} could not be loaded: {str(error).splitlines()[0][:200]}"
        raise GraphInvalid(message, "Run `triptych models verify` to rebuild it.") from error


def create(
    model: str | bytes, options: ort.SessionOptions, providers: tuple[str, ...], path: Path = Path()
) -> ort.InferenceSession:
    """Opens a session on providers in order of preference; a registered plugin is found by its devices.

    Args:
        model: path or bytes of a graph.
        options: of the session; changed when the first provider is a plugin.
        providers: as ONNX Runtime names them.
        path: of the file that bytes are a part of.
    """
    graph = model if isinstance(model, str) else _named(model, path)
    if providers[0] not in ort.get_available_providers():
        devices = [device for device in ort.get_ep_devices() if device.ep_name == providers[0]]
        if devices:
            options.add_provider_for_devices(devices, {})
            return Session(model, options, graph)
    return Session(model, options, graph, providers=list(providers))


def _named(model: bytes, path: Path) -> str:
    """What the runs of a graph are noted under that lies in no file; what counting needs of it is kept."""
    from engines.flops.count import keep

    return keep(model, path)


def provider_of(session: ort.InferenceSession) -> str:
    """What really runs the session, in short, for example ``"CPU"`` or ``"CUDA"``."""
    return str(session.get_providers()[0]).removesuffix("ExecutionProvider")
