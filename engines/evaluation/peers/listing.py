"""Which peers there are, and the house's engines with them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from engines.catalog import Catalogue
from engines.evaluation.peers import (
    faster_whisper,
    moonshine,
    optimum_graphs,
    sherpa,
    transformers_pipeline,
    whisper_cpp,
)
from engines.evaluation.peers.peer import Peer, PeerEngine
from engines.models.components import Components

PEERS: Final[Mapping[str, Peer]] = MappingProxyType(
    {
        found.id: found
        for found in (
            faster_whisper.PEER,
            transformers_pipeline.PEER,
            optimum_graphs.PEER,
            sherpa.PEER,
            moonshine.PEER,
            whisper_cpp.PEER,
        )
    }
)
"""Every peer by its engine's id."""


def with_peers(offered: Catalogue) -> Catalogue:
    """A catalogue with the peers beside its engines; none of their libraries is imported."""
    return offered.joined(
        tuple(peer.describe() for peer in PEERS.values()),
        {name: f"{__name__}:build_{name.removeprefix('peer-').replace('-', '_')}" for name in PEERS},
    )


def require(engine: str) -> None:
    """Checks that an engine can run if it is a peer.

    Raises:
        Unavailable: its library is not installed.
        WeightsMissing: its files are not there.
    """
    if engine in PEERS:
        PEERS[engine].require()


def build_faster_whisper(components: Components) -> PeerEngine:
    """Builds the engine."""
    return PeerEngine(faster_whisper.PEER, components)


def build_transformers(components: Components) -> PeerEngine:
    """Builds the engine."""
    return PeerEngine(transformers_pipeline.PEER, components)


def build_optimum(components: Components) -> PeerEngine:
    """Builds the engine."""
    return PeerEngine(optimum_graphs.PEER, components)


def build_sherpa_onnx(components: Components) -> PeerEngine:
    """Builds the engine."""
    return PeerEngine(sherpa.PEER, components)


def build_moonshine(components: Components) -> PeerEngine:
    """Builds the engine."""
    return PeerEngine(moonshine.PEER, components)


def build_whisper_cpp(components: Components) -> PeerEngine:
    """Builds the engine."""
    return PeerEngine(whisper_cpp.PEER, components)
