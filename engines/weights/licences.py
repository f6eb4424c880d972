"""Licences that a person has to accept once, and the record of it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines import paths
from engines.errors import LicenceNotAccepted
from engines.weights import manifest
from engines.weights.manifest import Manifest

ENVIRONMENT = "TRIPTYCH_ACCEPT_LICENCES"
"""Comma-separated names of licences that are accepted (``gemma``, or a model's id)."""


@dataclass(frozen=True)
class LicenceState:
    """Where a model's licence stands.

    Attributes:
        key: its name in the manifest, for ``--accept-licence``.
        name: its name for people.
        url: where it can be read.
        text: what is shown before it is accepted; empty where nothing need be.
        must_accept: whether it needs to be accepted at all.
        accepted: whether it was, in its present wording, or need not be.
        accepted_at: when, in UTC, ISO 8601; None where it was not or need not be.
    """

    key: str
    name: str
    url: str
    text: str
    must_accept: bool
    accepted: bool
    accepted_at: str | None = None


def licence_state(model_id: str, catalogue: Manifest | None = None) -> LicenceState:
    """Tells whether a model's licence has been accepted; the environment can accept as well.

    Raises:
        UnknownModel: there is no such model.
    """
    catalogue = catalogue or manifest.load()
    key = catalogue.model(model_id).licence
    licence = catalogue.licences[key]
    text = (paths.resources() / licence.text).read_text(encoding="utf-8") if licence.text else ""
    if not licence.must_accept:
        return LicenceState(key, licence.name, licence.url, text, must_accept=False, accepted=True)
    record = _records().get(key)
    at = str(record["accepted_at"]) if record is not None and record.get("sha256") == _digest(text) else None
    named = {name.strip() for name in os.environ.get(ENVIRONMENT, "").split(",")}
    accepted = at is not None or bool(named & {key, model_id})
    return LicenceState(key, licence.name, licence.url, text, must_accept=True, accepted=accepted, accepted_at=at)


def accept_licence(model_id: str, catalogue: Manifest | None = None) -> LicenceState:
    """Records that the licence of a model was accepted, with the time and the digest of the text that was shown.

    Raises:
        UnknownModel: there is no such model.
    """
    state = licence_state(model_id, catalogue)
    if state.must_accept and state.accepted_at is None:
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        record = {"accepted_at": now, "sha256": _digest(state.text), "name": state.name, "url": state.url}
        file = _file()
        scratch = file.with_name(f".{file.name}.{os.getpid()}")
        scratch.write_text(json.dumps(_records() | {state.key: record}, indent=2), encoding="utf-8")
        scratch.replace(file)
    return licence_state(model_id, catalogue)


def require_accepted(model_id: str, catalogue: Manifest | None = None) -> None:
    """Checks that a model may be used.

    Raises:
        UnknownModel: there is no such model.
        LicenceNotAccepted: its licence must be accepted first.
    """
    state = licence_state(model_id, catalogue)
    if not state.accepted:
        name = (catalogue or manifest.load()).model(model_id).name
        raise LicenceNotAccepted(
            f"{name} may be used only under the {state.name}, which have not been accepted on this machine.",
            f"Read {state.url}, then run `triptych models fetch {model_id} --accept-licence {state.key}`.",
        )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _file() -> Path:
    return paths.data() / "licences.json"


def _records() -> dict[str, dict[str, Any]]:
    try:
        found = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {key: value for key, value in found.items() if isinstance(value, dict)} if isinstance(found, dict) else {}
