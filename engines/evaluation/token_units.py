"""What the units that ship know of phones and how they are used, and whether the duplex loop keeps real time."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Final

import numpy as np

from engines import paths
from engines.errors import TriptychError
from engines.evaluation import duplex, kept, unit_quality
from engines.evaluation.codebooks import BookUse, use
from engines.evaluation.duplex import RealTime
from engines.evaluation.token_bench import Bench
from engines.evaluation.unit_quality import Quality
from engines.evaluation.unit_table import Row
from engines.models.codec import ID as CODEC
from engines.models.phone_recogniser import MODEL, PhoneRecogniser
from engines.tokens.duplex import DuplexLoop
from engines.tokens.semantic import ADAPTER, SemanticTokeniser
from engines.training.tokens.speech import thinned
from engines.weights import cards

UNITS, DUPLEX = "units", "duplex"
LOOP: Final = (CODEC, "token-duplex")
"""Trained weights of what listens and speaks at once."""


@dataclass(frozen=True)
class Units:
    """The units that ship.

    Attributes:
        size: how many there are.
        frame_seconds: seconds per unit.
        quality: against phones.
        use: how evenly they are used.
        clips: recordings.
    """

    size: int
    frame_seconds: float
    quality: Quality
    use: BookUse
    clips: int


def measure_units(bench: Bench) -> None:
    """Finds units and phones of clips; the phones are those that hama's recogniser hears."""
    clips, version = bench.english(bench.sizes.judged), kept.version([ADAPTER], MODEL)
    todo = [clip for clip in clips if bench.kept.get(UNITS, version, clip.corpus, clip.id) is None]
    if not todo or not bench.has(UNITS, [ADAPTER]):
        return
    try:
        tokeniser, hearer = SemanticTokeniser.open(), PhoneRecogniser.open(bench.components.store.path(MODEL))
    except TriptychError as error:
        bench.lacking[UNITS] = f"{error.message} {error.hint}"
        return
    for done, clip in enumerate(todo):
        bench.tell(done, len(todo), f"units and phones, {clip.id}")
        samples = clip.read()
        ids = tokeniser.units_of(bench.recogniser.encode(samples))
        phones = hearer.per_frame(hearer.hear(samples))
        phones = phones if tokeniser.frame_seconds < 0.03 else thinned(phones)
        bench.kept.add(UNITS, version, clip.corpus, clip.id, found={"ids": ids.tolist(), "phones": phones})


def units(bench: Bench) -> Units | None:
    """What was measured of all clips with the units as they are now; None where some are missing."""
    clips, version = bench.english(bench.sizes.judged), kept.version([ADAPTER], MODEL)
    rows = [bench.kept.get(UNITS, version, clip.corpus, clip.id) for clip in clips]
    found = [row for row in rows if row is not None]
    if not found or len(found) < len(rows):
        return None
    shape = cards.read(ADAPTER).units
    assert shape is not None
    streams = [np.asarray(row["ids"], np.int32) for row in found]
    quality = unit_quality.judge(streams, [row["phones"] for row in found], shape.size, shape.frame_seconds)
    return Units(
        shape.size, shape.frame_seconds, quality, use(np.concatenate(streams)[None], shape.size)[0], len(found)
    )


def study() -> list[Row]:
    """What the study of sources, layers, sizes and rates measured on this machine; nothing where it was not run."""
    file = paths.data() / "training" / "runs" / "units-study" / "rows.jsonl"
    if not file.is_file():
        return []
    return [Row(**json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]


@dataclass(frozen=True)
class Loop:
    """How the duplex loop kept time.

    Attributes:
        time: what was measured.
        load: of the machine when it began, in processes that wanted to run; the loop itself not counted.
        cores: of the machine.
        machine: where.
    """

    time: RealTime
    load: float
    cores: int
    machine: str

    @property
    def quiet(self) -> bool:
        """Whether the machine had nothing else to do."""
        return self.load < 0.25 * self.cores


def measure_loop(bench: Bench, open_loop: Callable[[], DuplexLoop] = duplex.open_loop) -> None:
    """Plays speech into the loop by the clock; what is lacking is noted.

    A measurement on a busy machine is made anew as soon as the machine is quiet.
    """
    known = loop(bench)
    load = os.getloadavg()[0]
    if known is not None and (known.quiet or load >= known.load):
        return
    if not bench.has(DUPLEX, LOOP):
        return
    bench.tell(0, 1, f"duplex loop, {bench.sizes.seconds:.0f} s")
    try:
        found = duplex.measure(open_loop(), duplex.speech(bench.sizes.seconds))
    except TriptychError as error:
        bench.lacking[DUPLEX] = f"{error.message} {error.hint}"
        return
    made = Loop(found, load, os.cpu_count() or 1, bench.machine)
    bench.kept.add(DUPLEX, _loop_version(bench), found=asdict(made))


def loop(bench: Bench) -> Loop | None:
    """What was measured of the loop as it is now; None where nothing was."""
    row = bench.kept.get(DUPLEX, _loop_version(bench))
    if row is None:
        return None
    time = RealTime(**{field.name: row["time"][field.name] for field in fields(RealTime)})
    return Loop(time, float(row["load"]), int(row["cores"]), str(row["machine"]))


def _loop_version(bench: Bench) -> str:

    return kept.version(LOOP, f"{bench.sizes.seconds:g} s")
