"""Measuring engines: everything once, nothing lost by a kill, failures counted as what they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engines.audio.conditions import Condition
from engines.catalog import Catalogue
from engines.contract import Task
from engines.errors import BadInput, WeightsMissing
from engines.evaluation import following, protocol
from engines.evaluation.corpora import Clip
from engines.evaluation.protocol import Sizes, cases, measure, of_protocol, version
from engines.evaluation.records import Records
from engines.evaluation.runs import Case, Outcome
from engines.host import Host
from tests.engines import fakes
from tests.evaluation.test_corpora import write_prompts

OFFERED = Catalogue(
    factories=dict.fromkeys(("fake", "other"), "tests.engines.fakes:build"),
    extra=(fakes.describe("fake"), fakes.describe("other", Task.TRANSLATE)),
)


def clip(name: str, samples: int = 1600, text: str = "hello 1600") -> Clip:
    return Clip(name, "unseen", "me", "en", text, None, samples / 16_000, lambda: np.full(samples, 0.01, np.float32))


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Host(catalogue=OFFERED, provider="CPU") as made:
        yield made


def failing(deed: str) -> Catalogue:
    described = fakes.describe("fake")
    option = described.options["deed"].model_copy(update={"default": deed})
    changed = described.model_copy(update={"options": {**described.options, "deed": option}})
    return Catalogue(factories={"fake": "tests.engines.fakes:build"}, extra=(changed,))


def test_every_engine_is_measured_once_on_every_case(host: Host, tmp_path: Path) -> None:
    wanted = [Case(clip("a"), Condition()), Case(clip("b", 3200), Condition("white", 10.0))]
    records = Records(tmp_path / "records.jsonl")
    told: list[tuple[int, int]] = []
    measure(
        host, ["fake", "other"], wanted, records, catalogue=OFFERED, machine="here",
        report=lambda done, total, what: told.append((done, total)),
    )  # fmt: skip
    assert told == [(0, 2), (1, 2)]
    first, second = records
    assert (first.engine, first.clip, first.condition, first.failure) == ("fake", "a", "clean", "")
    assert (first.hits, first.errors.total) == (2, 0)
    assert (second.hits, second.substitutions) == (1, 1)
    assert second.condition == "white-10"
    assert first.work >= first.stages["encode"] >= 0
    assert first.machine == "here"
    assert of_protocol(records, ["fake", "other"], wanted, catalogue=OFFERED) == [first, second]


def test_a_killed_run_goes_on(host: Host, tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    wanted = [Case(clip(name), Condition()) for name in "abc"]
    measure(host, ["fake"], wanted[:2], Records(file), catalogue=OFFERED)
    with file.open("ab") as half:
        half.write(b'{"engine": "fa')  # killed while it wrote
    records = Records(file)
    told: list[int] = []
    measure(host, ["fake"], wanted, records, catalogue=OFFERED, report=lambda _, total, __: told.append(total))
    assert told == [1]
    assert len(Records(file)) == 3
    assert all(json.loads(line)["engine"] == "fake" for line in file.read_text().splitlines())


def test_failures_are_recorded_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "version", lambda _: "the same")
    broken = failing("fault")
    records = Records(tmp_path / "records.jsonl")
    with Host(catalogue=broken, provider="CPU") as host:
        measure(host, ["fake"], [Case(clip("a"), Condition())], records, catalogue=broken)
    (record,) = records
    assert record.failure.startswith("InternalError")
    assert (record.hypothesis, record.deletions) == ("", 2)
    with Host(catalogue=OFFERED, provider="CPU") as host:
        measure(host, ["fake"], [Case(clip("a"), Condition())], records, catalogue=OFFERED)
    assert [found.failure for found in Records(tmp_path / "records.jsonl")] == [""]


def test_an_engine_that_lacks_something_is_left_out(tmp_path: Path) -> None:
    lacking = failing("missing")
    records = Records(tmp_path / "records.jsonl")
    with Host(catalogue=lacking, provider="CPU") as host:
        told = measure(host, ["fake"], [Case(clip(name), Condition()) for name in "ab"], records, catalogue=lacking)
    assert "model x" in told["fake"]
    assert len(records) == 0


def test_what_an_engine_lacks_in_mid_run_counts_as_failed(
    tmp_path: Path, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, asked = protocol.hear_out, list[str]()

    def losing(host: Host, engine: str, *args: object, **options: object) -> Outcome:
        asked.append(engine)
        if len(asked) > 2:
            raise WeightsMissing("The model x is gone.", "Fetch it.")
        return whole(host, engine, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(protocol, "hear_out", losing)
    records = Records(tmp_path / "records.jsonl")
    told = measure(host, ["fake"], [Case(clip(name), Condition()) for name in "abc"], records, catalogue=OFFERED)
    assert told == {"fake": "The model x is gone. Fetch it."}
    assert [bool(record.failure) for record in records] == [False, True, True]
    assert len(asked) == 3, "it is not asked again"
    assert [record.deletions for record in records] == [0, 2, 2]


def test_repetitions_are_runs_of_their_own(tmp_path: Path, host: Host) -> None:
    records = Records(tmp_path / "records.jsonl")
    measure(host, ["fake"], [Case(clip("a"), Condition(), repetition=n) for n in range(3)], records, catalogue=OFFERED)
    assert [record.repetition for record in Records(tmp_path / "records.jsonl")] == [0, 1, 2]
    first = next(iter(records))
    assert first.software.startswith("triptych ")
    assert (first.provider, first.seed) == ("CPU", 0)
    assert first.measured.endswith("+00:00")


def test_an_engine_that_hangs_is_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "PATIENCE_SECONDS", 1.0)
    slow = failing("slow")
    records = Records(tmp_path / "records.jsonl")
    with Host(catalogue=slow, provider="CPU") as host:
        measure(host, ["fake"], [Case(clip("a"), Condition())], records, catalogue=slow)
    (record,) = records
    assert "Nothing came" in record.failure


def test_the_protocol_has_its_conditions(tmp_path: Path) -> None:
    write_prompts(tmp_path, 20)
    unseen = len(cases(None)) // 5
    found = cases(tmp_path, Sizes(prompts=4, noisy=2, translated=1))
    names = [case.condition.name for case in found]
    assert names.count("clean") == 4 + unseen
    for level in ("20", "10", "5", "0"):
        assert names.count(f"babble-{level}") == 2 + unseen
    assert all(case.task is Task.TRANSCRIBE for case in found)  # no English for these prompts
    with pytest.raises(BadInput):
        cases(tmp_path / "nowhere")


def test_other_weights_are_another_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIPTYCH_ADAPTERS", str(tmp_path))
    described = fakes.describe("latent-x").model_copy(update={"adapters": ("trunk", "latent-x")})
    found = {version(described), version(fakes.describe("latent-x"))}
    (tmp_path / "latent-x").mkdir()
    (tmp_path / "latent-x" / "adapter.onnx").write_bytes(b"1")
    found.add(version(described))
    (tmp_path / "trunk").mkdir()
    (tmp_path / "trunk" / "trunk.onnx").write_bytes(b"1")
    found.add(version(described))
    assert len(found) == 4
    assert version(described) in found


def test_a_file_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    file.write_text('{"engine": 1}\n')
    with pytest.raises(BadInput, match="Line 1"):
        Records(file)
    with pytest.raises(BadInput, match="cannot be read"):
        Records(tmp_path)
