"""Text to phonemes, with permissively licensed tools only.

English, Spanish, French, Italian and Portuguese come from gruut's lexicons and its models for unknown words, Mandarin
from jieba and pypinyin. What cannot be pronounced is left out and counted; it never stops the rest from being spoken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from engines.errors import TextUnspeakable, VoiceUnavailable
from engines.models.phonemes import mandarin, normalise, words
from engines.models.phonemes.alphabets import Alphabet, to_alphabet

LANGUAGES: Final = ("en", "es", "fr", "it", "pt", "zh")
"""ISO 639-1 codes of the languages that have phonemes."""


@dataclass(frozen=True)
class Sentence:
    """One sentence, ready to be synthesised.

    Attributes:
        text: as it was understood, with numbers and symbols written out.
        phonemes: symbols of the alphabet that was asked for, with punctuation and spaces; never empty.
        dropped: characters and words of the text that have no pronunciation.
    """

    text: str
    phonemes: str
    dropped: int


def phonemize(text: str, language: str, alphabet: Alphabet) -> Iterator[Sentence]:
    """Yields the sentences of a text, one at a time, so that the first can be spoken while the next is looked up.

    Args:
        text: any text.
        language: one of :data:`LANGUAGES`.
        alphabet: ``"espeak"`` for Piper, ``"kokoro"`` for Kokoro.

    Raises:
        VoiceUnavailable: there are no phonemes for the language.
        TextUnspeakable: nothing in the text can be pronounced.
    """
    if language not in LANGUAGES:
        raise VoiceUnavailable(
            f"There is no voice for the language {language!r}.", f"Choose one of {', '.join(LANGUAGES)}."
        )
    cleaned = normalise.clean(text)
    dropped, spoken = cleaned.dropped, 0
    reader = _chinese if language == "zh" else _alphabetic
    for sentence in reader(cleaned.text, language, alphabet):
        dropped += sentence.dropped
        if sentence.phonemes:
            yield Sentence(sentence.text, sentence.phonemes, dropped)
            dropped = 0
            spoken += 1
    if not spoken:
        shown = text.strip()[:40] or "(nothing)"
        raise TextUnspeakable(f"Nothing in {shown!r} can be pronounced.", "Give a text with words.")


def _alphabetic(text: str, language: str, alphabet: Alphabet) -> Iterator[Sentence]:
    for sentence in normalise.sentences(text, language):
        said = words.pronounce(sentence, language)
        yield Sentence(sentence, to_alphabet(said.ipa, language, alphabet), said.dropped)


def _chinese(text: str, language: str, alphabet: Alphabet) -> Iterator[Sentence]:
    del language
    for part in normalise.split(text):
        sentence = normalise.tidy(mandarin.spell(part))
        pieces, dropped = [], 0
        for run in mandarin.runs(sentence):
            if run.chinese:
                pieces.append(mandarin.pronounce(run.text))
            elif re.search(r"[A-Za-z]", run.text):
                said = words.pronounce(next(normalise.sentences(run.text, "en"), ""), "en")
                pieces.append(to_alphabet(said.ipa, "en", alphabet))
                dropped += said.dropped
            else:
                dropped += len(re.findall(r"\w", run.text))
        yield Sentence(sentence, " ".join(piece for piece in pieces if piece), dropped)
