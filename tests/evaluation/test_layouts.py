"""Corpora as they are published, built small from real speech and read by the bench."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pytest
import soundfile as sf
from pyarrow import parquet as pq

from engines.audio.decoders import announced
from engines.audio.load import load
from engines.audio.samples import Sample, list_samples
from engines.errors import BadInput, BadOption, Unavailable
from engines.evaluation import bench_corpora, bench_spec
from engines.evaluation.bench_spec import Spec
from engines.evaluation.layouts import parquet
from engines.evaluation.runs import Case

SAMPLES = {sample.id: sample for sample in list_samples()}
FRENCH = SAMPLES["fr-queue"]
SPANISH = SAMPLES["es-number"], SAMPLES["es-queue"], SAMPLES["es-folder"]
ENGLISH = SAMPLES["en-callers"]
LONG = SAMPLES["en-demonstration"]


def write_sound(sample: Sample, file: Path) -> Path:
    """The sample in the format of the file's name."""
    file.parent.mkdir(parents=True, exist_ok=True)
    samples = np.array(load(sample.path).samples)
    if file.suffix != ".mp3":
        sf.write(file, samples, 16_000, format="OGG" if file.suffix == ".opus" else None,
                 subtype="OPUS" if file.suffix == ".opus" else None)  # fmt: skip
        return file
    with av.open(str(file), "w") as container:
        stream = container.add_stream("mp3", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = 16_000
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return file


def write_table(file: Path, *rows: tuple[object, ...]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows), encoding="utf-8")


def heard(folder: Path, kind: str, task: str = "asr", **said: Any) -> tuple[list[Case], list[str]]:
    corpus = {"name": "mine", "kind": kind, "task": task, "path": ".", **said}
    wanted = bench_spec.wanted(Spec.model_validate({"engines": ["whisper"], "corpus": [corpus]}), folder)
    return list(wanted.cases), list(wanted.problems)


def same_sound(case: Case, sample: Sample) -> None:
    """A lossy copy delays and rounds, but is as long and as loud."""
    read, whole = case.clip.read(), np.array(load(sample.path).samples)
    assert read.dtype == np.float32
    assert read.shape[0] == pytest.approx(whole.shape[0], abs=2500)
    assert np.sqrt(np.mean(read**2)) == pytest.approx(np.sqrt(np.mean(whole**2)), rel=0.1)
    assert case.clip.seconds == pytest.approx(whole.shape[0] / 16_000, abs=0.2)


@pytest.mark.parametrize("ending", ["mp3", "opus", "flac", "wav"])
def test_lengths_are_read_from_headers(tmp_path: Path, ending: str) -> None:
    file = write_sound(FRENCH, tmp_path / f"a.{ending}")
    assert announced(file) == pytest.approx(load(file).samples.shape[0] / 16_000, abs=0.12)


def test_covost_gives_speech_and_its_translation(tmp_path: Path) -> None:
    write_sound(FRENCH, tmp_path / "clips" / "common_voice_fr_1.mp3")
    table = tmp_path / "covost_v2.fr_en.test.tsv"
    head = ("path", "sentence", "translation", "client_id")
    said = f'"{FRENCH.reference}'
    write_table(table, head, ("common_voice_fr_1.mp3", said.replace('"', '\\"'), FRENCH.translation, "x"))
    (case,), problems = heard(tmp_path, "covost2", "s2tt")
    assert not problems
    clip = case.clip
    assert (clip.id, clip.language, clip.text) == ("common_voice_fr_1", "fr", said)
    assert (clip.english, clip.speaker) == (FRENCH.translation, "x")
    same_sound(case, FRENCH)
    write_table(table, ("path", "translation"), ("common_voice_fr_1.mp3", "x"))
    with pytest.raises(BadInput, match="has no column sentence"):
        heard(tmp_path, "covost2")
    with pytest.raises(BadInput, match=r"There is no .*dev.tsv") as caught:
        heard(tmp_path, "covost2", split="dev")
    assert caught.value.hint == "There are the splits test."


def test_covost_is_read_as_it_is_downloaded(tmp_path: Path) -> None:
    voice = tmp_path / "cv" / "clips"
    write_sound(FRENCH, voice / "common_voice_fr_1.mp3")
    write_sound(FRENCH, voice / "common_voice_fr_2.mp3")
    head = ("path", "translation", "split")
    rows = [(f"common_voice_fr_{n}.mp3", FRENCH.translation, split) for n, split in ((1, "test"), (2, "train_covost"))]
    write_table(tmp_path / "covost_v2.fr_en.tsv", head, *rows)
    write_table(tmp_path / "covost_v2.sv-SE_en.tsv", head)
    said = [("x", f"common_voice_fr_{n}.mp3", FRENCH.reference) for n in (1, 2)]
    write_table(tmp_path / "validated.tsv", ("client_id", "path", "sentence"), *said)
    for split, name in (("test", "common_voice_fr_1"), ("train", "common_voice_fr_2")):
        (case,), _ = heard(tmp_path, "covost2", language="fr", clips="cv/clips", split=split)
        assert (case.clip.id, case.clip.text, case.clip.language) == (name, FRENCH.reference, "fr")
    with pytest.raises(BadInput, match="has fr, sv-SE, and none is named"):
        heard(tmp_path, "covost2")
    with pytest.raises(BadInput, match="'de' is none of them"):
        heard(tmp_path, "covost2", language="de")


def test_common_voice_is_not_quoted(tmp_path: Path) -> None:
    folder = tmp_path / "es"
    rows = []
    for number, sample in enumerate(SPANISH):
        write_sound(sample, folder / "clips" / f"common_voice_es_{number}.mp3")
        text = f'"{sample.reference}' if number == 1 else sample.reference + " \u2028 sí"
        rows.append((f"who{number}", f"common_voice_es_{number}.mp3", text, "es"))
    write_table(folder / "test.tsv", ("client_id", "path", "sentence", "locale"), *rows)
    cases, problems = heard(tmp_path, "commonvoice", path="es")
    assert not problems
    assert [case.clip.text for case in cases] == [row[2] for row in rows]
    assert {(case.clip.language, case.clip.speaker) for case in cases} == {("es", f"who{n}") for n in range(3)}
    for case, sample in zip(cases, SPANISH, strict=True):
        same_sound(case, sample)
    write_table(folder / "clip_durations.tsv", ("clip", "duration[ms]"), ("common_voice_es_2.mp3", 31_000))
    cases, problems = heard(tmp_path, "commonvoice", language="es")
    assert (len(cases), problems) == (2, ["mine: common_voice_es_2 is left out: it is longer than 30 s."])


def test_a_bad_common_voice_is_told_and_the_rest_is_heard(tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    write_sound(FRENCH, clips / "good.mp3")
    write_sound(LONG, clips / "long.mp3")
    (clips / "broken.mp3").write_bytes(b"this is no sound " * 20)
    names = ("good", "good", "empty", "long", "broken", *(f"gone{number}" for number in range(30)))
    rows = [("c", f"{name}.mp3", "" if name == "empty" else "un mot", "fr") for name in names]
    write_table(tmp_path / "dev.tsv", ("client_id", "path", "sentence", "locale"), *rows, ("c", "good2.mp3"))
    (case,), problems = heard(tmp_path, "commonvoice", split="dev", language="fr")
    assert case.clip.id == "good"
    told = "\n".join(problems)
    for part in (
        "good is left out: its id is there twice", "empty is left out: its reference is empty",
        "long is left out: it is longer than 30 s", "broken.mp3 is no sound", "gone0.mp3 is missing",
        "mine: 15 more are left out",
    ):  # fmt: skip
        assert part in told
    assert len(problems) == 21


def test_fleurs_finds_the_translations_beside(tmp_path: Path) -> None:
    data = tmp_path / "data"
    rows = []
    for number, sample in enumerate((SPANISH[0], SPANISH[0], SPANISH[1])):
        write_sound(sample, data / "es_419" / "audio" / "test" / f"{number}.wav")
        text = sample.reference.lower().replace(",", "").replace(".", "")
        rows.append((7 + number // 2, f"{number}.wav", sample.reference, text, "e l |", 9, "FEMALE"))
    write_table(data / "es_419" / "test.tsv", *rows)
    english = [(number, "9.wav", SPANISH[number - 7].translation, "x", "x", 1, "MALE") for number in (7, 8)]
    write_table(data / "en_us" / "test.tsv", *english)
    cases, problems = heard(tmp_path, "fleurs", "s2tt", path="data/es_419")
    assert not problems
    assert [case.clip.id for case in cases] == ["0", "1", "2"]
    assert [case.clip.english for case in cases] == [SPANISH[n].translation for n in (0, 0, 1)]
    assert {case.clip.language for case in cases} == {"es"}
    assert cases[0].clip.text == rows[0][3]
    same_sound(cases[2], SPANISH[1])
    (data / "es_419" / "audio" / "test").rename(data / "es_419" / "test")
    assert len(heard(tmp_path, "fleurs", path="data", language="es_419")[0]) == 3
    write_table(data / "es_419" / "test.tsv", ("7", "0.wav"))
    with pytest.raises(BadInput, match=r"Line 1 of .*test.tsv has 2 columns"):
        heard(tmp_path, "fleurs", path="data/es_419")


@pytest.mark.parametrize("ending", ["flac", "opus"])
def test_multilingual_librispeech_lies_by_speaker_and_book(tmp_path: Path, ending: str) -> None:
    folder = tmp_path / "mls_french" / "test"
    write_sound(FRENCH, folder / "audio" / "10058" / "10792" / f"10058_10792_000000.{ending}")
    (folder / "transcripts.txt").write_text(f"10058_10792_000000\t{FRENCH.reference}\n", encoding="utf-8")
    for path in ("mls_french", "mls_french/test"):
        (case,), problems = heard(tmp_path, "mls", path=path)
        assert not problems
        assert (case.clip.speaker, case.clip.language, case.clip.text) == ("10058", "fr", FRENCH.reference)
        same_sound(case, FRENCH)
    (tmp_path / "mls_french").rename(tmp_path / "books")
    with pytest.raises(BadInput, match="Nothing tells the language"):
        heard(tmp_path, "mls", path="books")
    assert heard(tmp_path, "mls", path="books", language="fr", split="test")[0]
    (tmp_path / "books" / "test" / "transcripts.txt").write_text("10058_10792_000000 un mot\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"Line 1 of .* has no tab"):
        heard(tmp_path, "mls", path="books", language="fr")


def test_instructions_carry_a_good_answer(tmp_path: Path) -> None:
    write_sound(ENGLISH, tmp_path / "a.wav")
    rows = [{"audio": "a.wav", "text": ENGLISH.reference, "answer": "Thank you."}]
    rows.append({"id": "b", "audio": "a.wav", "text": ENGLISH.reference})
    (tmp_path / "asked.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    cases, _ = heard(tmp_path, "instructions", path="asked.jsonl")
    assert [case.clip.answer for case in cases] == ["Thank you.", None]
    (tmp_path / "asked.csv").write_text('audio,text,answer\na.wav,"One\ntwo.",Yes.\n', encoding="utf-8")
    (case,), _ = heard(tmp_path, "instructions", path="asked.csv")
    assert (case.clip.text, case.clip.answer) == ("One\ntwo.", "Yes.")


def write_parquet(folder: Path, name: str, *, groups: int = 100, **columns: list[Any]) -> None:
    """A file with a row for every Spanish sample, as ``datasets`` writes it: whole sound files inside."""
    sounds = []
    for number, sample in enumerate(SPANISH):
        file = write_sound(sample, folder / f"sound{number}.{'mp3' if number == 1 else 'wav'}")
        sounds.append({"bytes": file.read_bytes(), "path": file.name})
        file.unlink()
    pq.write_table(pa.table({"audio": sounds, **columns}), folder / name, row_group_size=groups)


TEXTS = [sample.reference for sample in SPANISH]


@pytest.mark.parametrize("groups", [1, 2, 100])
def test_parquet_is_read_row_by_row(tmp_path: Path, groups: int) -> None:
    english = [sample.translation for sample in SPANISH]
    write_parquet(
        tmp_path, "test-00000-of-00001.parquet", groups=groups, sentence=TEXTS, translation=english, id=[7, 7, 8],
        path=["a/x.mp3", "a/y.mp3", "a/z.mp3"], client_id=["p", "p", "q"], locale=["es"] * 3,
    )  # fmt: skip
    cases, problems = heard(tmp_path, "parquet", "s2tt")
    assert not problems
    assert [case.clip.id for case in cases] == ["x", "y", "z"]
    assert [case.clip.english for case in cases] == english
    assert [case.clip.speaker for case in cases] == ["p", "p", "q"]
    assert {case.clip.language for case in cases} == {"es"}
    for number in (2, 0, 1, 1, 0, 2):
        same_sound(cases[number], SPANISH[number])


def test_the_columns_of_parquet_can_be_named(tmp_path: Path) -> None:
    write_parquet(tmp_path, "a.parquet", words=TEXTS, key=["a", "b", "a"])
    with pytest.raises(BadInput, match="no column that is known to hold the text") as caught:
        heard(tmp_path, "parquet")
    assert caught.value.hint == "There are audio, words, key; name one with text_column = …"
    with pytest.raises(BadInput, match="no column 'wards'"):
        heard(tmp_path, "parquet", text_column="wards")
    with pytest.raises(BadInput, match="no column 'nothing'"):
        heard(tmp_path, "parquet", text_column="words", audio_column="nothing")
    cases, problems = heard(tmp_path, "parquet", text_column="words", id_column="key", language="es")
    assert [case.clip.text for case in cases] == TEXTS[:2]
    assert problems == ["mine: a is left out: its id is there twice."]
    cases, _ = heard(tmp_path, "parquet", text_column="words")
    assert [case.clip.id for case in cases] == ["a-0", "a-1", "a-2"]


def test_bad_parquet_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"holds no \*.parquet"):
        heard(tmp_path, "parquet")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 not really PAR1")
    with pytest.raises(BadInput, match="is no Parquet file"):
        heard(tmp_path, "parquet")
    write_sound(ENGLISH, tmp_path / "beside.wav")
    sounds = [{"bytes": b"noise", "path": "a.wav"}, {"bytes": None, "path": "gone.wav"},
              {"bytes": None, "path": "beside.wav"}, None]  # fmt: skip
    pq.write_table(pa.table({"audio": sounds, "text": ["one", "two", "three", "four"]}), tmp_path / "bad.parquet")
    (case,), problems = heard(tmp_path, "parquet")
    same_sound(case, ENGLISH)
    told = "\n".join(problems)
    for part in ("bad-0 is left out: its sound cannot be read", "gone.wav is missing", "bad-3 is left out: it has no"):
        assert part in told
    pq.write_table(pa.table({"audio": [1.5], "text": ["one"]}), tmp_path / "bad.parquet")
    with pytest.raises(BadInput, match=r"The column 'audio' of .* is double, not sound"):
        heard(tmp_path, "parquet")


def test_splits_of_parquet_are_not_mixed(tmp_path: Path) -> None:
    write_parquet(tmp_path, "test-00000-of-00002.parquet", text=TEXTS)
    write_parquet(tmp_path, "test-00001-of-00002.parquet", text=TEXTS)
    write_parquet(tmp_path, "train-00000-of-00001.parquet", text=TEXTS)
    with pytest.raises(BadInput, match="has the splits test, train, and none is named"):
        heard(tmp_path, "parquet", language="es")
    cases, problems = heard(tmp_path, "parquet", language="es", split="test")
    assert (len(cases), problems) == (6, [])
    same_sound(cases[4], SPANISH[1])
    with pytest.raises(BadInput, match="has no split 'dev'"):
        heard(tmp_path, "parquet", split="dev")


def test_parquet_needs_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_parquet(tmp_path, "a.parquet", text=TEXTS)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(Unavailable) as caught:
        heard(tmp_path, "parquet")
    assert 'pip install "triptych[parquet]"' in caught.value.hint


def test_a_file_is_never_in_memory_whole(tmp_path: Path) -> None:
    """Of 64 MB in eight groups of rows little more than one is held."""
    size = 1 << 20
    head = write_sound(ENGLISH, tmp_path / "a.wav").read_bytes()
    sounds = [{"bytes": head + np.random.default_rng(n).bytes(size), "path": "a.wav"} for n in range(64)]
    pq.write_table(pa.table({"audio": sounds, "text": ["one"] * 64}), tmp_path / "big.parquet", row_group_size=8)
    del sounds
    before = pa.total_allocated_bytes()
    file = parquet._File(tmp_path / "big.parquet")
    most = 0
    for _ in file.rows(["audio", "text"]):
        most = max(most, pa.total_allocated_bytes() - before)
    assert most < 32 * size


def test_a_kind_takes_only_what_it_reads() -> None:
    with pytest.raises(BadOption, match="takes no clips"):
        bench_corpora.kind_of("mls", frozenset({"clips"}))
