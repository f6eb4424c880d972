"""Whether the duplex loop keeps real time: ``python -m engines.evaluation.duplex --seconds 30``.

Speech of the program's samples, over and over, goes through the loop of the engine as a live source would send it:
frames come by the clock and what waits too long is dropped. A few frames before warm the machine up and do not count.
The exit code is 1 where the 95th percentile is over the time of a frame, or frames were dropped.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engines.audio.samples import list_samples, load_sample
from engines.contract import SAMPLE_RATE, Samples
from engines.errors import AudioUnusable, TriptychError
from engines.models.codec import ID as CODEC
from engines.models.codec import Codec
from engines.models.duplex import Duplex
from engines.runtime.sessions import RuntimeSettings, configure
from engines.tokens.backlog import Backlog, Pace
from engines.tokens.duplex import BACKLOG, DuplexLoop, cut, stream
from engines.weights import cards


@dataclass(frozen=True)
class RealTime:
    """How a loop kept time.

    Attributes:
        frame_seconds: seconds that a frame stands for, and may take.
        frames: that were measured.
        median: seconds of computing per frame.
        p95: seconds that 95 of 100 frames took at most.
        most: seconds of the slowest frame.
        listening: share of the time that coding took.
        thinking: share that the model took.
        speaking: share that decoding took.
        late: frames that were done more than a frame after they could begin.
        behind: the longest that a frame was done after it could begin, in seconds.
        waited: the most frames that ever waited.
        dropped: frames that were dropped.
    """

    frame_seconds: float
    frames: int
    median: float
    p95: float
    most: float
    listening: float
    thinking: float
    speaking: float
    late: int
    behind: float
    waited: int
    dropped: int

    @property
    def kept(self) -> bool:
        """Whether real time was kept: the 95th percentile is under the time of a frame, and nothing was dropped."""
        return self.p95 < self.frame_seconds and not self.dropped


def measure(loop: DuplexLoop, samples: Samples, *, warm: int = 10, backlog: int = BACKLOG) -> RealTime:
    """Plays speech into a loop by the clock.

    Args:
        loop: what is measured.
        samples: ``(n,)`` at 16 kHz.
        warm: frames that go before, through a stream of their own, and do not count.
        backlog: frames that may wait.

    Raises:
        AudioUnusable: there is no sound.
    """
    frames = list(cut(samples, loop.frame_samples))
    if not frames:
        raise AudioUnusable("There is no frame to measure on.", "Give more seconds.")
    before = [frames[number % len(frames)] for number in range(warm)]
    for _ in stream(loop, loop.begin(), before, Backlog(backlog), Pace(loop.frame_seconds, loop.ahead)):
        pass
    waiting, pace = Backlog(backlog), Pace(loop.frame_seconds, loop.ahead)
    found = [frame for frame, _ in stream(loop, loop.begin(), frames, waiting, pace, patient=False)]
    seconds = np.array([frame.seconds for frame in found])
    whole = float(seconds.sum()) or 1.0
    return RealTime(
        frame_seconds=loop.frame_seconds,
        frames=len(found),
        median=float(np.median(seconds)),
        p95=float(np.percentile(seconds, 95)),
        most=float(seconds.max()),
        listening=sum(frame.listening for frame in found) / whole,
        thinking=sum(frame.thinking for frame in found) / whole,
        speaking=sum(frame.speaking for frame in found) / whole,
        late=pace.late,
        behind=pace.behind,
        waited=waiting.most,
        dropped=waiting.dropped,
    )


def speech(seconds: float) -> Samples:
    """The program's own samples, one behind the other and again from the first, ``(n,)`` at 16 kHz.

    Raises:
        AudioUnusable: there are none, or so many seconds are none.
    """
    samples = list_samples()
    if not samples or not 0 < seconds <= 3600:
        raise AudioUnusable(f"{seconds:g} s of {len(samples)} samples cannot be played.", "Give 1 to 3600 seconds.")
    whole = np.concatenate([np.asarray(load_sample(sample.id).samples, np.float32) for sample in samples])
    return np.resize(whole, round(seconds * SAMPLE_RATE))


def open_loop() -> DuplexLoop:
    """Opens the loop that was trained.

    Raises:
        AdapterMissing: it, or its codec, is not there.
        AdapterMismatch: they do not belong together.
        GraphInvalid: a file is damaged.
    """
    duplex, codec = Duplex.open(), Codec.open()
    duplex.check(codec, cards.codec_digest(CODEC))
    return DuplexLoop(duplex, codec)


def told(found: RealTime) -> list[str]:
    """What was found, a line each."""
    return [
        f"frame: {1000 * found.frame_seconds:g} ms, {found.frames} of them",
        f"median: {1000 * found.median:.1f} ms",
        f"p95: {1000 * found.p95:.1f} ms, slowest: {1000 * found.most:.1f} ms",
        f"coding {found.listening:.0%}, model {found.thinking:.0%}, decoding {found.speaking:.0%}",
        f"late: {found.late} frames, at worst {1000 * found.behind:.0f} ms behind; {found.waited} waited at most",
        f"dropped: {found.dropped} frames",
        "keeps real time" if found.kept else "does not keep real time",
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns the exit code: 0 where real time is kept."""
    parser = argparse.ArgumentParser(prog="python -m engines.evaluation.duplex", description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="of speech that are played")
    parser.add_argument("--threads", type=int, default=0, help="per operation; 0 lets ONNX Runtime choose")
    options = parser.parse_args(arguments)
    try:
        configure(RuntimeSettings(threads=options.threads))
        found = measure(open_loop(), speech(options.seconds))
    except TriptychError as error:
        print(f"{error.message} {error.hint}".strip(), file=sys.stderr)
        return error.exit_code
    print("\n".join(told(found)))
    return 0 if found.kept else 1


if __name__ == "__main__":
    sys.exit(main())
