"""The report on token engines for programs: CSV and JSON of the same figures."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from engines.evaluation import tabular
from engines.evaluation.summary import Rate, Translated
from engines.evaluation.targets import targets
from engines.evaluation.token_summary import Tokens

_Row = list[object]


def rows(found: Tokens) -> str:
    """CSV: that of the engines' figures, and further lines of the same columns."""
    out = io.StringIO()
    out.write(tabular.rows(found.measured))
    writer = csv.writer(out, lineterminator="\n")
    for part in (_spoken, _coded, _units, _judged):
        writer.writerows(part(found))
    return out.getvalue()


def _spoken(found: Tokens) -> Iterator[_Row]:
    for voice, one in found.said.items():
        yield _rate(voice, "wer:said", "texts", one.rate)
    for engine, by_language in found.spoken.items():
        for language, translated in by_language.items():
            yield _translated(engine, language, translated)


def _coded(found: Tokens) -> Iterator[_Row]:
    if found.codec is None:
        return
    for line in found.codec.lines:
        name, where = f"{line.name} {line.books or ''}".strip(), f"{line.bits_per_second:.0f} bit/s"
        bounds = [round(line.errors.rate, 6), round(line.low, 6), round(line.high, 6)]
        yield [name, "wer:coded", where, *bounds, line.clips, line.errors.length, ""]
        yield _value(name, "dnsmos", where, line.opinion.overall, line.clips)
        yield _value(name, "log_spectral_distance", where, line.distance, line.clips)
    for number, book in enumerate(found.codec.books, 1):
        yield _value(found.codec.own, "entropy", f"codebook {number}", book.entropy)
        yield _value(found.codec.own, "dead", f"codebook {number}", book.dead)


def _units(found: Tokens) -> Iterator[_Row]:
    for through, made in found.resynthesised.items():
        for way, rate in made.rates.items():
            yield _rate(through, "wer:resynthesised", way, rate)
    if found.units is not None:
        for measure, value in asdict(found.units.quality).items():
            yield _value("units", measure, "clips", value, found.units.clips)
        yield _value("units", "dead", "clips", found.units.use.dead, found.units.clips)


def _judged(found: Tokens) -> Iterator[_Row]:
    if found.loop is not None:
        for measure in ("median", "p95", "most"):
            share = getattr(found.loop.time, measure) / found.loop.time.frame_seconds
            yield _value("token-duplex", f"{measure}:share_of_frame", "frames", share)
    for outcome in found.outcomes:
        shares = [round(value, 6) for value in (outcome.accuracy, *outcome.interval)]
        yield [outcome.scorer, "stories", outcome.form, *shares, len(outcome.verdicts), "", ""]


def document(found: Tokens) -> dict[str, Any]:
    """Everything as JSON, schema 1: that of the engines' figures, and further entries."""
    return {
        **tabular.document(found.measured),
        "targets": [asdict(one) for one in targets(found)],
        "lacking": dict(found.lacking),
        "said": {voice: asdict(one) for voice, one in found.said.items()},
        "said_comparisons": [tabular.compared(one) for one in found.said_compared],
        "spoken": {
            engine: {language: asdict(one) for language, one in by_language.items()}
            for engine, by_language in found.spoken.items()
        },
        "spoken_comparisons": [tabular.compared(one) for one in found.spoken_compared],
        "codec": asdict(found.codec) if found.codec is not None else None,
        "resynthesised": {through: asdict(one) for through, one in found.resynthesised.items()},
        "units": asdict(found.units) if found.units is not None else None,
        "study": [asdict(row) for row in found.study],
        "loop": asdict(found.loop) if found.loop is not None else None,
        "stories": [
            {**asdict(one), "accuracy": one.accuracy, "interval": one.interval, "p": one.p} for one in found.outcomes
        ],
        "predictions": [asdict(one) for one in found.predictions],
        "cards": {name: asdict(one) for name, one in found.cards.items()},
    }


def _rate(name: str, measure: str, where: str, one: Rate) -> _Row:
    bounds = [round(one.value, 6), round(one.low, 6), round(one.high, 6)]
    return [name, measure, where, *bounds, one.clips, one.words, one.failures]


def _translated(engine: str, language: str, one: Translated) -> _Row:
    bounds = [round(one.bleu.value, 4), round(one.low, 4), round(one.high, 4)]
    return [engine, "asr_bleu", f"{language}-en", *bounds, one.clips, "", one.failures]


def _value(name: str, measure: str, where: str, value: float, clips: object = "") -> _Row:
    return [name, measure, where, round(value, 6), "", "", clips, "", ""]
