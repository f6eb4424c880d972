"""What the host and its child say to each other over their pipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from engines.contract import Request, Stamped, Utterance
from engines.errors import AudioUnreadable


@dataclass(frozen=True)
class Setup:
    """How a child works, for as long as it lives.

    Attributes:
        provider: ``"auto"`` or the short name of an execution provider.
        threads: intra-op threads of every session; 0 lets ONNX Runtime choose.
        memo_bytes: bound of the memo; 0 shares nothing.
        factories: engine id → ``"module:function"``.
        log: path of the file that gets stdout, stderr and tracebacks.
        counting: whether floating-point operations are counted, of requests that want evidence.
    """

    provider: str = "auto"
    threads: int = 0
    memo_bytes: int = 0
    factories: Mapping[str, str] = field(default_factory=dict)
    log: str = ""
    counting: bool = False


@dataclass(frozen=True)
class Run:
    """Host → child: run an engine. Samples that lie in a file are left out (see :func:`pack`).

    Attributes:
        run_id: names the run in everything that is said about it.
        engine: its id.
        request: packed.
        fresh: whether what earlier runs left in the memo is forgotten first.
        group: with an isolated host, consecutive runs of one engine with the same group share a process; 0 never does.
    """

    run_id: int
    engine: str
    request: Request
    fresh: bool = False
    group: int = 0


@dataclass(frozen=True)
class Cancel:
    """Host → child: stop a run."""

    run_id: int


@dataclass(frozen=True)
class Began:
    """Child → host: the execution provider works and the engine starts; what ends the child now may be its fault."""

    run_id: int


@dataclass(frozen=True)
class Happened:
    """Child → host: an event of a run."""

    run_id: int
    stamped: Stamped


def pack(request: Request) -> Request:
    """Leaves the samples out of a request whose utterance lies in a file; the child maps that file."""
    utterance = request.utterance
    if utterance.path is None:
        return replace(request, utterance=replace(utterance, samples=np.ascontiguousarray(utterance.samples)))
    return replace(request, utterance=replace(utterance, samples=np.zeros(0, np.float32)))


def unpack(request: Request) -> Request:
    """Maps the samples of a packed request.

    Raises:
        AudioUnreadable: the file is gone, or holds no whole samples.
    """
    utterance = request.utterance
    if utterance.path is None:
        return request
    return replace(request, utterance=replace(utterance, samples=_map(utterance)))


def _map(utterance: Utterance) -> np.memmap[tuple[int], np.dtype[np.float32]]:
    assert utterance.path is not None
    try:
        return np.memmap(utterance.path, dtype="<f4", mode="r")
    except (OSError, ValueError):
        raise AudioUnreadable(
            f"The decoded sound of {utterance.source} is gone from the cache.", "Open the recording again."
        ) from None
