"""Evidence as JSON: one object per piece, its kind and its fields."""

from __future__ import annotations

import dataclasses
import math
import re
from typing import Any

import numpy as np

from engines.contract import Evidence

DECIMALS = 4


def as_json(evidence: Evidence) -> dict[str, Any]:
    """One piece of evidence; ``kind`` is its class in lower case with underscores, arrays become nested lists.

    Numbers are rounded to four decimals; what is no finite number becomes null.
    """
    kind = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(evidence).__name__).lower()
    return {"kind": kind, **_fields(evidence)}


def _fields(found: Any) -> dict[str, Any]:
    return {field.name: _plain(getattr(found, field.name)) for field in dataclasses.fields(found)}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return round(value, DECIMALS) if math.isfinite(value) else None
    if dataclasses.is_dataclass(value):
        return _fields(value)
    return value
