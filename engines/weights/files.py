"""Files on disk: digests, and writing that says plainly when there is no room."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from engines.errors import DiskFull

_CHUNK = 1 << 20
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def megabytes(size: int) -> str:
    """A size as people read it."""
    return f"{size / 1e6:.0f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def digest(path: Path) -> Iterator[int | str]:
    """Computes the sha256 of a file.

    Yields:
        the number of bytes read so far after every megabyte, and last the hex digest.
    """
    sha = hashlib.sha256()
    done = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            sha.update(chunk)
            done += len(chunk)
            yield done
    yield sha.hexdigest()


def sha256(path: Path) -> str:
    """The hex sha256 of a file."""
    value = ""
    for step in digest(path):
        value = str(step)
    return value


@contextlib.contextmanager
def room(path: Path) -> Iterator[None]:
    """Turns "no space left" within its body into :class:`DiskFull`, which names the folder."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise DiskFull(
                f"The disk is full: {path.name} does not fit into {path.parent}.",
                "Free some space and start again; what was fetched so far is kept.",
            ) from error
        raise


@contextlib.contextmanager
def appending(path: Path) -> Iterator[Callable[[bytes], None]]:
    """Opens a file for appending; its parent is created.

    Raises:
        DiskFull: in writing or closing, when there is no room.
    """
    with room(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:

            def write(chunk: bytes) -> None:
                file.write(chunk)

            yield write


def require_room(folder: Path, size: int, name: str) -> None:
    """Checks that a folder's disk has room.

    Raises:
        DiskFull: there is less than ``size`` bytes.
    """
    free = shutil.disk_usage(folder).free
    if free < size:
        raise DiskFull(
            f"The disk is full: fetching {name} takes {megabytes(size)} and {folder} has {megabytes(free)} left.",
            "Free some space and start again.",
        )
