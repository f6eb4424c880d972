from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engines import catalog
from engines.contract import Request, Utterance
from engines.evaluation import kept_costs
from engines.evaluation.cost import Cost, Setting, Spread
from engines.evaluation.kept import Kept
from engines.work import StageWork, Work

ASKED = Request(Utterance(np.zeros(16_000, np.float32), "digest", "me"))
COST = Cost(
    "whisper", "Whisper base", "baseline", 1.0, Setting(), Spread(0.2, 0.3, 5), first_text=Spread(0.1, 0.1, 5),
    work=Work((StageWork("encode", 2e9, positions=3),)),
)  # fmt: skip


def test_costs_are_measured_once_and_failures_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def measure(engine: str, *_: object) -> Cost:
        asked.append(engine)
        return COST if engine == "whisper" else Cost(engine, engine, "text", 1.0, Setting(), failed="It is not there.")

    monkeypatch.setattr("engines.evaluation.costing.measure", measure)
    offered, file = catalog.default(), tmp_path / "kept.jsonl"
    for _ in range(2):
        found = Kept(file)
        kept_costs.measure(["whisper", "rescoring"], ASKED, found, catalogue=offered, machine="a")
        assert kept_costs.outcomes(["whisper", "rescoring"], ASKED, found, catalogue=offered, machine="a") == [COST]
    assert asked == ["whisper", "rescoring", "rescoring"]
    (kept,) = kept_costs.outcomes(["whisper"], ASKED, Kept(file), catalogue=offered, machine="a")
    assert kept.flops_per_second == 2e9
    assert not kept_costs.outcomes(["whisper"], ASKED, Kept(file), catalogue=offered, machine="another")
