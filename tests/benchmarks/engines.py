"""All engines side by side against the sum of their isolated runs, on one recording.

    python -m tests.benchmarks.engines [AUDIO] [--rounds 5] [--threads 2]

Side by side, engines share encoder states and N-best lists in one process; isolated, each runs in a fresh process that
shares nothing. Models are opened outside of both times. The gain is what the memo saves; it is a ratio of medians of
interleaved rounds after a warm-up.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

from engines.audio.load import load
from engines.audio.samples import list_samples, load_sample
from engines.catalog import default
from engines.contract import Finished, Request, StageFinished, Task, Utterance
from engines.host import Host


def work(host: Host, utterance: Utterance) -> dict[str, float]:
    """Seconds of work that every engine really did: its stages, without those that were shared."""
    names = [description.id for description in default().supporting(Task.TRANSCRIBE)]
    spent = dict.fromkeys(names, 0.0)
    # The first run empties the memo, so that every round starts from nothing.
    waiting = {host.submit(name, Request(utterance), fresh=position == 0): name for position, name in enumerate(names)}
    for run, stamped in host.events(timeout=600):
        if isinstance(stamped.event, StageFinished) and not stamped.event.shared:
            spent[waiting[run]] += stamped.event.seconds
        if isinstance(stamped.event, Finished):
            del waiting[run]
        if not waiting:
            break
    return spent


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("audio", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    utterance = load(options.audio) if options.audio else load_sample(list_samples()[0].id)
    together: list[dict[str, float]] = []
    alone: list[dict[str, float]] = []
    with (
        Host(threads=options.threads) as shared,
        Host(threads=options.threads, isolated=True) as isolated,
    ):
        for turn in range(options.rounds + 1):
            for host, rounds in ((shared, together), (isolated, alone)):
                measured = work(host, utterance)
                if turn:
                    rounds.append(measured)
    side_by_side = statistics.median(sum(spent.values()) for spent in together)
    apart = statistics.median(sum(spent.values()) for spent in alone)
    print(
        f"{utterance.source}, {utterance.seconds:.1f} s, {options.threads} threads, median of {options.rounds} rounds"
    )
    for name in alone[0]:
        print(f"{name:12} alone {statistics.median(spent[name] for spent in alone):.2f} s of work")
    print(
        f"side by side {side_by_side:.2f} s, sum of isolated runs {apart:.2f} s: {apart / side_by_side:.2f}× less work"
    )


if __name__ == "__main__":
    main()
