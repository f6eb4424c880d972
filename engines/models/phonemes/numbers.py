"""Writes numbers out in words, for the languages that num2words spells."""

from __future__ import annotations

import re
from typing import Any, Final

from engines.models.phonemes.locales import LOCALES, Locale

_LONGEST: Final = 15
"""Numbers with more digits than this are read digit by digit."""


def spell_numbers(text: str, language: str) -> str:
    """Replaces every number, amount, time, ordinal and percentage in a text by words.

    Args:
        text: normalised text.
        language: a key of :data:`engines.models.phonemes.locales.LOCALES`.
    """
    return _Speller(language, LOCALES[language]).run(text)


class _Speller:
    """The patterns of one language, applied from the most to the least specific."""

    def __init__(self, language: str, locale: Locale) -> None:
        from num2words import num2words  # type: ignore[import-untyped]

        self._language, self._locale = language, locale
        self._num2words: Any = num2words
        group, stop = re.escape(locale.thousands), re.escape(locale.decimal)
        self._number = rf"\d{{1,3}}(?:[{group}]\d{{3}})+(?!\d)(?:{stop}\d+)?|\d+(?:{stop}\d+)?"

    def run(self, text: str) -> str:
        locale, number = self._locale, self._number
        signs = "|".join(re.escape(sign) for sign in sorted(locale.currencies, key=len, reverse=True))
        scale = r"(?:\s(?:million|billion|trillion|millones|millions|milliards?|milioni|milhões|mil))?"
        text = re.sub(r"(?:\b\d{3}\W{1,3})?\b\d{3}-\d{4}\b", self._telephone, text)
        text = self._units(text)
        text = re.sub(rf"({signs})\s?({number})({scale})", lambda m: self._amount(m[1], m[2], m[3]), text)
        text = re.sub(rf"({number})({scale})\s?({signs})", lambda m: self._amount(m[3], m[1], m[2]), text)
        text = re.sub(rf"\b(\d{{1,2}})\s?[{locale.clock}]\s?([0-5]\d)\b(?!:)", self._time, text)
        text = re.sub(rf"(?<![\d.,])(\d+)(?:{locale.ordinals})(?![\w])", self._ordinal, text, flags=re.IGNORECASE)
        text = re.sub(rf"({number})\s?%", rf"\1 {locale.percent}", text)
        text = re.sub(r"(?<=\d)\s?[-–]\s?(?=\d)", f" {locale.to} ", text)
        text = re.sub(r"(?<![\w])[-−](?=\d)", f"{locale.minus} ", text)
        if self._language == "en":
            text = re.sub(r"(?<![\d.,])(1[1-9]\d\d|20\d\d)(s?)(?![\w]|[.,]\d)", self._year, text)
        return re.sub(number, lambda m: f" {self._plain(m[0])} ", text)

    def _say(self, value: float, to: str = "cardinal") -> str:
        return str(self._num2words(value, lang=self._locale.speller, to=to)).replace("-", " ")

    def _cardinal(self, digits: str) -> str:
        if len(digits) > _LONGEST or (len(digits) > 1 and digits[0] == "0"):
            return " ".join(self._say(int(d)) for d in digits)
        return self._say(int(digits))

    def _split(self, number: str) -> tuple[str, str]:
        whole, _, fraction = number.partition(self._locale.decimal)
        return re.sub(r"\D", "", whole), fraction

    def _telephone(self, match: re.Match[str]) -> str:
        groups = re.findall(r"\d+", match[0])
        return ", ".join(" ".join(self._say(int(digit)) for digit in group) for group in groups)

    def _units(self, text: str) -> str:
        units = self._locale.units
        pattern = rf"({self._number})\s?({'|'.join(map(re.escape, sorted(units, key=len, reverse=True)))})(?![\w/])"
        return re.sub(pattern, lambda m: f"{m[1]} {units[m[2]]}", text)

    def _plain(self, number: str) -> str:
        whole, fraction = self._split(number)
        if not fraction:
            return self._cardinal(whole)
        return f"{self._cardinal(whole)} {self._locale.point} {' '.join(self._say(int(d)) for d in fraction)}"

    def _amount(self, sign: str, number: str, scale: str) -> str:
        one, many, hundredths = self._locale.currencies[sign]
        whole, fraction = self._split(number)
        if scale or (fraction and len(fraction) != 2):
            of = "de " if self._language in {"es", "fr", "it", "pt"} and scale.strip() not in {"", "mil"} else ""
            return f" {self._plain(number)}{scale} {of}{many} "
        unit = one if int(whole) == 1 else many
        words = f" {re.sub('uno$', 'un', self._cardinal(whole))} {unit} "
        if fraction and int(fraction):
            words += f"{self._locale.cents} {self._say(int(fraction))} {hundredths} "
        return words

    def _time(self, match: re.Match[str]) -> str:
        hours, minutes = int(match[1]), int(match[2])
        if self._language == "en":
            spoken = "o'clock" if not minutes else f"oh {self._say(minutes)}" if minutes < 10 else self._say(minutes)
            follows = match.string[match.end() :].lstrip()[:3].lower()
            spoken = "" if not minutes and follows[:1] in {"a", "p"} and "m" in follows else spoken
            return f"{self._say(hours)} {spoken}"
        joint = self._locale.hour
        if not minutes:
            return f"{self._say(hours)} {'horas' if self._language == 'pt' else joint if joint == 'heures' else ''}"
        return f"{self._say(hours)} {joint} {self._say(minutes)}"

    def _ordinal(self, match: re.Match[str]) -> str:
        if len(match[1]) > _LONGEST:
            return self._cardinal(match[1])
        words = self._say(int(match[1]), "ordinal")
        suffix = match[0][len(match[1]) :].lower()
        if self._language == "es" and suffix == "er":
            words = words.removesuffix("o")
        if self._locale.feminine and re.fullmatch(self._locale.feminine, suffix):
            words = "première" if self._language == "fr" and words == "premier" else re.sub(r"o\b", "a", words)
        return words

    def _year(self, match: re.Match[str]) -> str:
        year, plural = int(match[1]), match[2]
        words = self._say(year, "year")
        if not plural:
            return words
        return words[:-1] + "ies" if words.endswith("y") else words + "s"
