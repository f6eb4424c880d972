"""Energy as the processor itself counts it: Intel's and AMD's RAPL through Linux's powercap.

The counters are of a whole processor package, with everything else that ran meanwhile; they wrap round. Source: the
kernel's Documentation/power/powercap/powercap.rst.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ZONES: Final = Path("/sys/class/powercap")
_PACKAGE: Final = re.compile(r"intel-rapl:\d+")
"""Whole packages; zones inside them would count twice."""


@dataclass(frozen=True)
class Energy:
    """Energy of a stretch of time.

    Attributes:
        joules: of all packages; None where it could not be read.
        why_not: one sentence; empty where it could.
    """

    joules: float | None
    why_not: str = ""


class Meter:
    """Measures from its beginning to :meth:`read`.

    Args:
        zones: the folder of the counters.
    """

    def __init__(self, zones: Path = ZONES) -> None:
        self._why_not = ""
        self._before: dict[Path, int] = {}
        try:
            found = sorted(zone for zone in zones.iterdir() if _PACKAGE.fullmatch(zone.name))
            self._before = {zone: _number(zone / "energy_uj") for zone in found}
        except PermissionError:
            self._why_not = "The energy counters of this machine can be read by its administrator alone."
        except (OSError, ValueError):
            self._before = {}
        if not self._before and not self._why_not:
            self._why_not = "This machine offers no energy counter (RAPL)."

    def read(self) -> Energy:
        """The energy since the beginning."""
        if self._why_not:
            return Energy(None, self._why_not)
        total = 0
        try:
            for zone, before in self._before.items():
                now = _number(zone / "energy_uj")
                total += now - before if now >= before else now - before + _number(zone / "max_energy_range_uj")
        except (OSError, ValueError):
            return Energy(None, "An energy counter could not be read any more.")
        return Energy(total / 1e6)


def _number(file: Path) -> int:
    return int(file.read_text(encoding="ascii"))
