"""The adapters that are shipped, on real speech: they read it, and end within bounds where there is none."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from engines import catalog
from engines.audio.load import from_samples
from engines.audio.samples import load_sample
from engines.contract import EvidenceFound, Finished, Request, SpeechTokens, Task, TokenScores
from engines.evaluation.metrics import word_errors
from engines.latent.engine import MORE_PIECES, PIECES_PER_SECOND, Latent
from engines.models.components import Components

ENGINES = tuple(engine.id for engine in catalog.default().engines if engine.paradigm == "latent")
WORST = 0.8
"""Far above what they are measured at (docs/results/adapters.md): a broken one writes something else altogether."""


@pytest.fixture(scope="module")
def components(model_home) -> Components:
    return Components()


def run(components, engine, request):
    events = list(Latent(components, engine).run(request))
    assert isinstance(events[-1], Finished)
    return events


def pieces(events):
    found = [e.evidence for e in events if isinstance(e, EvidenceFound)]
    written = [token for each in found if isinstance(each, TokenScores) for token in each.tokens]
    seconds = sum(each.seconds for each in found if isinstance(each, SpeechTokens))
    return written, seconds, sum(isinstance(each, SpeechTokens) for each in found)


@pytest.mark.parametrize("engine", ENGINES)
def test_english_is_read(components, engine):
    utterance = load_sample("en-demonstration")
    result = run(components, engine, Request(utterance))[-1].result
    assert word_errors(utterance.reference, result.transcript, "en").rate < WORST


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("sample", ["es-number", "fr-number"])
def test_speech_is_translated_into_english(components, engine, sample):
    events = run(components, engine, Request(load_sample(sample), Task.TRANSLATE, "en"))
    words = Counter(events[-1].result.translation.casefold().split())
    assert words
    assert words.most_common(1)[0][1] <= 4


def sounds():
    random = np.random.default_rng(1)
    rate = 16_000
    time = np.arange(30 * rate) / rate
    return {
        "silence": np.zeros(2 * rate),
        "noise": random.normal(0, 0.3, 5 * rate),
        "music": sum(np.sin(2 * np.pi * f * time) for f in (220, 277, 330)) * 0.2 * (1 + np.sin(4 * np.pi * time)),
        "thirty seconds": load_sample("en-demonstration").samples[: 30 * rate],
        "a tenth of a second": load_sample("en-caller").samples[rate : rate + rate // 10],
    }


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", sounds())
def test_whatever_is_heard_the_text_is_bounded(components, engine, name):
    utterance = replace(from_samples(sounds()[name].astype(np.float32), 16_000, name), language="en")
    written, seconds, stretches = pieces(run(components, engine, Request(utterance)))
    assert len(written) <= PIECES_PER_SECOND * seconds + MORE_PIECES * stretches
    if name == "silence":
        assert not written
