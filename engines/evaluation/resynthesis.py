"""What is left of speech that went through units: recordings → units → vocoder → recogniser, in words wrong.

``python -m engines.evaluation.resynthesis --clips 40`` measures clips of a corpus: as they are, spoken anew with the
durations that were heard, and spoken anew with durations that the vocoder predicts, as when units come from a language
model. With ``--through stage-two`` they are spoken by stage two and the codec: in the voice of the clip, in nobody's,
and by the codec alone, the best that there can be. It also says how long it takes until the first sound, and how much
faster than real time speech is made.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Final, Protocol, TypeAlias

import numpy as np
import soxr
from numpy.typing import NDArray

from engines.contract import SAMPLE_RATE, AudioChunk, Recognised, Recogniser, Samples, SpeechStates
from engines.errors import CorpusInvalid, TriptychError
from engines.evaluation.metrics import Errors, word_errors
from engines.models.code_stream import CodeStream
from engines.models.codec import ID as CODEC
from engines.models.codec import Codec
from engines.models.stage_two import StageTwo
from engines.models.unit_vocoder import ID, UnitVocoder
from engines.tokens.speaking import loudest
from engines.tokens.units import collapse
from engines.training.data.corpus import SPLITS, Clip, Corpus, corpora
from engines.weights import cards

ORIGINAL: Final = "original"

Speak: TypeAlias = Callable[[Samples, NDArray[np.int32]], Iterator[AudioChunk]]
"""Samples of a clip at 16 kHz and its units ``(T,)`` at 25 Hz → the same spoken anew."""


class Spoken(Protocol):
    """A recording, of a corpus or of those that engines are measured on."""

    @property
    def id(self) -> str:
        """Its name."""
        ...

    @property
    def text(self) -> str:
        """What is said."""
        ...

    @property
    def language(self) -> str:
        """ISO 639-1 code."""
        ...


class Tokeniser(Protocol):
    """See :class:`engines.tokens.semantic.SemanticTokeniser`."""

    def units_of(self, speech: SpeechStates) -> NDArray[np.int32]:
        """The units of an utterance."""
        ...


@dataclass
class Outcome:
    """What was measured.

    Attributes:
        errors: way → word errors of all clips, the original first.
        texts: per clip: id, reference, and what was heard of each way.
        first: seconds until the first chunk, per clip.
        work: seconds of making speech.
        spoken: seconds of speech made.
        failed: clips that could not be spoken, with the reason.
    """

    errors: dict[str, Errors] = field(default_factory=dict)
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
            "words": self.errors[ORIGINAL].length if self.errors else 0,
            "clips": len(self.texts),
            "failed": len(self.failed),
            "seconds to the first sound": round(median(self.first), 3) if self.first else 0.0,
            "seconds of work per second": round(self.work / self.spoken, 3) if self.spoken else 0.0,
        }


def measure(
    items: Iterable[tuple[Spoken, Samples]],
    recogniser: Recogniser,
    tokeniser: Tokeniser,
    speakers: Mapping[str, Speak],
    *,
    beam: int = 5,
    tell: Callable[[dict[str, str]], None] = lambda _: None,
) -> Outcome:
    """Resynthesises clips and reads them.

    Args:
        items: clips with their sound at 16 kHz.
        recogniser: reads, and gives the states that units are made of.
        tokeniser: makes units.
        speakers: way → what speaks them.
        beam: of the recogniser.
        tell: is told what was heard of each clip.
    """
    outcome = Outcome(dict.fromkeys([ORIGINAL, *speakers], Errors()))
    for clip, samples in items:
        states = recogniser.encode(samples)
        units = tokeniser.units_of(states)
        heard = {"id": clip.id, "reference": clip.text, ORIGINAL: _read(recogniser, states, clip.language, beam)}
        try:
            for way, speak in speakers.items():
                sound = _spoken(speak(samples, units), outcome)
                heard[way] = _read(recogniser, recogniser.encode(sound), clip.language, beam)
        except TriptychError as error:
            outcome.failed[clip.id] = error.message
            continue
        for way in outcome.errors:
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


def by_vocoder(vocoder: UnitVocoder) -> dict[str, Speak]:
    """Ways to speak units by the vocoder."""

    def heard(_: Samples, units: NDArray[np.int32]) -> Iterator[AudioChunk]:
        runs = collapse(units)
        return vocoder.speak(runs.units, runs.durations)

    def predicted(_: Samples, units: NDArray[np.int32]) -> Iterator[AudioChunk]:
        return vocoder.speak(collapse(units).units)

    return {"heard durations": heard, "predicted durations": predicted}


def by_stage_two(stage_two: StageTwo, codec: Codec) -> dict[str, Speak]:
    """Ways to speak units by stage two and the codec, with the durations that were heard."""

    def alone(samples: Samples, _: NDArray[np.int32]) -> Iterator[AudioChunk]:
        yield AudioChunk(codec.decode(codec.encode(samples)), codec.rate)

    def own(samples: Samples, units: NDArray[np.int32]) -> Iterator[AudioChunk]:
        begin, count = loudest(samples, len(units), round(25 * stage_two.shape.prompt_seconds))
        piece = samples[begin * SAMPLE_RATE // 25 : (begin + count) * SAMPLE_RATE // 25]
        codes = codec.encode(piece)[:, : 2 * count] if count else None
        voice = stage_two.prompt(units[begin : begin + count], codes)
        yield from coded(stage_two.speaking(voice), codec, [units])

    def nobody(_: Samples, units: NDArray[np.int32]) -> Iterator[AudioChunk]:
        yield from coded(stage_two.speaking(), codec, [units])

    return {"codec alone": alone, "own voice": own, "nobody's voice": nobody}


def coded(making: CodeStream, codec: Codec, units: Iterable[NDArray[np.integer]]) -> Iterator[AudioChunk]:
    """Speech of units, chunk by chunk: their codes, decoded.

    Args:
        making: makes codes.
        codec: makes speech of them.
        units: ``(T,)`` at 25 Hz, piece by piece.
    """
    decoding = codec.stream()
    for piece in units:
        for codes in making.push(piece):
            yield AudioChunk(decoding.push(codes), codec.rate)
    for codes in making.finish():
        yield AudioChunk(decoding.push(codes), codec.rate)


def _spoken(chunks: Iterator[AudioChunk], outcome: Outcome) -> Samples:
    """Speech at 16 kHz."""
    began = time.perf_counter()
    parts: list[AudioChunk] = []
    for chunk in chunks:
        if not parts:
            outcome.first.append(time.perf_counter() - began)
        parts.append(chunk)
    outcome.work += time.perf_counter() - began
    sound, rate = np.concatenate([part.samples for part in parts]), parts[0].rate
    outcome.spoken += sound.size / rate
    return np.asarray(soxr.resample(sound, rate, SAMPLE_RATE, quality="HQ"), np.float32)


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
    parser.add_argument("--through", default="vocoder", choices=("vocoder", "stage-two"), help="what speaks the units")
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

    corpus = Corpus.open(corpora() / options.corpus)
    clips = chosen(corpus, options.split, options.language, options.clips)
    tokeniser, codebook = SemanticTokeniser.open(), cards.file_digest(cards.locate(ADAPTER) / FILE)
    speakers = opened(options.through, tokeniser.size, codebook, options.vocoder)
    items = ((clip, corpus.samples(clip)) for clip in clips)
    return measure(items, Components().recogniser(), tokeniser, speakers, beam=options.beam, tell=_tell)


def opened(through: str, size: int, codebook: str, vocoder_id: str = ID) -> dict[str, Speak]:
    """Opens what speaks units: ``vocoder`` or ``stage-two``.

    Args:
        through: which.
        size: number of units.
        codebook: hex sha256 of the file that defines them.
        vocoder_id: of the vocoder.

    Raises:
        AdapterMissing: trained weights are not there.
        AdapterMismatch: they are for other units, or another codec.
    """
    if through == "vocoder":
        vocoder = UnitVocoder.open(vocoder_id)
        vocoder.check_units(size, codebook)
        return by_vocoder(vocoder)
    stage_two = StageTwo.open()
    stage_two.check(size, codebook, cards.codec_digest(CODEC))
    return by_stage_two(stage_two, Codec.open())


def _tell(heard: dict[str, str]) -> None:
    print(" | ".join(heard.values()), file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
