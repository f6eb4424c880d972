"""A run as one page of HTML that needs nothing else: texts, sound to listen to, pictures, figures. No Qt."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from app.comparison import Comparison, EngineRun, Status
from app.language import language_name, tr
from app.reportplots import confidence, times, waveform
from app.widgets.differences import differences
from app.widgets.numbers import nats, operations, share
from app.widgets.numbers import seconds as duration
from engines.contract import NBest, Segments, TokenScores
from engines.evaluation import sheet
from engines.evaluation.page import render
from engines.evaluation.sheet import Block, Figure, Heading, Paragraph, Sound, Words
from engines.history import sound
from engines.history.entries import Entry, Ran

LARGEST_SOUND: Final = 48 << 20
"""Bytes of speech that a page takes in."""
_SCORES: Final = {"wer": "WER", "cer": "CER", "bleu": "BLEU", "chrf": "chrF"}
_MOST_HYPOTHESES: Final = 10

Parts = tuple[tuple[str, Literal["same", "other", "lacking"]], ...]


@dataclass(frozen=True)
class Kept:
    """What is exported.

    Attributes:
        entry: what is known of it; its events are not looked at.
        comparison: its runs.
        notes: sentences on what is not as it was.
    """

    entry: Entry
    comparison: Comparison
    notes: tuple[str, ...] = ()

    @property
    def runs(self) -> list[EngineRun]:
        """Those that began."""
        return [run for run in self.comparison.runs.values() if run.status is not Status.WAITING]

    def ran(self, engine_id: str) -> Ran | None:
        """What is known of an engine's run."""
        return self.entry.latest.get(engine_id)


def page(kept: Kept) -> str:
    """The whole page."""
    return render(tr("Triptych: {source}").format(source=kept.entry.source), list(_blocks(kept)))


def _blocks(kept: Kept) -> Iterator[Block]:
    yield from _speech(kept)
    runs = kept.runs
    if runs:
        yield Heading(tr("What the engines made of it"))
        yield _figures(kept)
        timed = [run for run in runs if run.stages]
        if timed:
            caption = tr("Where the time went, in seconds of the engines' own work; point at a stage to see its name.")
            yield Figure("times", times(timed), caption)
        tokens = {run.engine.name: _tokens(run) for run in runs}
        if any(tokens.values()):
            caption = tr("How likely each engine found each token that it wrote, at most the first 80; point to read.")
            yield Figure("confidence", confidence(tokens), caption)
    for run in runs:
        yield from _engine(kept, run)
    yield from _made(kept)


def _speech(kept: Kept) -> Iterator[Block]:
    entry, utterance = kept.entry, kept.comparison.utterance
    yield Heading(tr("The speech"))
    spoken = language_name(entry.language or "") or tr("found out by the engines")
    asked = (
        tr("{task} into {language}").format(task=entry.task, language=language_name(entry.target))
        if entry.target
        else entry.task
    )
    rows = [
        (tr("Source"), entry.source), (tr("Length"), duration(utterance.seconds)),
        (tr("Language"), spoken), (tr("Asked"), asked),
        (tr("Run"), entry.at.replace("T", " ").replace("+00:00", " UTC")),
    ]  # fmt: skip
    if entry.tags:
        rows.append((tr("Tags"), ", ".join(entry.tags)))
    yield sheet.Table((tr("What"), ""), tuple(rows), literal=True)
    data = sound.pack(utterance.samples, 16_000)
    if len(data) <= LARGEST_SOUND:
        yield Sound(data, "audio/flac", tr("What was said."))
    else:
        yield Paragraph(tr("The speech is too long to be listened to in this page."), "note")
    spans = next(
        (found.spans for run in kept.runs for found in run.evidence if isinstance(found, Segments)), ()
    )  # of the first engine that tells
    yield Figure(
        "speech", waveform(utterance.samples, spans), tr("The speech; shaded where there is somebody speaking.")
    )
    for title, text in (
        (tr("What was said"), entry.reference),
        (tr("A good translation"), entry.reference_translation),
    ):
        if text:
            yield Words(((text, "same"),), tr("{title}, as a person gave it:").format(title=title))
    for note in (*entry.notes, *kept.notes):
        yield Paragraph(_flat(note), "note")


def _figures(kept: Kept) -> Block:
    names = [name for name in _SCORES if any(name in run.scores for run in kept.runs)]
    head = (
        tr("Engine"),
        tr("Status"),
        tr("Time"),
        tr("First text"),
        tr("Real-time factor"),
        tr("Operations"),
        *(_SCORES[n] for n in names),
    )
    rows = []
    for run in kept.runs:
        factor = run.rtf(kept.comparison.utterance.seconds)
        rows.append(
            (
                *(run.engine.name, str(run.status), duration(run.seconds)),
                "–" if run.first_text_seconds is None else duration(run.first_text_seconds),
                "–" if factor is None else f"{factor:.2f}",
                "–" if run.work is None else operations(run.work.flops),
                *(_score(name, run.scores.get(name)) for name in names),
            )
        )
    caption = tr("Times are of the engine's own work, with shared work at its full cost.")
    return sheet.Table(head, tuple(rows), caption, literal=True)


def _score(name: str, value: float | None) -> str:
    if value is None:
        return "–"
    return share(value) if name in {"wer", "cer"} else f"{value:.1f}"


def _engine(kept: Kept, run: EngineRun) -> Iterator[Block]:
    yield Heading(run.engine.name, 3)
    yield Paragraph(_flat(run.engine.description), "note")
    baseline = next((one for one in kept.runs if one.engine.paradigm == "baseline"), None)
    for title, text, reference, rival in (
        (tr("Transcript"), run.transcript, kept.entry.reference, baseline.transcript if baseline else None),
        (
            tr("Translation"),
            run.translation,
            kept.entry.reference_translation,
            baseline.translation if baseline else None,
        ),
        (tr("Answer"), run.answer, None, None),
    ):
        if text:
            against = reference or (rival if baseline is not run else None)
            name = tr("what was said") if reference else tr("the baseline")
            yield Words(compared(text, against), f"{title}{f', against {name}' if against else ''}:")
    voice = run.speech()
    if voice is not None:
        data = sound.pack(*voice, run.mark())
        if data and len(data) <= LARGEST_SOUND:
            yield Sound(
                data, "audio/flac", tr("What {name} said. This is synthetic speech.").format(name=run.engine.name)
            )
    if run.error is not None:
        yield Paragraph(_flat(f"{run.error.message} {run.error.hint}"), "lacking")
    for note in run.result.notes if run.result is not None else ():
        yield Paragraph(_flat(note), "note")
    for found in run.found(NBest):
        yield _hypotheses(found)


def compared(text: str, other: str | None) -> Parts:
    """A text in pieces: what is as in another one, what is not, and what it lacks.

    Args:
        text: what was written.
        other: what it is held against; None for nothing.
    """
    if not other:
        return ((text, "same"),)
    parts: list[tuple[str, Literal["same", "other", "lacking"]]] = []
    at = 0
    for found in differences(text, other):
        parts.append((text[at : found.start], "same"))
        if found.kind == "deleted":
            parts.append((f"{found.other} ", "lacking"))
        else:
            parts.append((text[found.start : found.end], "other"))
        at = found.end
    return tuple(part for part in (*parts, (text[at:], "same")) if part[0])


def _hypotheses(found: NBest) -> Block:
    scored = any(one.lm is not None for one in found.hypotheses)
    head = ("", tr("Hypothesis"), tr("by the sound (nats)"), *((tr("as language (nats)"),) if scored else ()))
    rows = []
    for place, one in enumerate(found.hypotheses[:_MOST_HYPOTHESES]):
        lm = () if not scored else ("–" if one.lm is None else nats(one.lm),)
        rows.append((tr("chosen") if place == found.chosen else f"{place + 1}", one.text, nats(one.acoustic), *lm))
    weight = "" if found.weight is None else f", λ = {found.weight:g}"
    caption = tr("What the recogniser held possible from {start:.1f} to {end:.1f} s{weight}.").format(
        start=found.start, end=found.end, weight=weight
    )
    return sheet.Table(head, tuple(rows), caption, literal=True)


def _tokens(run: EngineRun) -> Sequence[tuple[str, float]]:
    return [
        (token, math.exp(min(0.0, log)))
        for found in run.found(TokenScores)
        for token, log in zip(found.tokens, found.log_probabilities, strict=False)
    ]


def _made(kept: Kept) -> Iterator[Block]:
    yield Heading(tr("How it was made"))
    rows = []
    for run in kept.runs:
        ran = kept.ran(run.engine.id)
        if ran is None:
            continue
        options = ", ".join(f"{name} = {value}" for name, value in ran.options.items()) or tr("as usual")
        weights = ", ".join(f"{name} {digest[:12]}" for name, digest in ran.weights.items()) or "–"
        on = ", ".join(str(ran.machine[name]) for name in ("processor", "system") if ran.machine.get(name))
        rows.append((run.engine.name, ran.program, options, weights, on or "–"))
    head = (tr("Engine"), tr("Program"), tr("Settings"), tr("Weights"), tr("Machine"))
    yield sheet.Table(
        head, tuple(rows), tr("Versions of what ran; weights by the beginning of their digests."), literal=True
    )
    yield Paragraph(
        tr("Speech {digest}, run {uid}.").format(digest=kept.entry.digest[:16], uid=kept.entry.uid[:8]), "note"
    )


def _flat(text: str) -> str:
    """A sentence in which marks mean nothing."""
    return text.replace("*", "∗").replace("`", "ʼ").strip()
