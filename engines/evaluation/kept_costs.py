"""Costs that were measured with each engine alone, kept so that a run that was killed goes on where it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from pydantic import TypeAdapter, ValidationError

from engines.catalog import Catalogue
from engines.contract import Request
from engines.evaluation import costing, protocol
from engines.evaluation.cost import Cost, Setting
from engines.evaluation.kept import Kept

_PART: Final = "cost"
_COST: Final = TypeAdapter(Cost)


def measure(
    engines: Sequence[str], request: Request, found: Kept, *, catalogue: Catalogue, machine: str,
    setting: Setting | None = None, report: Callable[[int, int, str], None] | None = None,
) -> None:  # fmt: skip
    """Measures what was not measured before on this machine with this utterance; failures are tried again.

    Raises:
        BadInput: there is no such engine, or it cannot be asked this.
    """
    todo = [engine for engine in engines if _row(engine, request, found, catalogue, machine) is None]
    for done, engine in enumerate(todo):
        if report is not None:
            report(done, len(todo), f"cost of {engine}")
        cost = costing.measure(engine, request, setting, catalogue)
        found.add(*_key(engine, request, catalogue, machine), found=_COST.dump_python(cost, mode="json"))


def outcomes(
    engines: Sequence[str], request: Request, found: Kept, *, catalogue: Catalogue, machine: str
) -> list[Cost]:
    """What was measured of engines as they are now; those that failed are left out."""
    rows = (_row(engine, request, found, catalogue, machine) for engine in engines)
    return [cost for cost in rows if cost is not None]


def _key(engine: str, request: Request, catalogue: Catalogue, machine: str) -> tuple[str, ...]:
    return _PART, engine, protocol.version(catalogue.describe(engine)), machine, request.utterance.digest


def _row(engine: str, request: Request, found: Kept, catalogue: Catalogue, machine: str) -> Cost | None:
    row = found.get(*_key(engine, request, catalogue, machine))
    if row is None:
        return None
    try:
        cost = _COST.validate_python(row)
    except ValidationError:  # of an older version: measured anew
        return None
    return None if cost.failed else cost
