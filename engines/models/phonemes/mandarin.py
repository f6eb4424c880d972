"""Mandarin: characters → words (jieba) → pinyin (pypinyin) → the IPA that Kokoro was trained on.

Initials and finals follow Duanmu, *The Phonology of Standard Chinese* (2007), in the spelling of misaki
(https://github.com/hexgrad/misaki, Apache-2.0, ``transcription.py``, after pinyin-to-ipa, MIT); tones are arrows.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

_INITIALS: Final = {
    "b": "p", "c": "ʦʰ", "ch": "ꭧʰ", "d": "t", "f": "f", "g": "k", "h": "x", "j": "ʨ", "k": "kʰ", "l": "l", "m": "m",
    "n": "n", "p": "pʰ", "q": "ʨʰ", "r": "ɻ", "s": "s", "sh": "ʂ", "t": "tʰ", "x": "ɕ", "z": "ʦ", "zh": "ꭧ",
}  # fmt: skip
_FINALS: Final = {
    "a": "a0", "ai": "ai0", "an": "a0n", "ang": "a0ŋ", "ao": "au0", "e": "ɤ0", "ei": "ei0", "en": "ə0n",
    "eng": "ə0ŋ", "i": "i0", "ia": "ja0", "ian": "jɛ0n", "iang": "ja0ŋ", "iao": "jau0", "ie": "je0", "in": "i0n",
    "iou": "jou0", "ing": "i0ŋ", "iong": "jʊ0ŋ", "ong": "ʊ0ŋ", "ou": "ou0", "u": "u0", "uei": "wei0", "ua": "wa0",
    "uai": "wai0", "uan": "wa0n", "uen": "wə0n", "uang": "wa0ŋ", "ueng": "wə0ŋ", "uo": "wo0", "o": "wo0", "ü": "y0",
    "üe": "ɥe0", "üan": "ɥɛ0n", "ün": "y0n",
}  # fmt: skip
_WHOLE: Final = {
    "er": "ɚ0", "o": "ɔ0", "io": "jɔ0", "ê": "ɛ0", "m": "m0", "n": "n0", "ng": "ŋ0", "hm": "hm0", "hng": "hŋ0",
}  # fmt: skip
_TONES: Final = {"1": "→", "2": "↗", "3": "↓", "4": "↘", "5": "", "0": ""}
_APICAL: Final = frozenset({"zh", "ch", "sh", "r", "z", "c", "s"})
_DIGITS: Final = "零一二三四五六七八九"
_UNITS: Final = ("", "十", "百", "千")
_GROUPS: Final = ("", "万", "亿", "兆")
_MONEY: Final = {"$": "美元", "¥": "元", "€": "欧元", "£": "英镑", "￥": "元"}
_SYMBOLS: Final = {"+": "加", "=": "等于", "&": "和", "@": "艾特", "°": "度", "#": "号", "×": "乘"}
HANZI: Final = "\u3400-\u9fff\U00020000-\U0002ffff〇"


@dataclass(frozen=True)
class Run:
    """A stretch of one script.

    Attributes:
        text: the stretch.
        chinese: whether it is Chinese characters with their punctuation, otherwise other letters.
    """

    text: str
    chinese: bool


def spell(text: str) -> str:
    """Writes numbers, amounts, percentages, times and years in Chinese characters."""
    text = re.sub(r"([$¥€£￥])\s?(\d[\d,]*(?:\.\d+)?)", lambda m: number(m[2]) + _MONEY[m[1]], text)
    text = re.sub(r"(\d[\d,]*(?:\.\d+)?)\s?%", lambda m: "百分之" + number(m[1]), text)
    text = re.sub(r"(\d{1,2}):([0-5]\d)", _time, text)
    text = re.sub(r"(?<!\d)(\d{4})(?=年)", lambda m: "".join(_DIGITS[int(d)] for d in m[1]), text)
    text = re.sub(r"(?<![\w.])-(?=\d)", "负", text)
    text = re.sub(r"(?<=\d)[-–](?=\d)", "到", text)
    text = re.sub(r"\d[\d,]*(?:\.\d+)?", lambda m: number(m[0]), text)
    return re.sub("|".join(map(re.escape, _SYMBOLS)), lambda m: _SYMBOLS[m[0]], text)


def _time(match: re.Match[str]) -> str:
    minutes = int(match[2])
    return number(match[1]) + "点" + (f"{'零' if minutes < 10 else ''}{number(str(minutes))}分" if minutes else "")


def number(digits: str) -> str:
    """Writes a non-negative number out; more than sixteen digits are read one by one."""
    whole, _, fraction = digits.replace(",", "").partition(".")
    tail = "点" + "".join(_DIGITS[int(d)] for d in fraction) if fraction else ""
    if len(whole) > 16 or (len(whole) > 1 and whole[0] == "0"):
        return "".join(_DIGITS[int(d)] for d in whole) + tail
    if int(whole) == 0:
        return "零" + tail
    groups = [whole[max(0, end - 4) : end] for end in range(len(whole), 0, -4)][::-1]
    spoken = ""
    for index, group in enumerate(groups):
        if int(group) == 0:
            continue
        if spoken and int(group) < 1000:
            spoken += "零"
        spoken += _thousands(group) + _GROUPS[len(groups) - 1 - index]
    return re.sub(r"^一十", "十", spoken) + tail


def _thousands(group: str) -> str:
    spoken, gap = "", False
    for position, digit in enumerate(group.lstrip("0")):
        place = len(group.lstrip("0")) - 1 - position
        if digit == "0":
            gap = True
            continue
        spoken += ("零" if gap else "") + _DIGITS[int(digit)] + _UNITS[place]
        gap = False
    return spoken


def runs(sentence: str) -> Iterator[Run]:
    """Cuts a sentence into Chinese and other stretches."""
    for match in re.finditer(rf"[{HANZI}\W\d_]*[{HANZI}][{HANZI}\W\d_]*|[^{HANZI}]+", sentence):
        yield Run(match[0], re.search(f"[{HANZI}]", match[0]) is not None)


def pronounce(text: str) -> str:
    """Pronounces a stretch of Chinese; words are separated by spaces, punctuation stays."""
    pieces: list[str] = []
    for stretch in re.findall(rf"[{HANZI}]+|[^{HANZI}]+", text):
        if re.match(f"[{HANZI}]", stretch):
            words = ["".join(syllable(p) for p in _pinyin(word)) for word in _cut(stretch)]
            pieces.append(" ".join(word for word in words if word))
        else:
            pieces.append("".join(mark + " " for mark in re.findall(r"[,.;:!?]", stretch)[:1]) or " ")
    return re.sub(r"\s+([,.;:!?])", r"\1", "".join(pieces)).strip()


def syllable(pinyin: str) -> str:
    """The IPA of one syllable.

    Args:
        pinyin: with the tone as a digit at its end (5 = neutral), for example ``"zhong1"``.

    Returns:
        its IPA, or an empty string for what is no syllable.
    """
    from pypinyin.contrib.tone_convert import to_finals, to_initials

    if not pinyin or pinyin[-1] not in _TONES:
        return ""
    plain, tone = pinyin[:-1], _TONES[pinyin[-1]]
    if plain in _WHOLE:
        return _WHOLE[plain].replace("0", tone)
    initial = to_initials(plain, strict=True)
    final = to_finals(plain, strict=True, v_to_u=True)
    if final not in _FINALS or (initial and initial not in _INITIALS):
        return ""
    ipa = "ɨ0" if final == "i" and initial in _APICAL else _FINALS[final]
    return _INITIALS.get(initial, "") + ipa.replace("0", tone)


def _pinyin(word: str) -> list[str]:
    from pypinyin import Style, lazy_pinyin

    return [str(p) for p in lazy_pinyin(word, style=Style.TONE3, neutral_tone_with_five=True, errors="ignore")]


def _cut(text: str) -> list[str]:
    return [str(word) for word in _jieba().cut(text)]


@cache
def _jieba() -> Any:
    """The tokeniser of jieba; its import warns about pkg_resources and it logs while it reads its dictionary."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import jieba
    jieba.setLogLevel(logging.WARNING)
    return jieba.Tokenizer()
