"""Generated English: numbers, times, dates, spelled letters, names, commands, questions, and clips of a word or two.

Text from books has none of these, and a recogniser that never met them fails on the simplest calls.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from random import Random
from typing import Final

from engines import paths
from engines.training.data.lines import Line

_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_DIGITS: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@cache
def _lists() -> dict[str, list[str]]:
    path = paths.resources() / "training" / "phrases.toml"
    lists: dict[str, list[str]] = tomllib.loads(path.read_text(encoding="utf-8"))
    return lists


def phrases(random: Random, words: Sequence[str]) -> Iterator[Line]:
    """Generated lines without end.

    Args:
        random: decides everything.
        words: lower-case words for clips of one or two words, the commoner first.
    """
    makers: tuple[tuple[float, Callable[[Random], Line]], ...] = (
        (1.5, lambda r: _line(_few_words(r, words))),
        (1.0, lambda r: _line(r.choice(_lists()["short"]))),
        (2.0, lambda r: _line(_fill(r, "commands", r.choice((".", ".", "", "!"))))),
        (1.5, lambda r: _line(_fill(r, "questions", "?"))),
        (1.5, lambda r: _line(_fill(r, "statements", "."))),
        (1.0, _digits),
        (1.5, _number),
        (1.0, _time),
        (1.0, _date),
        (1.0, _spelling),
        (0.8, lambda r: _line(_name(r) + ".")),
    )
    weights = [weight for weight, _ in makers]
    while True:
        yield random.choices(makers, weights)[0][1](random)


def _line(text: str, spoken: str = "") -> Line:
    return Line(text, "en", "phrases", spoken)


def _few_words(random: Random, words: Sequence[str]) -> str:
    count = random.choice((1, 1, 2))
    # The square draws common words more often without forgetting the rare ones.
    chosen = " ".join(words[int(random.random() ** 2 * len(words))] for _ in range(count))
    return chosen[0].upper() + chosen[1:] + "."


def _fill(random: Random, kind: str, end: str) -> str:
    lists = _lists()
    text = random.choice(lists[kind])
    parts = {
        "first": random.choice(lists["first"]), "last": random.choice(lists["last"]),
        "place": random.choice(lists["places"]), "day": random.choice(_DAYS), "thing": random.choice(lists["things"]),
        "office": random.choice(lists["offices"]), "hour": _DIGITS[random.randint(1, 9)],
        "digit": str(random.randint(0, 9)), "side": random.choice(("left", "right")),
    }  # fmt: skip
    while "{few}" in text:
        text = text.replace("{few}", _DIGITS[random.randint(2, 9)], 1)
    text = text.format(**parts)
    if end == "." and random.random() < 0.2:
        text = random.choice(("now ", "okay, ", "well, ")) + text
    return text[0].upper() + text[1:] + end


def _digits(random: Random) -> Line:
    count = random.choice((1, 1, 2, 3, 4, 7))
    digits = [random.randint(0, 9) for _ in range(count)]
    said = " ".join("oh" if d == 0 and count > 2 and random.random() < 0.3 else _DIGITS[d] for d in digits)
    if count == 1:
        return _line(said.capitalize() + ".")
    lead = random.choice(("", "", "Extension ", "Room ", "The code is ", "Dial "))
    return _line(lead + "".join(map(str, digits)) + ".", lead + said + ".")


def _number(random: Random) -> Line:
    high = random.choice((20, 100, 100, 1000, 10_000, 1_000_000))
    value = random.randint(0, high)
    said = _words(value)
    kind = random.random()
    if kind < 0.3 and value <= 100:
        return _line(said.capitalize() + ".")
    if kind < 0.5:
        return _line(f"{value:,}.", said + ".")
    unit = random.choice(
        ("dollars", "miles", "percent", "people", "pages", "minutes", "years", "pounds", "metres", "books")
    )
    if value < 10:
        return _line(f"{said.capitalize()} {unit if value != 1 else unit.removesuffix('s')}.")
    lead = random.choice(("", "", "It costs ", "About ", "More than ", "There are "))
    return _line(f"{lead}{value:,} {unit}.", f"{lead}{said} {unit}.")


def _time(random: Random) -> Line:
    hour, minute = (
        random.randint(1, 12),
        random.choice((0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, random.randint(1, 59))),
    )
    lead = random.choice(("", "It's ", "At ", "See you at ", "The train leaves at ", "The time is "))
    half = random.choice(("", " a.m.", " p.m."))
    said_half = {"": "", " a.m.": " A M", " p.m.": " P M"}[half]
    end = "" if half else "."
    if minute == 0:
        return _line(f"{lead}{hour} o'clock.", f"{lead}{_words(hour)} o'clock.")
    said = ("oh " if minute < 10 else "") + _words(minute)
    return _line(f"{lead}{hour}:{minute:02}{half}{end}", f"{lead}{_words(hour)} {said}{said_half}.")


def _date(random: Random) -> Line:
    month, day, year = random.choice(_MONTHS), random.randint(1, 28), random.randint(1700, 2040)
    kind = random.random()
    if kind < 0.2:
        return _line(random.choice(_DAYS) + ".")
    if kind < 0.3:
        return _line(month + ".")
    said_day = _words(day, "ordinal")
    if kind < 0.55:
        return _weekday(random, month, day, said_day)
    said_year = _words(year, "year")
    if kind < 0.8:
        return _line(f"{month} {day}, {year}.", f"{month} {said_day}, {said_year}.")
    lead = random.choice(("In ", "It was built in ", "She was born in ", "Since "))
    return _line(f"{lead}{year}.", f"{lead}{said_year}.")


def _weekday(random: Random, month: str, day: int, said: str) -> Line:
    weekday = random.choice(_DAYS)
    return _line(f"{weekday}, {month} {day}.", f"{weekday}, {month} {said}.")


def _spelling(random: Random) -> Line:
    letters = [random.choice(_LETTERS) for _ in range(random.choice((1, 1, 2, 3, 3, 4, 5)))]
    if random.random() < 0.3:
        name = random.choice((*_lists()["first"], *_lists()["last"]))
        letters = list(name.upper())
        return _line(f"{name}, {'-'.join(letters)}.", f"{name}, {_spelled(letters)}.")
    return _line("-".join(letters) + ".", _spelled(letters) + ".")


def _spelled(letters: Sequence[str]) -> str:
    return ", ".join("Ay" if letter == "A" else letter for letter in letters)


def _name(random: Random) -> str:
    kind = random.random()
    if kind < 0.25:
        return random.choice(_lists()["first"])
    if kind < 0.4:
        return random.choice(_lists()["places"])
    title = random.choice(("Mr. ", "Mrs. ", "Dr. "))
    return (
        title + random.choice(_lists()["last"])
        if kind < 0.55
        else f"{random.choice(_lists()['first'])} {random.choice(_lists()['last'])}"
    )


def _words(value: int, to: str = "cardinal") -> str:
    from num2words import num2words  # type: ignore[import-untyped]

    return str(num2words(value, lang="en", to=to))
