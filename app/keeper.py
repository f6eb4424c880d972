"""Keeps every run of the window, one engine after the other as they end."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject

from app.comparison import Comparison, EngineRun
from app.controller import Controller
from app.historythread import HistoryThread
from app.keeping import Ended, ended, entry_of, ran_of
from app.settings import History
from app.widgets.references import References
from engines.history.entries import Entry, new_uid, now
from engines.history.store import Store

MEGABYTE = 1_000_000


class Keeper(QObject):
    """Listens to the controller.

    What came to nothing (an engine that is not installed, a run that was cancelled before its first word) is kept only
    beside what came to something.

    Args:
        controller: tells of runs.
        references: tells of what was really said.
        thread: keeps.
        keeps: whether anything is kept, if the user wants it.
        parent: the window.
    """

    def __init__(
        self,
        controller: Controller,
        references: References,
        thread: HistoryThread,
        *,
        keeps: bool = True,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._keeps = keeps
        self._controller = controller
        self._thread = thread
        self._comparison: Comparison | None = None
        self._entry: Entry | None = None
        self._begun = False
        self._aside: list[Ended] = []
        self._seen: dict[str, EngineRun] = {}
        controller.comparison_reset.connect(self._reset)
        controller.run_changed.connect(self._take)
        references.committed.connect(self._refer)

    @property
    def settings(self) -> History:
        """Whether to keep, and how much."""
        return self._controller.settings.history

    @property
    def entry(self) -> Entry | None:
        """The entry of the comparison on screen, as it is now and without its runs; None where there is none."""
        if self._entry is None or self._comparison is None or self._comparison is not self._controller.comparison:
            return None
        return entry_of(self._comparison, self._entry.uid, self._entry.at)

    def adopt(self, comparison: Comparison, entry: Entry) -> None:
        """Says that a comparison that is about to be shown is kept already; what is run in it again is added to it."""
        self._comparison, self._entry, self._begun = comparison, entry, True
        self._aside = []
        self._seen = dict(comparison.runs)

    def _reset(self) -> None:
        comparison = self._controller.comparison
        if comparison is None or comparison is self._comparison:
            return
        self._comparison, self._begun, self._aside, self._seen = comparison, False, [], {}
        self._entry = entry_of(comparison, new_uid(), now())

    def _take(self, run: EngineRun) -> None:
        comparison, engine = self._comparison, run.engine.id
        if comparison is None or comparison is not self._controller.comparison or not run.status.over:
            return
        if self._seen.get(engine) is run:
            return
        self._seen[engine] = run
        self._aside.append(ended(comparison, engine, self._controller.settings.running.threads))
        if self._begun or self._aside[-1].worth_keeping:
            self._keep()

    def _keep(self) -> None:
        found, self._aside = tuple(self._aside), []
        entry, settings = self.entry, self.settings
        if not (self._keeps and settings.keep) or entry is None or self._comparison is None:
            return
        self._begun = True
        samples, most = self._comparison.utterance.samples, settings.megabytes * MEGABYTE

        def keep(store: Store) -> None:
            runs = tuple(ran_of(one) for one in found)
            store.keep(replace(entry, runs=runs), samples)
            if most:
                store.tidy(most)

        self._thread.keep(keep)

    def _refer(self) -> None:
        entry = self.entry
        if entry is not None and self._begun and self._keeps and self.settings.keep:
            uid, reference, translation = entry.uid, entry.reference, entry.reference_translation
            self._thread.keep(lambda store: store.refer(uid, reference, translation))
