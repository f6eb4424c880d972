"""A table of what a view shows, to be copied and saved. No Qt."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Named columns.

    Attributes:
        head: names of the columns.
        rows: as many values each.
    """

    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]

    def csv(self) -> str:
        """Comma-separated, as RFC 4180 has it, with line feeds alone."""
        return self._written(",")

    def tabbed(self) -> str:
        """Separated by tabs, as spreadsheets paste it."""
        return self._written("\t")

    def _written(self, between: str) -> str:
        file = io.StringIO()
        writer = csv.writer(file, delimiter=between, lineterminator="\n")
        writer.writerow(self.head)
        writer.writerows(self.rows)
        return file.getvalue()
