"""How good the codec is, by number of codebooks, next to Opus and Codec 2 at like bit rates.

Measured are what Whisper reads back, DNSMOS, the distance of the spectra, and how the codebooks are used.
``python -m engines.evaluation.codecs --out DIR`` writes ``codecs.json`` and ``codecs.md``.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import soxr

from engines.contract import SAMPLE_RATE, Recognised, Recogniser, Samples
from engines.errors import TriptychError
from engines.evaluation import corpora, other_codecs
from engines.evaluation.codebooks import BookUse, use
from engines.evaluation.codec_table import ORIGINAL, Line, markdown, notes, together
from engines.evaluation.corpora import Clip
from engines.evaluation.dnsmos import WEIGHTS, Dnsmos
from engines.evaluation.metrics import word_errors
from engines.evaluation.spectra import log_spectral_distance
from engines.models.codec import Codec
from engines.models.codes import Codes
from engines.models.components import Components
from engines.models.encodec import EnCodec
from engines.weights.store import WeightStore

OPUS_RATES: Final = (6000, 8000, 12000, 16000)

Way = Callable[[Samples], tuple[Samples, float]]
"""Through a codec: samples at 16 kHz to what is heard, as long, and the bits per second that were sent."""


class Coder(Protocol):
    """What our codec and EnCodec have in common."""

    name: str
    rate: int
    books: int
    codes: int

    def bits_per_second(self, books: int | None = None) -> float:
        """Of the first codebooks."""
        ...

    def encode(self, samples: Samples) -> Codes:
        """Codes of speech."""
        ...

    def decode(self, codes: Codes, books: int | None = None) -> Samples:
        """Speech of codes."""
        ...


@dataclass(frozen=True)
class System:
    """One way of sending speech.

    Attributes:
        name: for people.
        books: codebooks; 0 where there are none.
        way: does it.
        asked: bits per second that were asked for; 0 where nothing can be asked for.
    """

    name: str
    books: int
    way: Way
    asked: int = 0

    @property
    def id(self) -> str:
        """Tells it from all others."""
        return f"{self.name} {self.books or self.asked or ''}".strip()


def systems(coder: Coder | None, counts: Iterable[int], *, others: bool = True) -> list[System]:
    """The original, a codec with several numbers of codebooks, and what there is to compare with.

    Args:
        coder: the codec; None for what there is to compare with alone.
        counts: of codebooks; more than it has are left out.
        others: whether to add Opus, and Codec 2 where its programs are installed.
    """
    found = [System(ORIGINAL, 0, lambda samples: (samples, 0.0))]
    if coder is not None:
        possible = sorted({count for count in counts if 1 <= count <= coder.books})
        found += [System(coder.name, count, partial(_through, coder, count)) for count in possible]
    if others:
        found += [System("Opus", 0, partial(other_codecs.opus, bits_per_second=rate), rate) for rate in OPUS_RATES]
        if other_codecs.has_codec2():
            found += [System("Codec 2", 0, partial(other_codecs.codec2, mode=m), m) for m in other_codecs.CODEC2_MODES]
    return found


def _through(coder: Coder, count: int, samples: Samples) -> tuple[Samples, float]:
    given = samples if coder.rate == SAMPLE_RATE else soxr.resample(samples, SAMPLE_RATE, coder.rate)
    heard = coder.decode(coder.encode(given), count)
    if coder.rate != SAMPLE_RATE:
        heard = soxr.resample(heard, coder.rate, SAMPLE_RATE)
    short = max(0, samples.shape[0] - heard.shape[0])
    return np.pad(heard, (0, short))[: samples.shape[0]].astype(np.float32), coder.bits_per_second(count)


def measure(system: System, clips: Sequence[Clip], recogniser: Recogniser, dnsmos: Dnsmos) -> Line:
    """Sends all clips through a system and looks at what comes out.

    Args:
        system: the system.
        clips: at least one, at most 30 s each.
        recogniser: reads back.
        dnsmos: rates.
    """
    return together([_measure(system, clip, recogniser, dnsmos) for clip in clips])


def _measure(system: System, clip: Clip, recogniser: Recogniser, dnsmos: Dnsmos) -> Line:
    samples = clip.read()
    heard, sent = system.way(samples)
    errors = word_errors(clip.text, _read_back(recogniser, heard, clip.language), clip.language)
    distance, seconds = log_spectral_distance(samples, heard), samples.shape[0] / SAMPLE_RATE
    return Line(system.name, system.books, sent, errors, dnsmos.rate(heard), distance, 1, seconds)


def _read_back(recogniser: Recogniser, samples: Samples, language: str) -> str:
    *_, found = recogniser.nbest(recogniser.encode(samples), language=language)
    assert isinstance(found, Recognised)
    return found.hypotheses[0].text


def codebook_use(coder: Coder, clips: Sequence[Clip]) -> tuple[BookUse, ...]:
    """How the codebooks are used over all frames of the clips."""
    parts = []
    for clip in clips:
        samples = clip.read()
        parts.append(coder.encode(samples if coder.rate == SAMPLE_RATE else soxr.resample(samples, 16_000, coder.rate)))
    return use(np.concatenate(parts, axis=1), coder.codes)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m engines.evaluation.codecs", description=__doc__)
    parser.add_argument("--prompts", type=Path, help="folder of telephone prompts (default: TRIPTYCH_PROMPTS)")
    parser.add_argument("--language", default="en", help="of the prompts")
    parser.add_argument("--clips", type=int, default=30, help="of the prompts and of unseen speakers, each at most")
    parser.add_argument("--books", default="1,2,4,6,8", help="numbers of codebooks")
    parser.add_argument("--encodec", help="measure this checkpoint of EnCodec too: a folder, or a repository's name")
    parser.add_argument("--out", type=Path, default=Path("docs/results"), help="folder for codecs.json and codecs.md")
    given = parser.parse_args(arguments)
    try:
        return _run(given)
    except TriptychError as error:
        print(f"{error.message} {error.hint}".strip(), file=sys.stderr)
        return error.exit_code


def _run(given: argparse.Namespace) -> int:
    counts = [int(part) for part in str(given.books).split(",") if part.strip().isdigit()]
    coder: Coder = Codec.open()
    wanted = systems(coder, counts)
    if given.encodec:
        place = Path(given.encodec)
        other: Coder = EnCodec.open(place if place.exists() else given.encodec)
        wanted += systems(other, counts, others=False)[1:]
    store = WeightStore()
    dnsmos = Dnsmos.open(store.path(WEIGHTS))
    recogniser = Components(store=store).recogniser()
    clips = corpora.evenly(corpora.unseen(), given.clips)
    folder = given.prompts or os.environ.get("TRIPTYCH_PROMPTS")
    if folder:
        clips += corpora.evenly(corpora.prompts(Path(folder), given.language), given.clips)
    lines = []
    for system in wanted:
        lines.append(measure(system, clips, recogniser, dnsmos))
        books = f" {system.books}" if system.books else ""
        print(f"{system.name}{books}: {100 * lines[-1].errors.rate:.1f} % WER", file=sys.stderr, flush=True)
    counted = codebook_use(coder, clips)
    told = notes(lines, counted, clips)
    given.out.mkdir(parents=True, exist_ok=True)
    document: dict[str, Any] = {
        "measured": dt.datetime.now(dt.UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "lines": [asdict(line) | {"wer": round(100 * line.errors.rate, 3)} for line in lines],
        "codebooks": [asdict(book) for book in counted],
        "notes": told,
    }
    (given.out / "codecs.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    text = markdown(lines, counted, told)
    (given.out / "codecs.md").write_text(f"# The codec, measured\n\n{text}\n", encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
