from __future__ import annotations

from pathlib import Path

import pytest

from engines.errors import BadInput
from engines.evaluation import published

SOURCE = '[sources.paper]\ntitle = "A paper"\naddress = "arXiv:1"\nkind = "paper"\n'
RESULT = """[[result]]
system = "S"
paradigm = "text"
how = "cascade"
task = "transcribe"
corpus = "C"
metric = "WER"
value = 2.0
source = "paper"
"""


def test_every_published_number_has_a_source() -> None:
    found = published.read()
    assert len(found.result) > 40
    assert {one.source for one in found.result} <= set(found.sources)
    assert {one.paradigm for one in found.result} == {"baseline", "text", "latent", "token"}


def test_sources_that_disagree_are_found() -> None:
    disputed = published.read().disputed()
    assert ("Whisper-large-v2", "LibriSpeech test-clean", "WER") in disputed
    assert ("SALMONN", "LibriSpeech test-clean", "WER") not in disputed


def test_theory_and_measurement_are_told_apart() -> None:
    corpora = {one.corpus: one.value for one in published.read().of_task(["latency"]) if one.system == "Moshi"}
    assert corpora == {"in theory": 160, "measured on an L4": 200}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (RESULT, "sources"),
        (SOURCE + RESULT.replace('"paper"', '"nowhere"'), "nowhere"),
        (SOURCE + RESULT + RESULT, "twice"),
        (SOURCE + RESULT.replace("2.0", "-1"), "greater than or equal"),
        ("[", "holds no published results"),
    ],
)
def test_a_file_that_says_something_impossible_is_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "published.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match=said):
        published.read(file)
