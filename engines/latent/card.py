"""The card of an adapter; see :mod:`engines.weights.cards`, where both families find it."""

from __future__ import annotations

from engines.weights.cards import AdapterCard, encoder_graph, file_digest, locate, read

__all__ = ["AdapterCard", "encoder_graph", "file_digest", "locate", "read"]
