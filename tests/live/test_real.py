"""Live with the real recogniser and the real detector, on a bundled recording."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from app.live import setting
from engines import catalog
from engines.audio.samples import load_sample
from engines.audio.vad import VoiceActivity
from engines.evaluation.metrics import word_errors
from engines.live.asking import Asked
from engines.live.driving import simulate
from engines.live.events import LiveEvent, Words, Written
from engines.live.governor import Limits


def test_speech_that_comes_in_blocks_has_the_probabilities_of_the_whole(model_home: Path) -> None:
    detector = VoiceActivity.open(model_home / "silero-vad")
    samples = np.asarray(load_sample("es-folder").samples)
    whole = detector.probabilities(samples)
    stream, parts, at = detector.stream(), [], 0
    for frames in (1, 2, 7, 30, 1000):
        parts.append(stream.probabilities(samples[at : at + frames * 512]))
        at += frames * 512
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-5)
    assert stream.probabilities(np.zeros(0, np.float32)).shape == (0,)


def test_whisper_writes_while_somebody_speaks(model_home: Path) -> None:
    utterance = load_sample("en-caller")
    engines = (catalog.default().describe("whisper"),)
    # how fast this machine is must not decide what is heard
    found = setting(engines, Asked(language="en"), catalogue=catalog.default())
    found = replace(found, limits=Limits(late=1e6, in_time=1e6, longest_run=1e6))
    events: list[LiveEvent] = []
    silence = np.zeros(16_000, np.float32)
    simulate(found, np.concatenate([np.asarray(utterance.samples), silence]), events.append)
    written = [event.text for event in events if isinstance(event, Written)]
    shown = " ".join(
        "".join(event.final for event in events if isinstance(event, Words) and event.phrase == phrase)
        for phrase in range(len(written))
    )
    assert " ".join(written) == shown
    assert word_errors(utterance.reference or "", shown).rate < 0.25
