"""Graphs that were built from weights on this machine.

``export/`` builds and publishes them; engines only look them up by name. A graph set is a folder
``<cache>/graphs/<name>-<digest>`` whose digest covers the weights it was built from and the builder's version; the
file ``<cache>/graphs/<name>.current`` names the one in use.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from engines import paths
from engines.errors import WeightsMissing


def folder() -> Path:
    """The folder of all graph sets. Created when missing."""
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
    pointer = folder() / f"{name}.current"
    if pointer.is_file():
        found = folder() / pointer.read_text(encoding="utf-8").strip()
        if found.is_dir():
            return found
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
    root = folder()
    target = root / f"{name}-{digest[:16]}"
    if not target.is_dir():
        scratch = root / f".{name}-building-{os.getpid()}"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
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


def tidy(name: str) -> None:
    """Removes sets of a name that are not in use any more and what interrupted builds left.

    Call it only while nothing builds a set of that name.
    """
    pointer = folder() / f"{name}.current"
    current = pointer.read_text(encoding="utf-8").strip() if pointer.is_file() else ""
    for found in _all(name):
        if found.name != current:
            shutil.rmtree(found, ignore_errors=True)


def remove(name: str) -> int:
    """Removes a graph set with everything that is left of others of its name.

    Returns:
        bytes freed.
    """
    freed = size(name)
    (folder() / f"{name}.current").unlink(missing_ok=True)
    tidy(name)
    return freed


def size(name: str) -> int:
    """Bytes that the graph sets of a name take up."""
    return sum(file.stat().st_size for found in _all(name) for file in found.rglob("*") if file.is_file())


def _all(name: str) -> Iterator[Path]:
    pattern = re.compile(rf"{re.escape(name)}-[0-9a-f]{{16}}|\.{re.escape(name)}-building-.+")
    return (found for found in folder().iterdir() if found.is_dir() and pattern.fullmatch(found.name))
