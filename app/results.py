"""What engines came to, on screen: keeps cards, scores and evidence in step with the controller."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from app.comparison import EngineRun, Status
from app.controller import Controller
from app.language import tr
from app.loading import described
from app.playback import Playback
from app.scorer import Scorer
from app.theme import theme
from app.views.pair import EvidencePair
from app.widgets.card import EngineCard
from app.widgets.references import References
from app.widgets.waveform import WaveformView
from engines.audio.synthetic import write_speech
from engines.contract import Segments, Task
from engines.errors import BadInput

Choice = tuple[Task, str | None, str | None]


class Results(QObject):
    """Shows runs as they come.

    Args:
        controller: tells of them.
        cards: one per engine.
        evidence: shows the selected engine's, and another's beside it.
        references: what was really said.
        waveform: shades where speech was found.
        chosen: task, spoken language and target as they are in the toolbar.
        playback: plays what engines say.
        parent: the window.
    """

    said = Signal(str)
    """A sentence of good news."""
    failed = Signal(object)

    def __init__(
        self,
        controller: Controller,
        cards: Mapping[str, EngineCard],
        evidence: EvidencePair,
        references: References,
        waveform: WaveformView,
        chosen: Callable[[], Choice],
        playback: Playback,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._window = parent
        self._controller = controller
        self._cards = cards
        self._evidence = evidence
        self._references = references
        self._waveform = waveform
        self._chosen = chosen
        self._playback = playback
        self._scorer = Scorer(self)
        self._chosen_by_hand = False
        self._scale = 1.0
        self.selected: str | None = None
        controller.comparison_reset.connect(self._reset)
        controller.run_changed.connect(self._show_run)
        references.committed.connect(self._rescore)
        self._scorer.scored.connect(self._show_scores)
        playback.other_changed.connect(self._show_playing)
        theme().changed.connect(self._repaint)
        for card in cards.values():
            card.selected.connect(self._select_by_hand)
            card.play_requested.connect(self._play)
            card.save_requested.connect(self._save)
            card.copied.connect(lambda _: self.said.emit(tr("The text is in the clipboard.")))

    @property
    def references(self) -> References:
        """Where it stands what was really said."""
        return self._references

    def show_task(self) -> None:
        """Reserves room for what the chosen task will bring; waits if results are on screen."""
        task, spoken, target = self._chosen()
        self._references.show_task(task, spoken, target)
        if self._controller.comparison is None:
            for card in self._cards.values():
                card.set_task(task, target)

    def warm_up(self) -> None:
        """Loads what the first result will need."""
        self._scorer.warm_up()

    def close(self) -> None:
        """Ends the scoring."""
        self._scorer.close()

    def select(self, engine_id: str) -> None:
        """Shows an engine's evidence."""
        self.selected = engine_id
        for other, card in self._cards.items():
            card.set_selected(other == engine_id)
        self._show_evidence()

    def _repaint(self) -> None:
        """Cards colour their sentences when they are told; tell them again in the new colours."""
        for card in self._cards.values():
            card.set_run(card.run)

    def _select_by_hand(self, engine_id: str) -> None:
        self._chosen_by_hand = True
        self.select(engine_id)

    def _reset(self) -> None:
        comparison = self._controller.comparison
        utterance = comparison.utterance if comparison is not None else self._controller.utterance
        task, spoken, target = self._chosen()
        self._references.show_task(task, spoken, target)
        self._scale = max(1.0, 0.4 * utterance.seconds) if utterance is not None else 1.0
        for engine_id, card in self._cards.items():
            engine = self._controller.catalogue.describe(engine_id)
            card.set_task(task, target)
            card.set_speech_seconds(utterance.seconds if utterance is not None else 0.0)
            card.set_scale(self._scale)
            card.set_run(comparison.runs[engine_id] if comparison is not None else EngineRun(engine))
        self._compare_texts()
        self._show_evidence()

    def _show_run(self, run: EngineRun) -> None:
        comparison = self._controller.comparison
        if comparison is None:
            return
        self._rescale(run.seconds)
        self._cards[run.engine.id].set_run(run)
        for evidence in run.evidence:
            if isinstance(evidence, Segments):
                self._waveform.show_speech(evidence.spans)
        if run.status.over:
            self._compare_texts()
            self._scorer.request(run, comparison)
        if self._should_choose(run):
            self.select(run.engine.id)
        elif run.engine.id == self.selected:
            self._show_evidence()
        else:
            self._evidence.show_all(comparison.runs)

    def _should_choose(self, run: EngineRun) -> bool:
        """Whether to show a run's evidence unasked: nothing is chosen, or only what failed."""
        has_more = run.status is Status.OK and run.engine.paradigm != "baseline" and bool(run.evidence)
        if not has_more or self._chosen_by_hand:
            return False
        chosen = self._run(self.selected) if self.selected is not None else None
        return chosen is None or chosen.status in {Status.FAILED, Status.UNAVAILABLE}

    def _rescale(self, seconds: float) -> None:
        """Puts all strips on one scale; it grows in large steps, so that bars seldom move."""
        if seconds > self._scale:
            while seconds > self._scale:
                self._scale *= 1.6
            for card in self._cards.values():
                card.set_scale(self._scale)

    def _compare_texts(self) -> None:
        """Marks differences against the reference or, without one, against the baseline's text."""
        comparison = self._controller.comparison
        runs = comparison.runs.values() if comparison is not None else ()
        baseline = next((run for run in runs if run.engine.paradigm == "baseline"), None)
        transcript, translation = (text.strip() or None for text in self._references.texts())
        for engine_id, card in self._cards.items():
            if transcript is not None or translation is not None or baseline is None:
                card.set_reference(transcript, translation, baseline=baseline)
            elif engine_id == baseline.engine.id:
                card.set_reference(None, None)
            else:
                card.set_reference(baseline.transcript, baseline.translation, name=baseline.engine.name)

    def _rescore(self) -> None:
        comparison = self._controller.comparison
        if comparison is None:
            return
        comparison.utterance = described(comparison.utterance, comparison.utterance.language, *self._references.texts())
        self._compare_texts()
        for run in comparison.runs.values():
            self._scorer.request(run, comparison)
        self._show_evidence()

    def _show_scores(self, run: EngineRun) -> None:
        comparison = self._controller.comparison
        if comparison is not None and comparison.runs[run.engine.id].result is run.result:
            comparison.runs[run.engine.id] = run
            self._cards[run.engine.id].set_run(run)
            if run.engine.id == self.selected:
                self._show_evidence()

    def _show_evidence(self) -> None:
        comparison = self._controller.comparison
        if self.selected is not None and comparison is not None:
            utterance = comparison.utterance
            truth = (utterance.reference, utterance.reference_translation)
            self._evidence.show_run(comparison.runs[self.selected], comparison.runs, truth)

    def _run(self, engine_id: str) -> EngineRun | None:
        comparison = self._controller.comparison
        return comparison.runs[engine_id] if comparison is not None else None

    def _play(self, engine_id: str) -> None:
        run = self._run(engine_id)
        speech = run.speech() if run is not None else None
        if speech is not None:
            self._playback.toggle_other(engine_id, *speech)

    def _show_playing(self, engine_id: str) -> None:
        for other, card in self._cards.items():
            card.set_playing(other == engine_id)

    def _save(self, engine_id: str) -> None:
        """Saves the speech where there is some, and the text otherwise."""
        run = self._run(engine_id)
        if run is None or self._controller.utterance is None:
            return
        speech = run.speech()
        kinds = tr("WAV (*.wav);;FLAC (*.flac);;Ogg Vorbis (*.ogg)")
        kind, ending = (kinds, "wav") if speech is not None else (tr("Text (*.txt)"), "txt")
        folder = Path(self._controller.settings.choices.folder)
        suggestion = folder / f"{Path(self._controller.utterance.source).stem}-{engine_id}.{ending}"
        name, _ = QFileDialog.getSaveFileName(self._window, tr("Save"), str(suggestion), kind)
        if name:
            self.write(run, Path(name))

    def write(self, run: EngineRun, path: Path) -> None:
        """Writes a run's speech, marked as synthetic, or its text where it has none."""
        speech = run.speech()
        try:
            if speech is not None:
                write_speech(path, *speech, run.mark())
            else:
                path.write_text(run.main_text.strip() + "\n", encoding="utf-8")
        except BadInput as error:
            self.failed.emit(error)
        except OSError as error:
            reason = error.strerror or str(error)
            self.failed.emit(
                BadInput(
                    tr("{name} could not be written: {reason}.").format(name=path.name, reason=reason),
                    tr("Choose another place."),
                )
            )
        else:
            self.said.emit(tr("Saved {name}.").format(name=path.name))
