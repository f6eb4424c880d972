"""Whisper base here against faster-whisper int8: same weights, same recordings, same threads, one run.

    python -m tests.benchmarks.whisper [--prompts DIR] [--limit 20] [--threads 2] [--rounds 5] [--optimum]

Rounds are interleaved after a warm-up; a round is the time for all recordings; medians and their ratio are reported,
and word error rates over all recordings. ``--optimum`` adds the graphs that optimum exports (made with
``python -m tests.benchmarks.optimum_export DIR``, which tells where the folder belongs). Needs the ``peers`` extra and
the fetched weights.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from engines.contract import Recognised, Task, Utterance
from engines.evaluation.metrics import Errors, word_errors
from engines.evaluation.peers import faster_whisper, optimum_graphs
from engines.evaluation.peers.peer import Peer
from engines.models.components import Components
from engines.models.whisper import WhisperRecogniser
from engines.runtime import sessions
from engines.weights import graphs
from tests.benchmarks.recordings import recordings

Transcribe = Callable[[Utterance], str]


def own(recogniser: WhisperRecogniser, beam: int) -> Transcribe:
    """Whisper here."""

    def transcribe(utterance: Utterance) -> str:
        *_, found = recogniser.nbest(recogniser.encode(utterance.samples), language="en", beam=beam)
        assert isinstance(found, Recognised)
        return found.hypotheses[0].text

    return transcribe


def other(found: Peer, beam: int) -> Transcribe:
    """Another program, as the bench runs it."""
    found.require()
    recognise = found.open(Components(), {"beam": beam})
    return lambda utterance: recognise(utterance.samples, "en", Task.TRANSCRIBE)


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=Path)
    parser.add_argument("--limit", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--optimum", action="store_true")
    options = parser.parse_args()

    utterances = recordings(options.prompts, "en", options.limit)
    sessions.configure(sessions.RuntimeSettings(threads=options.threads))
    recogniser = WhisperRecogniser.open(graphs.locate("whisper-base"))
    systems: dict[str, Transcribe] = {}
    for beam in (1, 5):
        systems[f"here, beam {beam}"] = own(recogniser, beam)
        systems[f"faster-whisper int8, beam {beam}"] = other(faster_whisper.PEER, beam)
        if options.optimum:
            systems[f"optimum fp32, beam {beam}"] = other(optimum_graphs.PEER, beam)

    seconds: dict[str, list[float]] = {name: [] for name in systems}
    texts: dict[str, list[str]] = {}
    for turn in range(options.rounds + 1):
        for name, transcribe in systems.items():
            began = time.perf_counter()
            texts[name] = [transcribe(utterance) for utterance in utterances]
            if turn:
                seconds[name].append(time.perf_counter() - began)
    audio = sum(utterance.seconds for utterance in utterances)
    print(f"{len(utterances)} recordings, {audio:.0f} s, {options.threads} threads, median of {options.rounds} rounds")
    for beam in (1, 5):
        peer = statistics.median(seconds[f"faster-whisper int8, beam {beam}"])
        for name in (name for name in systems if name.endswith(f"beam {beam}")):
            median = statistics.median(seconds[name])
            errors = sum(
                (word_errors(str(u.reference), text, "en") for u, text in zip(utterances, texts[name], strict=True)),
                start=Errors(),
            )
            print(
                f"{name:32} {median / audio:.3f} s per s of speech, {peer / median:.2f}× faster-whisper,"
                f" WER {100 * errors.rate:.2f} %"
            )


if __name__ == "__main__":
    main()
