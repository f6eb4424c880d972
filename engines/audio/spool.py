"""Spooled audio: raw little-endian float32 files in the cache folder, which processes map instead of copying.

A file is called after the digest of its bytes. The folder is kept within a budget: files that were not used for longest
go first, and none that was used within the last hour goes.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import numpy as np

from engines import paths
from engines.contract import Samples
from engines.errors import AudioUnreadable, DiskFull

BUDGET_BYTES = 4 * 1024**3
"""About 18 hours of speech."""

_RECENT_SECONDS = 3600.0
_STALE_PART_SECONDS = 86_400.0
_LIMIT_BLOCK = 1 << 20
_CLICKS = 1e-4


def folder() -> Path:
    """Where spooled audio lies. Created when missing."""
    path = paths.cache() / "spool"
    path.mkdir(parents=True, exist_ok=True)
    return path


def write(blocks: Iterable[Samples]) -> tuple[Path, str]:
    """Writes 16 kHz mono audio as it comes.

    Values beyond ±1 are clipped where they are single clicks (fewer than one in ten thousand samples); otherwise the
    whole is scaled down to a peak of 1, so that a file of floats on another scale stays undistorted.

    Args:
        blocks: arrays ``(n,)`` of finite float32.

    Returns:
        The file and the hex sha256 of its bytes. An empty file is left where there was nothing.

    Raises:
        DiskFull: there is no room.
    """
    handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=folder())
    part = Path(name)
    try:
        with os.fdopen(handle, "r+b") as file:
            digest = hashlib.sha256()
            peak, beyond, total = 0.0, 0, 0
            for block in blocks:
                if not block.size:
                    continue
                data = np.ascontiguousarray(block, dtype="<f4")
                top = float(np.abs(data).max())
                if top > 1:
                    peak = max(peak, top)
                    beyond += int(np.count_nonzero(np.abs(data) > 1))
                total += data.size
                digest.update(data.data)
                file.write(data.data)
            if peak > 1:
                file.flush()
                scale = 1.0 if beyond < _CLICKS * total else 1.0 / peak
                digest = _limit(part, scale)
        target = folder() / f"{digest.hexdigest()}.f32"
        if target.exists() and target.stat().st_size == part.stat().st_size:
            os.utime(target)
        else:
            part.replace(target)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            message = "There is no room on the disk to unpack the sound."
            raise DiskFull(message, f"Make room in {folder()}.") from error
        raise
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return target, digest.hexdigest()


def _limit(path: Path, scale: float) -> hashlib._Hash:
    """Scales and clips a raw float32 file in place; returns the digest of what it then holds."""
    digest = hashlib.sha256()
    with path.open("r+b") as file:
        while data := file.read(4 * _LIMIT_BLOCK):
            values = np.clip(np.frombuffer(data, "<f4") * np.float32(scale), -1, 1).astype("<f4")
            file.seek(-len(data), os.SEEK_CUR)
            file.write(values.tobytes())
            digest.update(values.data)
    return digest


def map_samples(path: Path) -> Samples:
    """Maps a spooled file, read-only, ``(n,)``.

    Raises:
        AudioUnreadable: it is gone, or is no whole number of samples.
    """
    try:
        size = path.stat().st_size
        if size == 0 or size % 4:
            message = f"The unpacked sound {path.name} is damaged."
            raise AudioUnreadable(message, "Open the file again.")
        return cast("Samples", np.memmap(path, dtype="<f4", mode="r"))
    except OSError as error:
        message = f"The unpacked sound {path.name} is no longer there."
        raise AudioUnreadable(message, "Open the file again.") from error


def tidy(budget: int = BUDGET_BYTES, *, keep: Path | None = None) -> None:
    """Removes what was not used for longest until the folder is within its budget.

    Args:
        budget: bytes that may stay.
        keep: a file that stays in any case.
    """
    now = time.time()
    files: list[tuple[float, int, Path]] = []
    for path in folder().iterdir():
        with contextlib.suppress(OSError):
            status = path.stat()
            if path.suffix == ".part" and now - status.st_mtime > _STALE_PART_SECONDS:
                path.unlink()
            elif path.suffix == ".f32":
                files.append((status.st_mtime, status.st_size, path))
    total = sum(size for _, size, _ in files)
    for used, size, path in sorted(files):
        if total <= budget:
            return
        if path == keep or now - used < _RECENT_SECONDS:
            continue
        with contextlib.suppress(OSError):
            path.unlink()
            total -= size
