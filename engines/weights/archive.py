"""Reads one member of an archive as data. Nothing is unpacked to a path that the archive chooses."""

from __future__ import annotations

import contextlib
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from engines.errors import WeightsCorrupt

_CHUNK = 1 << 20
_BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
)


def read_member(archive: Path, member: str, size: int) -> Iterator[bytes]:
    """Streams a member of a zip (a wheel is one) or a tar archive.

    Args:
        archive: the file.
        member: path inside, as it stands in the archive.
        size: the member's size in bytes; a member of another size is not read, so that no archive can expand
            without bound.

    Yields:
        its bytes in pieces.

    Raises:
        WeightsCorrupt: the archive is damaged, or has no regular file of that name and size.
    """
    hint = "Fetch the model again."
    done = 0
    try:
        with contextlib.ExitStack() as stack:
            file, stated = _open(archive, member, stack)
            if file is None:
                raise WeightsCorrupt(f"The archive {archive.name} has no file {member}.", hint)
            if stated != size:
                raise WeightsCorrupt(f"{member} in {archive.name} has {stated} bytes instead of {size}.", hint)
            while done < size and (chunk := file.read(min(_CHUNK, size - done))):
                done += len(chunk)
                yield chunk
            if done != size or file.read(1):
                raise WeightsCorrupt(f"{member} in {archive.name} does not have {size} bytes.", hint)
    except _BROKEN as error:
        raise WeightsCorrupt(f"The archive {archive.name} is damaged.", hint) from error


def _open(archive: Path, member: str, stack: contextlib.ExitStack) -> tuple[IO[bytes] | None, int]:
    if zipfile.is_zipfile(archive):
        bundle = stack.enter_context(zipfile.ZipFile(archive))
        try:
            info = bundle.getinfo(member)
        except KeyError:
            return None, 0
        symbolic_link = (info.external_attr >> 28) == 0o12
        if info.is_dir() or symbolic_link:
            return None, 0
        return stack.enter_context(bundle.open(info)), info.file_size
    if not tarfile.is_tarfile(archive):
        raise tarfile.ReadError
    tar = stack.enter_context(tarfile.open(archive))  # noqa: SIM115 - the stack closes it
    try:
        entry = tar.getmember(member)
    except KeyError:
        return None, 0
    file = tar.extractfile(entry) if entry.isfile() else None
    return (stack.enter_context(file), entry.size) if file is not None else (None, 0)
