"""Events as bytes and back: one line of JSON, the arrays that it refers to, all of it deflated.

Numbers, texts and arrays come back as they were. Synthesised speech becomes FLAC (:mod:`engines.history.sound`), each
chunk for itself. What is read may come from elsewhere and from another version: classes are taken from a closed list,
arrays of a closed list of types, every field is held against the contract, fields that are not known are dropped, and
an event that cannot be understood is counted and left out. Nothing that was read is ever executed.
"""

from __future__ import annotations

import dataclasses
import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, get_args

import numpy as np
from numpy.typing import NDArray

from engines import contract
from engines.contract import AudioChunk, Evidence, Preparing, Stamped
from engines.errors import RunUnreadable
from engines.history import sound
from engines.history.checking import fits, hints_of

LARGEST: Final = 512 << 20
"""Bytes that the events of one run may have when they are inflated."""
LARGEST_HEAD: Final = 64 << 20
"""Bytes of them that may be JSON."""
_MAGIC: Final = b"TRE1"
_CLASS: Final = "$"
_ARRAY: Final = "array"
_MAPPING: Final = "mapping"
_SOUND: Final = "sound"
_TYPES: Final = frozenset({"<f4", "<f8", "<i4", "<i8", "<i2", "|i1", "|u1", "|b1", "<f2"})
_CLASSES: Final[Mapping[str, type]] = {
    kind.__name__: kind
    for kind in (
        *get_args(contract.Event),
        *get_args(Evidence),
        contract.Hypothesis,
        contract.Result,
        contract.Work,
        contract.StageWork,
        contract.GraphWork,
    )
}
_NOTHING: Final = object()


@dataclass(frozen=True)
class Read:
    """Events that were read.

    Attributes:
        events: in order.
        skipped: how many were left out because this version does not understand them.
    """

    events: tuple[Stamped, ...]
    skipped: int = 0


@dataclass
class _Parts:
    """What JSON has no form for, in the order in which it is referred to."""

    parts: list[bytes] = field(default_factory=list)

    def add(self, part: bytes) -> int:
        """Keeps a part and returns its number."""
        self.parts.append(part)
        return len(self.parts) - 1


def encode(events: Sequence[Stamped]) -> bytes:
    """The bytes of one engine's events; how far a fetch had come is not kept.

    Args:
        events: as the host relayed them.
    """
    parts = _Parts()
    rows = [[event.at, _plain(event.event, parts)] for event in events if not isinstance(event.event, Preparing)]
    head = json.dumps({"version": 1, "events": rows}, ensure_ascii=False, separators=(",", ":")).encode()
    body = b"".join(struct.pack("<Q", len(part)) + part for part in (head, *parts.parts))
    return _MAGIC + zlib.compress(body, 6)


def decode(data: bytes, engine: str) -> Read:
    """The events of one engine.

    Args:
        data: as :func:`encode` made them.
        engine: its id.

    Raises:
        RunUnreadable: they cannot be read.
    """
    try:
        head, *parts = _split(_inflated(data))
        if len(head) > LARGEST_HEAD:
            raise ValueError("too much")  # noqa: TRY301 - one sentence for every way of being wrong
        rows = json.loads(head)["events"]
        events, skipped = [], 0
        for at, written in rows:
            event = _read(written, parts)
            if isinstance(event, get_args(contract.Event)) and fits(at, float):
                events.append(Stamped(engine, float(at), event))
            else:
                skipped += 1
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        struct.error,
        zlib.error,
        RecursionError,
    ) as error:
        message = f"What {engine} did in this run cannot be read any more."
        raise RunUnreadable(message, "The other engines' runs are not touched by that.") from error
    return Read(tuple(events), skipped)


def _inflated(data: bytes) -> bytes:
    if data[:4] != _MAGIC:
        raise ValueError("not events")
    inflating = zlib.decompressobj()
    body = inflating.decompress(data[4:], LARGEST)
    if not inflating.eof:
        raise ValueError("cut off, or too large")
    return body


def _split(body: bytes) -> list[bytes]:
    parts, at = [], 0
    while at < len(body):
        (size,) = struct.unpack_from("<Q", body, at)
        at += 8
        if at + size > len(body):
            raise ValueError("cut off")
        parts.append(body[at : at + size])
        at += size
    return parts


# --- writing ---------------------------------------------------------------------------------------------------------


def _plain(value: Any, parts: _Parts) -> Any:  # noqa: PLR0911 - one arm per kind
    if isinstance(value, AudioChunk):
        return {_CLASS: _SOUND, "part": parts.add(sound.pack(value.samples, value.rate)), "rate": value.rate}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {one.name: getattr(value, one.name) for one in dataclasses.fields(value) if one.init}
        return {_CLASS: type(value).__name__} | {name: _plain(one, parts) for name, one in fields.items()}
    if isinstance(value, np.ndarray):
        return _array(value, parts)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {_CLASS: _MAPPING, "items": {str(name): _plain(one, parts) for name, one in value.items()}}
    if isinstance(value, tuple | list):
        return [_plain(one, parts) for one in value]
    return value


def _array(value: NDArray[Any], parts: _Parts) -> dict[str, Any]:
    flat = np.ascontiguousarray(value)
    flat = flat.astype(flat.dtype.newbyteorder("<"), copy=False)
    return {_CLASS: _ARRAY, "part": parts.add(flat.tobytes()), "type": flat.dtype.str, "shape": list(value.shape)}


# --- reading ---------------------------------------------------------------------------------------------------------


def _read(value: Any, parts: Sequence[bytes]) -> Any:  # noqa: PLR0911 - one arm per kind
    """What was written, or :data:`_NOTHING` where this version does not understand it."""
    if isinstance(value, list):
        items = tuple(_read(item, parts) for item in value)
        return _NOTHING if any(item is _NOTHING for item in items) else items
    if not isinstance(value, dict):
        return value
    match value.get(_CLASS):
        case "array":
            return _read_array(value, parts)
        case "mapping":
            items_ = {name: _read(one, parts) for name, one in value["items"].items()}
            return _NOTHING if any(one is _NOTHING for one in items_.values()) else items_
        case "sound":
            return _read_sound(value, parts)
        case str(name) if name in _CLASSES:
            return _made(_CLASSES[name], value, parts)
        case _:
            return _NOTHING


def _made(kind: type, value: Mapping[str, Any], parts: Sequence[bytes]) -> Any:
    hints = hints_of(kind)
    found = {name: _read(value[name], parts) for name in hints if name in value}
    if any(one is _NOTHING for one in found.values()):
        return _NOTHING
    if not all(fits(one, hints[name]) for name, one in found.items()):
        return _NOTHING
    try:
        return kind(**found)
    except TypeError:  # an older version did not have a field that is needed
        return _NOTHING


def _read_sound(value: Mapping[str, Any], parts: Sequence[bytes]) -> AudioChunk:
    packed, rate = _part(value, parts), value["rate"]
    if not isinstance(rate, int) or rate <= 0:
        raise ValueError("no rate")
    samples = sound.unpack(packed)[0] if packed else np.zeros(0, np.float32)
    return AudioChunk(samples, rate)


def _read_array(value: Mapping[str, Any], parts: Sequence[bytes]) -> NDArray[Any]:
    kind, shape = value["type"], value["shape"]
    if kind not in _TYPES or not all(isinstance(side, int) and side >= 0 for side in shape):
        raise ValueError("no array of ours")
    return np.frombuffer(_part(value, parts), kind).reshape(shape).copy()


def _part(value: Mapping[str, Any], parts: Sequence[bytes]) -> bytes:
    number = value["part"]
    if not isinstance(number, int) or not 0 <= number < len(parts):
        raise ValueError("a part is missing")
    return parts[number]
