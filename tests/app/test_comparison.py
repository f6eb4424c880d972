"""The comparison's state is folded from events."""

from __future__ import annotations

import numpy as np
import pytest

from app.commands.running import statuses
from app.comparison import Comparison, EngineRun, Status, apply, status_of
from engines import catalog
from engines.contract import (
    AudioChunk,
    Event,
    EvidenceFound,
    Failed,
    Finished,
    LanguageFound,
    Preparing,
    Result,
    Segments,
    StageFinished,
    StageStarted,
    Stamped,
    Task,
    TextDelta,
    Utterance,
)
from engines.errors import UnknownLanguage
from tests.engines.fakes import describe


def fold(*events: tuple[float, Event]) -> EngineRun:
    run = EngineRun(catalog.default().describe("cascade"))
    for at, event in events:
        run = apply(run, Stamped("cascade", at, event))
    return run


def test_texts_stages_and_times() -> None:
    audio = AudioChunk(np.zeros(3, np.float32), 22_050)
    evidence = Segments(((0.0, 1.0),))
    run = fold(
        (0.0, Preparing("Fetching", 1, 2)),
        (0.0, StageStarted("encode")),
        (0.5, StageFinished("encode", 0.5, shared=True)),
        (0.5, StageStarted("recognise")),
        (0.6, LanguageFound("es", 0.9)),
        (0.6, TextDelta("", final=False)),
        (0.7, TextDelta("hola", final=False)),
        (0.8, TextDelta("Hola.", final=True)),
        (0.9, StageFinished("recognise", 0.4)),
        (0.9, StageStarted("encode")),
        (1.0, StageFinished("encode", 0.1)),
        (1.1, EvidenceFound(evidence)),
        (1.2, TextDelta("Hi", final=False, kind="translation")),
        (1.3, audio),
        (1.5, audio),
    )
    assert run.status is Status.RUNNING
    assert run.main_text == "Hi"
    assert run.text("transcript").whole == "Hola."
    assert run.first_text_seconds == 0.7
    assert run.first_audio_seconds == 1.3
    assert run.language == "es"
    assert [(stage.name, stage.seconds, stage.shared) for stage in run.stages] == [
        ("encode", 0.6, True),
        ("recognise", 0.4, False),
    ]
    assert run.evidence == (evidence,)
    speech = run.speech()
    assert speech is not None
    assert speech[0].shape == (6,)
    assert run.rtf(2.0) is None
    done = apply(run, Stamped("cascade", 2.0, Finished(Result("Hola.", "Hi."), 7)))
    assert (done.status, done.seconds, done.rtf(4.0), done.peak_memory_bytes) == (Status.OK, 2.0, 0.5, 7)
    assert (done.transcript, done.translation, done.answer, done.language) == ("Hola.", "Hi.", None, "es")
    assert apply(done, Stamped("cascade", 9.0, TextDelta("late", final=True))) is done


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("WeightsMissing", Status.UNAVAILABLE),
        ("LicenceNotAccepted", Status.UNAVAILABLE),
        ("Unavailable", Status.UNAVAILABLE),
        ("Cancelled", Status.CANCELLED),
        ("EngineCrashed", Status.FAILED),
        ("InternalError", Status.FAILED),
    ],
)
def test_kinds_of_failure(kind: str, status: Status) -> None:
    assert status_of(kind) is status
    run = fold((0.0, StageStarted("encode")), (1.0, Failed(kind, "It broke.", "Mend it.")))
    assert run.status is status
    assert run.error == Failed(kind, "It broke.", "Mend it.")


def test_comparison_runs_fail_and_restart() -> None:
    speech = Utterance(np.zeros(16_000, np.float32), "d", "silence")
    engines = catalog.default().supporting(Task.TRANSLATE, "fr")
    comparison = Comparison(speech, Task.TRANSLATE, "fr", engines, {"cascade": {"beam": 2}})
    assert list(comparison.runs) == ["cascade"]
    assert comparison.request("cascade").options == {"beam": 2}
    assert comparison.over is False
    assert comparison.fail("cascade", UnknownLanguage("No.", "Yes.")).status is Status.UNAVAILABLE
    over: bool = comparison.over
    assert over
    assert comparison.restart("cascade").status is Status.WAITING


@pytest.mark.parametrize(
    ("found", "strict", "lenient"),
    [
        ((Status.OK, Status.OK), 0, 0),
        ((Status.OK, Status.UNAVAILABLE), 1, 0),
        ((Status.UNAVAILABLE,), 1, 1),
        ((Status.OK, Status.FAILED, Status.UNAVAILABLE), 1, 1),
    ],
)
def test_exit_codes(found: tuple[Status, ...], strict: int, lenient: int) -> None:
    runs = {str(place): EngineRun(describe("fake"), status) for place, status in enumerate(found)}
    assert (statuses(runs), statuses(runs, lenient=True)) == (strict, lenient)
