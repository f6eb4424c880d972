"""The report on token engines in words and figures, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engines.evaluation import report, spoken_lm, unit_table
from engines.evaluation.codec_table import markdown as codecs_told
from engines.evaluation.codec_table import used
from engines.evaluation.report import matrix, table, translation
from engines.evaluation.summary import Rate
from engines.evaluation.targets import targets
from engines.evaluation.token_summary import Tokens

PARETO, CURVES = "tokens-pareto.svg", "tokens-curves.svg"
_NOT: Final = "Not measured yet."
_HEAD: Final = """\
# The token engines, measured

Made by `triptych tokens` ({when}; {where}). Every figure is computed from runs of what ships; `tokens.csv` and
`tokens.json` beside this file hold the same figures. Where something was not trained or not measured yet, its section
says so, and the same command fills it in.
"""
_LISTEN: Final = """\
Word error rates of `whisper` are the baseline's: it reads the same recordings without tokens. `token-hybrid` writes
with the weights of `token-semantic`, so that both hear the same; what differs is how they speak.
"""
_SAY: Final = """\
Texts of held-out prompts and of unseen speakers are said, and Whisper base (beam 5) reads them back; its errors count
as the voice's, which is why Piper and Kokoro stand beside. `token-semantic` writes units behind the text and the
vocoder speaks them; `token-hybrid` has the same units spoken by stage two and the codec, in nobody's voice.
"""
_SPEAK: Final = """\
ASR-BLEU (Jia et al. 2019): BLEU of what Whisper base reads back of the English speech, without case and punctuation.
`cascade` transcribes, translates with the language model and speaks with Piper; `whisper+piper` says the recogniser's
own translation. Intervals from 1,000 bootstrap resamples of clips.
"""
_STORIES: Final = """\
Which ending of a story is likelier, the one that follows or the one that does not (`story`), or the right one of
another story (`topic`)? Mean log-likelihood per item; the stories are spoken by Piper and Kokoro in turn. By chance
half of the pairs are right: an interval that holds 50 % is no sign of understanding.
"""
_PREDICT: Final = """\
A power law of the steps (value = floor + scale · step^-exponent; without a floor where there are fewer than six
points) is fitted to each curve and carried on. In brackets the lowest and highest prediction with any one point left
out. *Tried*: what the first half of the points predicts for the last one. It is one run's own curve, with a learning
rate that falls to its end, and no series of runs: take it for an extrapolation and no more. Word error rates are
percent.
"""


def markdown(found: Tokens, *, curves: bool = False) -> str:
    """The report.

    Args:
        found: what it tells.
        curves: whether there is a picture of learning curves beside it.
    """
    measured = found.measured
    where = ", ".join(measured.machines) or "machine unknown"
    parts = [
        _HEAD.format(when=measured.measured, where=where),
        *_targets(found),
        *_hearing(found),
        *_saying(found),
        *_speaking(found),
        *_codecs(found),
        *_resynthesis(found),
        *_pareto(found),
        *_units(found),
        *_loop(found),
        *_stories(found),
        *report.training(found.cards, CURVES if curves else ""),
        *_predictions(found),
        report.recordings(measured),
    ]
    return "\n".join(parts)


def _targets(found: Tokens) -> list[str]:
    rows = [[one.what, one.limit, one.value, one.answer] for one in targets(found)]
    return ["## The targets", "", *table(["target", "is to be", "measured", "met"], rows)]


def _lacking(found: Tokens, *parts: str) -> list[str]:
    """Sentences on what is lacking, each once, as a list."""
    told = dict.fromkeys((part.split()[-1], found.lacking[part]) for part in parts if found.lacking.get(part))
    return [*(f"- {name}: {sentence}" for name, sentence in told), ""] if told else []


def _hearing(found: Tokens) -> list[str]:
    names = [part for part in found.lacking if part.startswith("hear ")]
    tables = report.tables(found.measured) if found.measured.engines else [_NOT, ""]
    return ["## What they hear", "", _LISTEN, *_lacking(found, *names), *tables]


def _saying(found: Tokens) -> list[str]:
    names = [part for part in found.lacking if part.startswith("say ")]
    parts = ["## Texts that are said", "", _SAY, *_lacking(found, *names)]
    if not found.said:
        return [*parts, _NOT, ""]
    head = ["voice", "WER read back, % [95 % interval]", "texts", "words", "s of speech per word", "work, s per s"]
    rows = [
        [
            f"`{voice}`",
            rate(one.rate),
            str(one.rate.clips),
            str(one.rate.words),
            f"{one.pace:.2f}",
            "–" if one.work is None else f"{one.work:.2f}",
        ]
        for voice, one in found.said.items()
    ]
    pairs = matrix("WER, texts that are said", found.said_compared, list(found.said), points=False)
    return [*parts, *table(head, rows), *pairs]


def _speaking(found: Tokens) -> list[str]:
    names = [part for part in found.lacking if part.startswith("speak ")]
    parts = ["## Speech into English speech", "", _SPEAK, *_lacking(found, *names)]
    if not found.spoken:
        return [*parts, _NOT, ""]
    languages = sorted({language for by_language in found.spoken.values() for language in by_language})
    clips = {language: had[language].clips for had in found.spoken.values() for language in had}
    head = ["into English speech", *(f"{name} ASR-BLEU / chrF ({clips[name]} clips)" for name in languages)]
    rows = [[f"`{name}`", *(translation(had.get(one)) for one in languages)] for name, had in found.spoken.items()]
    pairs = [
        line
        for language in languages
        for line in matrix(
            f"ASR-BLEU, {language} → en", [one for one in found.spoken_compared if one.test_set == language],
            list(found.spoken), points=True,
        )
    ]  # fmt: skip
    return [*parts, *table(head, rows), *pairs]


def _codecs(found: Tokens) -> list[str]:
    parts = ["## The codec", "", *_lacking(found, "codec")]
    if found.codec is None:
        return [*parts, _NOT, ""]
    return [*parts, codecs_told(found.codec.lines, found.codec.books, found.codec.notes), ""]


def _resynthesis(found: Tokens) -> list[str]:
    text = (
        "Recordings → units → speech, read back by Whisper base. With the durations that were heard, and with those "
        "that the vocoder guesses; through stage two in the voice of the clip, in nobody's, and by the codec alone."
    )
    names = [part for part in found.lacking if part.startswith("resynthesis ")]
    parts = ["## Speech through units", "", text, "", *_lacking(found, *names)]
    if not found.resynthesised:
        return [*parts, _NOT, ""]
    rows = [
        [through, way, rate(one), str(one.clips), f"{made.first:.2f}", f"{made.work:.2f}"]
        for through, made in found.resynthesised.items()
        for way, one in made.rates.items()
    ]
    head = ["spoken by", "way", "WER read back, % [95 % interval]", "clips", "s to the first sound", "work, s per s"]
    return [*parts, *table(head, rows)]


def _pareto(found: Tokens) -> list[str]:
    if not found.points():
        return []
    text = (
        "The grey line joins those that no other beats at as few bits, the dashed one is the original. For units every "
        "frame's unit is counted with heard durations, runs alone with predicted ones; labels are codebooks, kbit/s or "
        "the way of speaking."
    )
    picture = f"![Bit rate against words read back wrong and against DNSMOS]({PARETO})"
    return ["## Bit rate against quality", "", picture, "", text, ""]


def _units(found: Tokens) -> list[str]:
    parts = ["## The units", "", *_lacking(found, "units")]
    if found.units is None:
        return [*parts, _NOT, ""]
    one, quality = found.units, found.units.quality
    rows = [
        ["phone purity", f"{quality.phone_purity:.3f}"],
        ["cluster purity", f"{quality.cluster_purity:.3f}"],
        ["PNMI", f"{quality.pnmi:.3f}"],
        ["PNMI by chance (phones shuffled)", f"{quality.chance:.3f}"],
        ["runs per second", f"{quality.joined_rate:.1f}"],
        ["bit/s, every frame", f"{quality.bits_per_second:.0f}"],
        ["bit/s of runs, without durations", f"{quality.joined_bits_per_second:.0f}"],
    ]
    text = (
        f"{one.size} units of {1000 * one.frame_seconds:.0f} ms on {one.clips} clips, {quality.frames:,} frames with a "
        "phone as hama hears it (Hsu et al. 2021, section IV-C). Over so few frames some units are bound not to occur. "
        "How layer, number and rate were chosen is in [decision 0010](../decisions/0010-semantic-units.md)."
    )
    studied = ["", unit_table.markdown(found.study)] if found.study else []
    return [*parts, text, "", *table(["units against phones", "value"], rows), *used([one.use]), *studied, ""]


def _loop(found: Tokens) -> list[str]:
    parts = ["## The duplex loop", "", *_lacking(found, "duplex")]
    if found.loop is None:
        return [*parts, _NOT, ""]
    time, frame = found.loop.time, found.loop.time.frame_seconds
    rows = [
        [name, f"{1000 * value:.1f}", f"{value / frame:.2f}"]
        for name, value in (("median", time.median), ("95th percentile", time.p95), ("slowest", time.most))
    ]
    busy = "" if found.loop.quiet else " The machine was busy with other things: a run on a quiet one replaces this."
    text = (
        f"{time.frames} frames by the clock on {found.loop.machine or 'an unknown machine'}, load "
        f"{found.loop.load:.1f} on {found.loop.cores} cores before it began.{busy} "
        f"Coding takes {time.listening:.0%}, the model {time.thinking:.0%}, decoding {time.speaking:.0%}. "
        f"{time.late} frames were late, at worst by {1000 * time.behind:.0f} ms; {time.waited} waited at most; "
        f"{time.dropped} were dropped."
    )
    head = ["computing per frame", "ms", f"of the {1000 * frame:g} ms there are"]
    return [*parts, *table(head, rows), text, ""]


def _stories(found: Tokens) -> list[str]:
    names = [part for part in found.lacking if part in {"stories", "token-semantic, units"}]
    parts = ["## Spoken language modelling", "", _STORIES, *_lacking(found, *names)]
    return [*parts, spoken_lm.markdown(found.outcomes) if found.outcomes else f"{_NOT}\n"]


def _predictions(found: Tokens) -> list[str]:
    if not found.predictions:
        return []
    times = sorted({factor for one in found.predictions for factor in one.ahead})
    head = ["trained", "metric", "points", "steps", "now", "tried", *(f"{factor} × the steps" for factor in times)]
    rows = []
    for one in found.predictions:
        ahead = [_ahead(one.ahead, factor) for factor in times] if one.law is not None else ["does not fall"]
        tried = "–" if one.tried is None else f"{one.tried:.3g}"
        cells = [f"`{one.name}`", one.metric, str(one.points), f"{one.step:,}", f"{one.last:.3g}", tried, *ahead]
        rows.append([*cells, *[""] * (len(head) - len(cells))])
    return ["## What more training would bring", "", _PREDICT, *table(head, rows)]


def _ahead(found: Mapping[int, tuple[float, float, float]], factor: int) -> str:
    value, low, high = found[factor]
    return f"{value:.3g} [{low:.3g}–{high:.3g}]"


def rate(one: Rate) -> str:
    """A cell: percent with its interval."""
    failed = f", {one.failures} failed" if one.failures else ""
    return f"{100 * one.value:.1f} [{100 * one.low:.1f}–{100 * one.high:.1f}]{failed}"
