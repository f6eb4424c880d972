"""Graphs that were built from weights on this machine.

``export/`` builds and publishes them; engines only look them up by name. A graph set is a folder
``<cache>/graphs/<name>-<digest>`` whose digest covers the weights it was built from and the builder's version; the
file ``<cache>/graphs/<name>.current`` names the one in use.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from engines import paths
from engines.errors import WeightsMissing


def _root() -> Path:
    root = paths.cache() / "graphs"
    root.mkdir(parents=True, exist_ok=True)
    return root


def locate(name: str) -> Path:
    """The folder of a graph set.

    Args:
        name: for example ``"whisper-base"``.

    Raises:
        WeightsMissing: it has not been built.
    """
    pointer = _root() / f"{name}.current"
    if pointer.is_file():
        folder = _root() / pointer.read_text(encoding="utf-8").strip()
        if folder.is_dir():
            return folder
    raise WeightsMissing(f"The model {name} is not ready to run.", f"Run `triptych models fetch {name}`.")


def is_current(name: str, digest: str) -> bool:
    """Whether the graph set in use was built from exactly these inputs."""
    try:
        return locate(name).name == f"{name}-{digest[:16]}"
    except WeightsMissing:
        return False


def publish(name: str, digest: str, build: Callable[[Path], None]) -> Path:
    """Builds a graph set in a temporary folder, then puts it in place in one step.

    Args:
        name: name of the set.
        digest: hex digest of everything that went in.
        build: fills the folder that it is given.

    Returns:
        the folder in place.
    """
    root = _root()
    target = root / f"{name}-{digest[:16]}"
    if not target.is_dir():
        scratch = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=root))
        try:
            build(scratch)
            scratch.replace(target)
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
    pointer = root / f".{name}.current.new"
    pointer.write_text(target.name, encoding="utf-8")
    pointer.replace(root / f"{name}.current")
    return target
