"""Measures the synthesisers: speaks sentences, reads them back with a recogniser, and compares.

    python -m tests.benchmarks.speech --piper FOLDER --kokoro FOLDER --whisper FOLDER [--languages en,es] [--show]

FOLDERs hold the unpacked weights; the recogniser is faster-whisper with a CTranslate2 folder (extra ``peers``), beam 5,
temperature 0. Text is compared after Whisper's normaliser (English: its own, others: the basic one, with numbers
written out), Chinese by characters, and the recogniser is prompted to write simplified ones.
"""

from __future__ import annotations

import argparse
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import jiwer
import numpy as np
import soxr
from whisper_normalizer.basic import BasicTextNormalizer
from whisper_normalizer.english import EnglishTextNormalizer

from engines.contract import Synthesiser
from engines.models.kokoro import Kokoro
from engines.models.phonemes import mandarin
from engines.models.phonemes.numbers import spell_numbers
from engines.models.piper import Piper
from engines.models.voices import voices

SENTENCES = Path(__file__).with_name("speech_sentences.toml")


def main() -> None:
    """Prints one line per voice."""
    parser = argparse.ArgumentParser(description="Measure the synthesisers.")
    for name in ("piper", "kokoro", "whisper"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--languages", default="en,es,fr,it,pt,zh")
    parser.add_argument("--voices", default="")
    parser.add_argument("--show", action="store_true", help="show every sentence that was read back differently")
    arguments = parser.parse_args()
    from faster_whisper import WhisperModel

    recogniser = WhisperModel(str(arguments.whisper), device="cpu", compute_type="int8")
    corpus = tomllib.loads(SENTENCES.read_text(encoding="utf-8"))
    wanted = set(arguments.languages.split(","))
    only = set(filter(None, arguments.voices.split(",")))
    print("| voice | language | error rate % | RTF median | first audio s, median | peak |")
    for model, language, voice in _combinations(arguments.piper, arguments.kokoro):
        if language in wanted and (not only or voice in only):
            _measure(recogniser, model, corpus[language], language, voice, show=arguments.show)


def _combinations(piper: Path, kokoro: Path) -> Iterator[tuple[Synthesiser, str, str]]:
    yield Piper.open(piper), "en", "joe"
    model = Kokoro.open(kokoro)
    for voice in voices():
        yield model, voice.language, voice.id


def _measure(
    recogniser: Any, model: Synthesiser, sentences: list[str], language: str, voice: str, *, show: bool
) -> None:
    references, hypotheses, factors, firsts, peak = [], [], [], [], 0.0
    for sentence in sentences:
        start = time.perf_counter()
        chunks, first = [], 0.0
        for chunk in model.speak(sentence, language, voice):
            first = first or time.perf_counter() - start
            chunks.append(chunk)
        seconds = time.perf_counter() - start
        samples = np.concatenate([chunk.samples for chunk in chunks])
        factors.append(seconds / (samples.size / chunks[0].rate))
        firsts.append(first)
        peak = max(peak, float(np.abs(samples).max()))
        heard = _read_back(recogniser, samples, chunks[0].rate, language)
        reference, hypothesis = _normalise(sentence, language), _normalise(heard, language)
        references.append(reference)
        hypotheses.append(hypothesis)
        if show and reference != hypothesis:
            print(f"    {reference}\n    {hypothesis}\n")
    rate = (jiwer.cer if language == "zh" else jiwer.wer)(references, hypotheses)
    unit = "CER" if language == "zh" else "WER"
    print(
        f"| {model.name} {voice} | {language} | {unit} {100 * rate:.1f} | {median(factors):.2f} | {median(firsts):.2f} "
        f"| {peak:.2f} |",
        flush=True,
    )


def _read_back(recogniser: Any, samples: np.ndarray[Any, Any], rate: int, language: str) -> str:
    audio = soxr.resample(samples, rate, 16_000).astype(np.float32)
    prompt = "以下是普通话的句子。" if language == "zh" else None
    segments, _ = recogniser.transcribe(audio, language=language, beam_size=5, temperature=0.0, initial_prompt=prompt)
    return "".join(segment.text for segment in segments)


def _normalise(text: str, language: str) -> str:
    if language == "en":
        return str(EnglishTextNormalizer()(text))
    spelled = mandarin.spell(text) if language == "zh" else spell_numbers(text, language)
    plain = " ".join(str(BasicTextNormalizer()(spelled)).split())
    return plain.replace(" ", "") if language == "zh" else plain


if __name__ == "__main__":
    main()
