"""Which engine breaks first: word errors against how bad the sound is, and where half of the words are wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from engines.audio.conditions import SCALES, Kind, amounting
from engines.contract import Paradigm
from engines.errors import BadOption
from engines.evaluation.normalisation import UNSPACED

if TYPE_CHECKING:
    from engines.evaluation.metrics import Errors

BROKEN: Final = 0.5
"""The error rate from which on an engine counts as broken: one word in two."""

PARADIGMS: Final[dict[Paradigm, str]] = {
    "baseline": "the baseline",
    "text": "text-based",
    "latent": "latent representation",
    "token": "audio tokens",
}


@dataclass(frozen=True)
class Reading:
    """What an engine made of one severity.

    Attributes:
        engine: its id.
        paradigm: its paradigm.
        amount: of what is swept; None for the recording as it is.
        text: the transcript; None where there is none.
        failure: why there is none.
        seconds: engine time.
        language: ISO 639-1 code of what it took the speech for.
    """

    engine: str
    paradigm: Paradigm
    amount: float | None
    text: str | None
    failure: str = ""
    seconds: float = 0.0
    language: str | None = None


@dataclass(frozen=True)
class Point:
    """One severity of a curve.

    Attributes:
        amount: None for the recording as it is.
        errors: counts; None where they cannot be had.
        reading: what they are of.
    """

    amount: float | None
    errors: Errors | None
    reading: Reading


@dataclass(frozen=True)
class Breaking:
    """Where a curve first reaches :data:`BROKEN`.

    Attributes:
        state: ``never`` within what was tried, ``already`` on the clean recording, or ``at`` an amount.
        amount: interpolated between the amounts that were tried; exact only so far.
    """

    state: Literal["never", "already", "at"]
    amount: float | None = None


@dataclass(frozen=True)
class Curve:
    """An engine's errors against severity.

    Attributes:
        engine: its id.
        paradigm: its paradigm.
        points: the clean recording first, then mildest first.
    """

    engine: str
    paradigm: Paradigm
    points: tuple[Point, ...]

    def rates(self) -> list[tuple[float | None, float]]:
        """Amount and error rate of every point that has one."""
        return [(point.amount, point.errors.rate) for point in self.points if point.errors is not None]


def mildest_first(kind: Kind, amounts: Iterable[float]) -> tuple[float, ...]:
    """Amounts in the order in which they hurt, each once.

    Raises:
        BadOption: one is out of range; there are none; or speeds are slower and faster.
    """
    found = sorted({amounting(kind, amount).amount or 0.0 for amount in amounts})
    if not found:
        raise BadOption("A sweep needs amounts.", SCALES[kind].hint)
    if kind == "speed":
        if found[0] < 1 < found[-1]:
            raise BadOption("A sweep of speeds goes one way.", "Give factors above 1, or factors below 1.")
        return tuple(found) if found[-1] > 1 else tuple(reversed(found))
    return tuple(reversed(found)) if SCALES[kind].unit == "dB" else tuple(found)


def curves(readings: Sequence[Reading], kind: Kind, reference: str | None, language: str | None) -> list[Curve]:
    """One curve per engine, in the order in which engines first appear.

    Args:
        readings: of any engines and severities; of the same engine and severity the last one counts.
        kind: what is swept.
        reference: what was said; without it every engine is held against its own transcript of the clean recording,
            and has no points before that is there.
        language: ISO 639-1 code of the speech; None takes each engine's own finding.
    """
    by: dict[str, dict[float | None, Reading]] = {}
    for reading in readings:
        by.setdefault(reading.engine, {})[reading.amount] = reading
    made = []
    for engine, found in by.items():
        first = next(iter(found.values()))
        clean = found.get(None)
        against = reference if reference is not None else clean.text if clean is not None else None
        spoken = language or (clean.language if clean is not None else None)
        order: list[float | None] = [None] if clean is not None else []
        order += mildest_first(kind, amounts) if (amounts := [one for one in found if one is not None]) else ()
        made.append(Curve(engine, first.paradigm, tuple(_point(found[one], against, spoken) for one in order)))
    return made


def _point(reading: Reading, against: str | None, language: str | None) -> Point:
    from engines.evaluation.metrics import word_errors  # takes long to load

    errors = None
    if reading.text is not None and against is not None and (against.strip() or reading.amount is None):
        errors = word_errors(against, reading.text, language)
    return Point(reading.amount, errors, reading)


def breaking(rates: Sequence[tuple[float | None, float]], level: float = BROKEN) -> Breaking:
    """Where error rates, mildest first, reach a level for the first time; linear between amounts."""
    before: tuple[float, float] | None = None
    for amount, rate in rates:
        if rate >= level:
            if amount is None:
                return Breaking("already")
            if before is None:
                return Breaking("at", amount)
            share = (level - before[1]) / (rate - before[1])
            return Breaking("at", before[0] + share * (amount - before[0]))
        before = None if amount is None else (amount, rate)
    return Breaking("never")


def by_paradigm(found: Sequence[Curve]) -> dict[Paradigm, list[tuple[float | None, float]]]:
    """Mean error rate over the engines of each paradigm, at severities where all of them have one."""
    means: dict[Paradigm, list[tuple[float | None, float]]] = {}
    for paradigm in dict.fromkeys(curve.paradigm for curve in found):
        tables = [dict(curve.rates()) for curve in found if curve.paradigm == paradigm and curve.rates()]
        if not tables:
            continue
        longest = max(tables, key=len)
        shared = [amount for amount in longest if all(amount in table for table in tables)]
        means[paradigm] = [(amount, sum(table[amount] for table in tables) / len(tables)) for amount in shared]
    return means


def verdict(found: Sequence[Curve], kind: Kind) -> list[str]:
    """Plain sentences: which paradigm breaks first, how the others hold, and how little one utterance says."""
    means = by_paradigm(found)
    if not any(len(rates) > 1 for rates in means.values()):
        return []
    unit, down = SCALES[kind].unit, SCALES[kind].unit == "dB"
    ranked: list[tuple[float, str]] = []
    for paradigm, rates in means.items():
        broken = breaking(rates)
        if broken.state == "already":
            ranked.append((float("-inf"), f"{PARADIGMS[paradigm]} on the clean recording already"))
        elif broken.amount is not None:
            hurt = _hurt(kind, broken.amount)
            ranked.append((hurt, f"{PARADIGMS[paradigm]} from about {_told(broken.amount, unit)} on"))
        else:
            worst = [amount for amount, _ in rates if amount is not None]
            tried = f", tried {'down' if down else 'up'} to {_told(worst[-1], unit)}" if worst else ""
            ranked.append((float("inf"), f"{PARADIGMS[paradigm]} not{tried}"))
    ranked.sort(key=lambda one: one[0])
    if len(ranked) == 1:
        return [f"One word in two is wrong: {ranked[0][1]}."]
    if ranked[0][0] == float("inf"):
        return ["No paradigm breaks: less than one word in two is wrong everywhere it was tried."]
    first, *others = (text for _, text in ranked)
    return [f"Breaks first (one word in two wrong): {first}; {'; '.join(others)}."]


def basis(reference: str | None, found: Sequence[Curve], language: str | None) -> str:
    """What errors are counted against, in plain words, and what one word weighs."""
    unit = "character" if language in UNSPACED else "word"
    if reference is None:
        return (
            "No reference is known: each engine is held against its own transcript of the clean recording, so what it "
            "got wrong there does not count."
        )
    lengths = [point.errors.length for curve in found for point in curve.points if point.errors is not None]
    if not lengths or not lengths[0]:
        return "Errors are counted against the reference."
    one = 100 / lengths[0]
    return (
        f"Errors are counted against the reference of {lengths[0]} {unit}s: one {unit} is {one:.1f} points, so on one "
        "utterance small differences mean nothing."
    )


def _hurt(kind: Kind, amount: float) -> float:
    if kind == "speed":
        return abs(amount - 1)
    return -amount if SCALES[kind].unit == "dB" else amount


def _told(amount: float, unit: str) -> str:
    digits = 0 if abs(amount) >= 3 else 1 if unit == "dB" else 2
    value = f"{amount:.{digits}f}" if digits == 0 else f"{amount:.{digits}f}".rstrip("0").rstrip(".")
    return f"{value}{unit}" if unit in "×%" else f"{value} {unit}"
