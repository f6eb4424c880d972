"""Comparisons in and out of the history, and the files that are made of them."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from app import cues
from app.comparison import Comparison, Status
from app.exporting import FORMS, export, require_form, written
from app.keeping import ended, entry_of, ran_of, replayed, restored, utterance_of
from app.reporting import Kept, compared
from engines import catalog
from engines.audio.synthetic import read_mark
from engines.contract import Event, EvidenceFound, Segments, Stamped, Task, Utterance
from engines.errors import BadInput, BadOption, Cancelled, DiskFull, LicenceNotAccepted
from engines.history import sound
from engines.history.entries import new_uid
from engines.history.session import opened
from engines.history.store import Store
from tests.gui.runs import NBEST, REFERENCE, TEXTS, TOKENS, WRONG, done, heard
from tests.history.stories import digest, speech, story

AT = "2026-01-02T03:04:05+00:00"


def _utterance(**fields: object) -> Utterance:
    samples = speech(12.0)
    known = {"language": "en", "reference": REFERENCE} | fields
    return Utterance(samples, digest(samples), "caller <1>.wav", **known)  # type: ignore[arg-type]


def _comparison(**fields: object) -> Comparison:
    engines = [catalog.default().describe(name) for name in ("whisper", "rescoring", "cascade", "correction")]
    options = {"cascade": {"llm": "server", "server_key": "secret"}}
    made = Comparison(_utterance(**fields), Task.TRANSCRIBE, None, engines, options)
    spans = EvidenceFound(Segments(((0.3, 9.4),)))
    for engine, events in {
        "whisper": [
            *heard(),
            (0.4, spans),
            (0.5, story(WRONG)[4].event),
            (0.6, EvidenceFound(TOKENS)),
            (0.7, done(WRONG)),
        ],
        "rescoring": [*heard(shared=True), (0.5, spans), (1.2, EvidenceFound(NBEST)), (1.3, done(TEXTS[1]))],
        "cascade": [(one.at, one.event) for one in story()],
    }.items():
        _tell(made, engine, events)
    made.fail("correction", LicenceNotAccepted("Gemma has terms.", "Accept them."))
    return made


def _tell(comparison: Comparison, engine: str, events: Sequence[tuple[float, Event]]) -> None:
    for at, event in events:
        comparison.apply(Stamped(engine, at, event))


@pytest.fixture
def kept() -> Kept:
    comparison = _comparison()
    runs = tuple(ran_of(ended(comparison, engine)) for engine in comparison.runs)
    return Kept(entry_of(comparison, new_uid(), AT, runs), comparison)


def test_a_run_looks_as_it_did(tmp_path: Path, kept: Kept) -> None:
    with Store(tmp_path) as store:
        store.keep(kept.entry, kept.comparison.utterance.samples)
        entry = store.get(kept.entry.uid)
        utterance = utterance_of(entry, store.require_sound(entry))
    assert np.array_equal(utterance.samples, kept.comparison.utterance.samples)
    assert replace(utterance, samples=None, path=None) == replace(kept.comparison.utterance, samples=None)
    found = restored(entry, utterance, catalog.default())
    assert found.notes == ()
    assert set(found.comparison.runs) == {engine.id for engine in catalog.default().engines}
    for engine_id, before in kept.comparison.runs.items():
        after = found.comparison.runs[engine_id]
        assert replace(after, audio=(), evidence=()) == replace(before, audio=(), evidence=())
        assert [type(one) for one in after.evidence] == [type(one) for one in before.evidence]
        assert after.found(type(NBEST)) == before.found(type(NBEST))
        assert [chunk.rate for chunk in after.audio] == [chunk.rate for chunk in before.audio]
        for one, other in zip(after.audio, before.audio, strict=True):
            assert np.abs(one.samples - other.samples).max() <= 2.0**-23
    assert found.comparison.runs["experts"].status is Status.WAITING
    assert replayed(entry, utterance, catalog.default()).comparison.runs.keys() == kept.comparison.runs.keys()


def test_keys_of_servers_are_not_kept(kept: Kept) -> None:
    assert kept.entry.latest["cascade"].options == {"llm": "server"}
    assert "secret" not in repr(kept.entry)


def test_versions_of_program_and_weights_are_kept(kept: Kept) -> None:
    ran = kept.entry.latest["rescoring"]
    assert ran.program.startswith("Triptych")
    assert ran.machine["cores"]
    assert re.fullmatch(r"[0-9a-f]{64}", ran.weights["whisper-base"])


def test_only_what_came_to_something_is_worth_keeping() -> None:
    comparison = _comparison()
    worth = {engine: ended(comparison, engine).worth_keeping for engine in comparison.runs}
    assert worth == {"whisper": True, "rescoring": True, "cascade": True, "correction": False}
    comparison.restart("whisper")
    comparison.fail("whisper", Cancelled("Stopped."))
    assert not ended(comparison, "whisper").worth_keeping
    assert len(ended(comparison, "whisper").events) == 1


def test_engines_of_another_version_and_damage_are_said(kept: Kept) -> None:
    runs = tuple(
        replace(ran, engine="tomorrow", name="Tomorrow's") if ran.engine == "cascade"
        else replace(ran, events=b"broken") if ran.engine == "rescoring" else ran
        for ran in kept.entry.runs
    )  # fmt: skip
    found = restored(replace(kept.entry, runs=runs), kept.comparison.utterance, catalog.default())
    assert found.notes == (
        "What rescoring did in this run cannot be read any more.",
        "This version has no Tomorrow's; export the run to see them.",
    )
    assert found.comparison.runs["whisper"].status is Status.OK
    assert found.comparison.runs["rescoring"].error is not None


# --- files -----------------------------------------------------------------------------------------------------------


def test_every_form_is_written_and_can_be_read(tmp_path: Path, kept: Kept) -> None:
    for ending in FORMS:
        path = tmp_path / f"out.{ending}"
        export(path, [kept])
        assert path.stat().st_size > 100
    assert len(list(tmp_path.iterdir())) == len(FORMS), "nothing is left beside"
    with opened(tmp_path / "out.triptych") as found:
        assert found.entries == (kept.entry,)
        samples, _ = sound.unpack(found.sound(found.entries[0]).read_bytes())
        assert np.array_equal(samples, kept.comparison.utterance.samples)


def test_plain_text_and_csv(kept: Kept) -> None:
    text = written("txt", [kept])
    assert text.startswith("caller <1>.wav (12.0 s), transcribe, 2026-01-02")
    assert f"\n  {WRONG}\n" in text
    rows = list(csv.DictReader(io.StringIO(written("csv", [kept, kept]))))
    assert len(rows) == 8
    assert rows[0]["transcript"] == WRONG
    assert float(rows[0]["wer"]) > float(rows[1]["wer"]) == 0.0
    assert rows[3]["status"] == "unavailable"


def test_a_cell_is_no_formula(kept: Kept) -> None:
    entry = replace(kept.entry, source="=HYPERLINK(1)")
    assert "'=HYPERLINK" in written("csv", [replace(kept, entry=entry)])


def test_json_has_evidence_versions_and_where_it_ran(kept: Kept) -> None:
    machine = {"system": "Elsewhere", "cores": 99}
    runs = tuple(replace(ran, machine=machine) for ran in kept.entry.runs)
    document = json.loads(written("json", [replace(kept, entry=replace(kept.entry, runs=runs))]))
    assert document["schema"] == 1
    assert document["machine"] == machine
    assert document["results"][1]["evidence"][1]["kind"] == "nbest"
    assert document["history"]["runs"]["rescoring"]["weights"]
    assert isinstance(json.loads(written("json", [kept, kept])), list)


def test_subtitles_stand_where_the_stretches_are(kept: Kept) -> None:
    rescored = kept.comparison.runs["rescoring"]
    assert cues.cues(rescored, 12.0) == ()  # it sent no text before it ended: nothing is on its card
    srt = written("srt", [kept], engine="whisper")
    assert srt.startswith("1\n00:00:00,300 --> 00:00:09,400\nNever tried, ever failed. No mother. Try\n")
    vtt = written("vtt", [kept], engine="whisper")
    assert vtt.startswith("WEBVTT\n\n00:00:00.300 --> 00:00:09.400\n")


def test_subtitles_by_stretch() -> None:
    from tests.gui.runs import segmented_run

    found = cues.cues(segmented_run(), 20.0)
    assert [(cue.start, cue.end) for cue in found] == [(0.3, 9.4), (12.0, 18.5)]
    assert found[1].text == "Yes."
    assert cues.vtt([cues.Cue(3600.0, 3661.5, "a --> <b> & c")]).splitlines()[2:] == [
        "01:00:00.000 --> 01:01:01.500",
        "a → &lt;b&gt; &amp; c",
    ]


class _Page(HTMLParser):
    """What a page would load, and whether its tags close."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"src", "href", "xlink:href", "data", "action"}]
        if tag not in {"meta", "link", "img", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_report_needs_nothing_else(kept: Kept) -> None:
    text = written("html", [kept])
    found = _Page()
    found.feed(text)
    found.close()
    assert found.open == []
    assert all(link.startswith(("#", "data:audio/flac;base64,")) for link in found.links)
    assert found.seen.count("audio") == 2
    assert found.seen.count("svg") == 3
    assert "script" not in found.seen
    assert "https://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "default-src &#x27;none&#x27;" in text or "default-src 'none'" in text
    data = next(link for link in found.links if link.startswith("data:")).partition(",")[2]
    assert np.array_equal(sound.unpack(base64.b64decode(data))[0], kept.comparison.utterance.samples)
    assert "<mark>Never</mark>" in text
    assert "caller &lt;1&gt;.wav" in text
    assert "<1>" not in text


def test_speech_in_the_report_is_marked_for_programs(kept: Kept, tmp_path: Path) -> None:
    found = _Page()
    found.feed(written("html", [kept]))
    files = [tmp_path / f"{number}.flac" for number in range(2)]
    links = [link.partition(",")[2] for link in found.links if link.startswith("data:audio")]
    for file, data in zip(files, links, strict=True):
        file.write_bytes(base64.b64decode(data))
    recording, spoken = map(read_mark, files)
    assert recording is None, "a person spoke it"
    assert spoken is not None
    assert spoken.engine in {run.engine.id for run in kept.runs}


def test_what_engines_write_is_never_markup(kept: Kept) -> None:
    nasty = "<script>alert(1)</script> **bold** `code` <img src=x onerror=y>"
    entry = replace(kept.entry, reference=nasty, source=nasty, notes=(nasty,), tags=(nasty,))
    kept.comparison.utterance = replace(kept.comparison.utterance, reference=nasty)
    text = written("html", [replace(kept, entry=entry)])
    found = _Page()
    found.feed(text)
    assert {"script", "img"}.isdisjoint(found.seen)
    assert text.count("**bold** `code`") >= 3


def test_differences_in_pieces() -> None:
    parts = compared("a big cat", "a cat sat")
    assert "".join(text for text, kind in parts if kind != "lacking") == "a big cat"
    assert ("big", "other") in parts
    assert any(kind == "lacking" and "sat" in text for text, kind in parts)
    assert compared("as it is", None) == (("as it is", "same"),)


def test_what_cannot_be_exported_is_a_sentence(tmp_path: Path, kept: Kept) -> None:
    for wrong in ("a.exe", "noending", ""):
        with pytest.raises(BadOption, match="cannot be exported"):
            require_form(wrong)
    with pytest.raises(BadOption, match="holds one run"):
        written("html", [kept, kept])
    with pytest.raises(BadOption, match="wrote nothing"):
        written("srt", [kept], engine="correction")
    with pytest.raises(BadInput, match="could not be written"):
        export(tmp_path / "no" / "a.txt", [kept])
    empty = Comparison(_utterance(), Task.TRANSCRIBE, None, [])
    with pytest.raises(BadOption, match="No engine wrote"):
        written("srt", [Kept(kept.entry, empty)])
    assert written("html", [Kept(replace(kept.entry, runs=()), empty)])


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    path = tmp_path / "a.txt"
    path.write_text("old")

    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(DiskFull):
            export(path, [kept])
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]
