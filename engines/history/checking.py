"""Whether a value is what an annotation of the contract says: files from elsewhere may hold anything."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np


def fits(value: object, hint: Any) -> bool:
    """Whether a value is of an annotated type.

    Args:
        value: anything.
        hint: a class, a union, ``Literal``, ``tuple``, ``Mapping`` or ``NDArray`` as the contract uses them; whole
            numbers pass for floats.
    """
    origin, parts = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        return any(fits(value, part) for part in parts)
    if origin is Literal:
        return value in parts
    if origin is tuple:
        return isinstance(value, tuple) and _all_fit(value, parts)
    if origin is np.ndarray:
        return isinstance(value, np.ndarray) and value.dtype == np.dtype(get_args(parts[1])[0])
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(fits(k, parts[0]) and fits(v, parts[1]) for k, v in value.items())
    return _is(value, hint)


def _all_fit(value: tuple[object, ...], parts: tuple[Any, ...]) -> bool:
    if len(parts) == 2 and parts[1] is Ellipsis:
        return all(fits(item, parts[0]) for item in value)
    return len(value) == len(parts) and all(fits(item, part) for item, part in zip(value, parts, strict=True))


def _is(value: object, kind: Any) -> bool:
    if kind is None or kind is types.NoneType:
        return value is None
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)


@cache
def hints_of(kind: type) -> Mapping[str, Any]:
    """The annotations of a dataclass's fields, resolved, by name."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}
