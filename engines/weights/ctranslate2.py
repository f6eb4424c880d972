"""Reads CTranslate2's binary model format (version 6): numpy arrays by name, no code run."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from engines.errors import GraphInvalid

_TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}


def read(path: Path) -> dict[str, NDArray[np.generic]]:
    """Reads all variables; aliases share their array.

    Raises:
        GraphInvalid: the file is truncated or has another version.
    """
    with path.open("rb") as file:
        try:
            return _read(file)
        except (struct.error, ValueError, KeyError, UnicodeDecodeError) as error:
            message = f"{path.name} is not a model in CTranslate2's format."
            raise GraphInvalid(message, "Run `triptych models verify`.") from error


def _read(file: BinaryIO) -> dict[str, NDArray[np.generic]]:
    (version,) = _unpack(file, "<I")
    if version != 6:
        raise ValueError(version)
    _string(file)  # the specification's name
    _unpack(file, "<I")  # its revision
    (count,) = _unpack(file, "<I")
    variables: dict[str, NDArray[np.generic]] = {}
    for _ in range(count):
        name = _string(file)
        (rank,) = _unpack(file, "<B")
        shape = _unpack(file, f"<{rank}I")
        kind, size = _unpack(file, "<BI")
        variables[name] = np.frombuffer(file.read(size), _TYPES[kind]).reshape(shape)
    (aliases,) = _unpack(file, "<I")
    for _ in range(aliases):
        alias, name = _string(file), _string(file)
        variables[alias] = variables[name]
    return variables


def _unpack(file: BinaryIO, form: str) -> tuple[int, ...]:
    return struct.unpack(form, file.read(struct.calcsize(form)))


def _string(file: BinaryIO) -> str:
    (length,) = _unpack(file, "<H")
    return file.read(length)[:-1].decode("ascii")
