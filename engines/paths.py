"""Where things are kept: resources that ship with the program, the user's data, and what can be made again.

``TRIPTYCH_HOME`` overrides both of the user's folders (tests and portable installations use it).
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def resources() -> Path:
    """The read-only folder that ships with the program."""
    return Path(__file__).resolve().parent.parent / "resources"


def adapters() -> Path:
    """The folder of trained adapters, one folder for each; ``TRIPTYCH_ADAPTERS`` names another one than our own."""
    return Path(os.environ.get("TRIPTYCH_ADAPTERS") or resources() / "adapters").expanduser()


def data() -> Path:
    """The user's data: weights, recordings, settings. Created when missing."""
    return _folder("data", platformdirs.user_data_path("triptych", appauthor=False))


def cache() -> Path:
    """What can be made again: graphs, spooled audio. Created when missing."""
    return _folder("cache", platformdirs.user_cache_path("triptych", appauthor=False))


def _folder(name: str, default: Path) -> Path:
    home = os.environ.get("TRIPTYCH_HOME")
    path = Path(home).expanduser() / name if home else default
    path.mkdir(parents=True, exist_ok=True)
    return path
