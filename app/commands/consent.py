"""Asks on the terminal for a licence that has to be accepted."""

from __future__ import annotations

import sys

from engines.errors import LicenceNotAccepted
from engines.weights import manifest
from engines.weights.licences import accept_licence, licence_state


def ask_for_licence(model_id: str) -> None:
    """Shows a model's licence and asks, once, where a person is at the terminal; elsewhere nothing happens.

    Raises:
        UnknownModel: there is no such model.
        LicenceNotAccepted: the person declined.
    """
    state = licence_state(model_id)
    if state.accepted or not (sys.stdin and sys.stdin.isatty()):
        return
    print(f"{state.text}\n", file=sys.stderr)
    print(f"Do you accept the {state.name} ({state.url})? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise LicenceNotAccepted(
            f"{manifest.load().model(model_id).name} was not fetched, because its terms were not accepted.",
            "Everything that does not need it works without.",
        )
    accept_licence(model_id)
