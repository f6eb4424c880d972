"""Comparing what learns on lists: every system gets the same lists, and proposals are weighed as the engines do it."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from engines.contract import SpeechStates
from engines.evaluation import list_learners
from engines.evaluation.list_learners import Outcome
from engines.models.causal_lm import CausalLM
from engines.training.text.degradation import Condition
from engines.training.text.lists import Clip, NBestList


@pytest.fixture(autouse=True)
def nothing_trained(monkeypatch, tmp_path):
    monkeypatch.setenv("TRIPTYCH_ADAPTERS", str(tmp_path))


class Model(CausalLM):
    """Writes one text always, and finds texts with “pair” likely."""

    name = "Gemma 3 270M"

    def __init__(self, writes: str) -> None:
        self.writes = writes

    def generate(self, prompt, **settings):
        yield f" {self.writes}"

    def score(self, prefix, continuations, *, lora=None):
        return [(-1.0 if "pair" in text else -9.0, 3) for text in continuations]


class Recogniser:
    def encode(self, samples):
        return SpeechStates(np.zeros((1500, 4), np.float32), 1.0)

    def score(self, states, texts, *, language):
        return [(-3.2 if "pair" in text else -30.0, 3) for text in texts]


class Components:
    def __init__(self, writes: str) -> None:
        self.model = Model(writes)

    def language_model(self, options):
        return self.model

    def recogniser(self):
        return Recogniser()


def listed(*texts: str) -> NBestList:
    state = base64.b64encode(np.zeros(4, np.float16).tobytes()).decode()
    scores = tuple(-3.0 - 0.1 * n for n in range(len(texts)))
    return NBestList(
        "c noisy transcribe", "c", "noisy", "noisy", "en", "transcribe", "test", "a pair", texts, scores,
        (3,) * len(texts), (-1.0,) * 3, 1.0, state,
    )  # fmt: skip


def clip() -> Clip:
    return Clip("c", lambda: np.zeros(16000, np.float32), "a pair", "en", "test", Condition("noisy"))


def outcome(writes: str, *texts: str, speech: bool = True) -> Outcome:
    clips = {clip().key: clip()} if speech else {}
    return next(list_learners.compare(Components(writes), [listed(*texts)], clips))


def test_a_good_proposal_passes_and_a_made_up_one_does_not():
    good = outcome("a pair", "a pear", "a bear")
    assert good.texts["examples"] == good.texts["examples, weighed"] == "a pair"
    bad = outcome("a house", "a pear", "a bear")
    assert bad.texts["examples"] == "a house"
    assert bad.texts["examples, weighed"] == "a pear"


def test_without_speech_nothing_is_weighed_and_without_weights_nothing_learnt_is_run():
    found = outcome("a pair", "a pear", "a pair", speech=False)
    assert set(found.texts) == {"whisper", "rescoring", "examples"}
    assert found.texts["rescoring"] == "a pair"


def test_lists_that_agree_are_left_alone():
    assert outcome("a house", "A pear.", "a pear").texts["examples"] == "A pear."


def test_the_table_has_every_system_the_oracles_and_paired_tests():
    made = [
        Outcome(f"k{n}", "noisy:5", "a pair", "en", ("a pear", "one pair"), {"whisper": "a pear", "x": "a pair"})
        for n in range(12)
    ]
    lines = {line.system: line for line in list_learners.table(made)}
    assert lines["whisper"].errors.rate == 0.5
    assert lines["x"].errors.rate == 0
    assert lines["x"].against is not None
    assert lines["x"].against.p < 0.01
    assert lines["o_nb"].errors.rate == 0.5
    assert lines["o_cp"].errors.rate == 0
    text = list_learners.markdown(list(lines.values()))
    assert "| whisper | 50.00 |" in text
    assert "24 words" in text
