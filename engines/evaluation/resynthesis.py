"""What is left of speech that went through units: recordings → units → vocoder → recogniser, in words wrong.

``python -m engines.evaluation.resynthesis --clips 40`` measures clips of a corpus: as they are, spoken anew with the
durations that were heard, and spoken anew with durations that the vocoder predicts, as when units come from a language
model. It also says how long it takes until the first sound, and how much faster than real time speech is made.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Final, Protocol

import numpy as np
import soxr
from numpy.typing import NDArray

from engines.contract import SAMPLE_RATE, Recognised, Recogniser, Samples, SpeechStates
from engines.errors import CorpusInvalid, TriptychError
from engines.evaluation.metrics import Errors, word_errors
from engines.models.unit_vocoder import ID, UnitVocoder
from engines.tokens.units import collapse
from engines.training.data.corpus import SPLITS, Clip, Corpus, corpora

WAYS: Final = ("original", "heard durations", "predicted durations")


class Tokeniser(Protocol):
    """See :class:`engines.tokens.semantic.SemanticTokeniser`."""

    def units_of(self, speech: SpeechStates) -> NDArray[np.int32]:
        """The units of an utterance."""
        ...


@dataclass
class Outcome:
    """What was measured.

    Attributes:
        errors: way → word errors of all clips.
        texts: per clip: id, reference, and what was heard of each way.
        first: seconds until the first chunk, per clip.
        work: seconds of making speech.
        spoken: seconds of speech made.
        failed: clips that could not be spoken, with the reason.
    """

    errors: dict[str, Errors] = field(default_factory=lambda: dict.fromkeys(WAYS, Errors()))
    texts: list[dict[str, str]] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    work: float = 0.0
    spoken: float = 0.0
    failed: dict[str, str] = field(default_factory=dict)

    def summary(self) -> dict[str, float | int]:
        """Plain numbers: error rates in percent, seconds."""
        rates = {f"wer {way}": round(100 * errors.rate, 2) for way, errors in self.errors.items()}
        return {
            **rates,
            "words": self.errors[WAYS[0]].length,
            "clips": len(self.texts),
            "failed": len(self.failed),
            "seconds to the first sound": round(median(self.first), 3) if self.first else 0.0,
            "seconds of work per second": round(self.work / self.spoken, 3) if self.spoken else 0.0,
        }


def measure(
    items: Iterable[tuple[Clip, Samples]],
    recogniser: Recogniser,
    tokeniser: Tokeniser,
    vocoder: UnitVocoder,
    *,
    beam: int = 5,
    tell: Callable[[dict[str, str]], None] = lambda _: None,
) -> Outcome:
    """Resynthesises clips and reads them.

    Args:
        items: clips with their sound at 16 kHz.
        recogniser: reads, and gives the states that units are made of.
        tokeniser: makes units.
        vocoder: speaks them.
        beam: of the recogniser.
        tell: is told what was heard of each clip.
    """
    outcome = Outcome()
    for clip, samples in items:
        states = recogniser.encode(samples)
        runs = collapse(tokeniser.units_of(states))
        heard = {"id": clip.id, "reference": clip.text, WAYS[0]: _read(recogniser, states, clip.language, beam)}
        try:
            for way, durations in ((WAYS[1], runs.durations), (WAYS[2], None)):
                sound = _spoken(vocoder, runs.units, durations, outcome)
                heard[way] = _read(recogniser, recogniser.encode(sound), clip.language, beam)
        except TriptychError as error:
            outcome.failed[clip.id] = error.message
            continue
        for way in WAYS:
            outcome.errors[way] += word_errors(clip.text, heard[way], clip.language)
        outcome.texts.append(heard)
        tell(heard)
    return outcome


def chosen(corpus: Corpus, split: str, language: str, count: int) -> list[Clip]:
    """Undisturbed clips of a split, spread evenly over the corpus.

    Raises:
        CorpusInvalid: there are none.
    """
    found = [c for c in corpus.clips if c.split == split and c.language == language and not c.augmented]
    if not found:
        raise CorpusInvalid(f"The corpus {corpus.name} has no clips of {language} for {split}.", "Name another.")
    places = np.linspace(0, len(found) - 1, min(count, len(found))).round().astype(int).tolist()
    return [found[place] for place in places]


def _spoken(
    vocoder: UnitVocoder, units: NDArray[np.int32], durations: NDArray[np.int32] | None, outcome: Outcome
) -> Samples:
    """Speech of units at 16 kHz."""
    began = time.perf_counter()
    parts: list[Samples] = []
    for chunk in vocoder.speak(units, durations):
        if not parts:
            outcome.first.append(time.perf_counter() - began)
        parts.append(chunk.samples)
    outcome.work += time.perf_counter() - began
    sound = np.concatenate(parts)
    outcome.spoken += sound.size / vocoder.rate
    return np.asarray(soxr.resample(sound, vocoder.rate, SAMPLE_RATE, quality="HQ"), np.float32)


def _read(recogniser: Recogniser, states: SpeechStates, language: str, beam: int) -> str:
    for item in recogniser.nbest(states, language=language, beam=beam):
        if isinstance(item, Recognised):
            return item.hypotheses[0].text
    return ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m engines.evaluation.resynthesis", description=__doc__)
    parser.add_argument("--corpus", default="prompts", help="a folder under the training data")
    parser.add_argument("--split", default="dev", choices=SPLITS)
    parser.add_argument("--language", default="en")
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--beam", type=int, default=5)
    parser.add_argument("--vocoder", default=ID, help="a folder under the adapters")
    parser.add_argument("--output", type=Path, help="writes everything as JSON")
    options = parser.parse_args(arguments)
    try:
        outcome = _measure(options)
    except TriptychError as error:
        print(f"{error.message} {error.hint}".strip(), file=sys.stderr)
        return error.exit_code
    for name, value in outcome.summary().items():
        print(f"{name:28} {value}")
    if options.output is not None:
        document = {"summary": outcome.summary(), "texts": outcome.texts, "failed": outcome.failed}
        document["errors"] = {way: asdict(errors) for way, errors in outcome.errors.items()}
        options.output.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


def _measure(options: argparse.Namespace) -> Outcome:
    from engines.models.components import Components
    from engines.tokens.codebook import FILE
    from engines.tokens.semantic import ADAPTER, SemanticTokeniser
    from engines.weights import cards

    corpus = Corpus.open(corpora() / options.corpus)
    clips = chosen(corpus, options.split, options.language, options.clips)
    tokeniser, vocoder = SemanticTokeniser.open(), UnitVocoder.open(options.vocoder)
    vocoder.check_units(tokeniser.size, cards.file_digest(cards.locate(ADAPTER) / FILE))
    items = ((clip, corpus.samples(clip)) for clip in clips)
    return measure(items, Components().recogniser(), tokeniser, vocoder, beam=options.beam, tell=_tell)


def _tell(heard: dict[str, str]) -> None:
    print(" | ".join(heard.values()), file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
