"""What was found, in sentences that are computed: a difference is told as one only where the tests say that it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engines.contract import Paradigm
from engines.evaluation.breaking import BROKEN, PARADIGMS, breaking
from engines.evaluation.summary import COMPARED, Compared, Figures

Paradigms = Mapping[str, Paradigm]
"""Id of an engine → its paradigm."""
_NAMES = {"es": "Spanish", "fr": "French", "de": "German", "zh": "Chinese"}


def best(figures: Mapping[str, Figures], compared: Sequence[Compared], paradigms: Paradigms) -> list[str]:
    """Which paradigm is best for what: one sentence for every set on which engines of two paradigms were measured."""
    found = []
    for group in COMPARED:
        if group.id == "noise":
            continue
        rates = {engine: 100 * one.rates[group.id].value for engine, one in figures.items() if group.id in one.rates}
        ranked = sorted(rates, key=lambda engine: rates[engine])
        found += _leader(f"Transcribing, {group.title}", ranked, rates, " % WER", group.id, compared, paradigms)
    for language in dict.fromkeys(name for one in figures.values() for name in one.translations):
        scores = {
            engine: one.translations[language].bleu.value
            for engine, one in figures.items()
            if language in one.translations
        }
        ranked = sorted(scores, key=lambda engine: -scores[engine])
        title = f"Translating {_NAMES.get(language, language)} into English"
        found += _leader(title, ranked, scores, " BLEU", language, compared, paradigms)
    return found


def _leader(
    title: str, ranked: Sequence[str], values: Mapping[str, float], unit: str, test_set: str,
    compared: Sequence[Compared], paradigms: Paradigms,
) -> list[str]:  # fmt: skip
    pairs = {
        frozenset((one.first, one.second)): (one.significant, one.p) for one in compared if one.test_set == test_set
    }
    return leader(title, ranked, values, unit, pairs, paradigms)


def leader(
    title: str, ranked: Sequence[str], values: Mapping[str, float], unit: str,
    pairs: Mapping[frozenset[str], tuple[bool, str]], paradigms: Paradigms,
) -> list[str]:  # fmt: skip
    """The first engine of a ranking against the first of every other paradigm.

    Args:
        title: what they were asked.
        ranked: ids, the best first.
        values: by id.
        unit: of the values, with the space before it.
        pairs: two ids → whether they differ, and p as it is printed.
        paradigms: by id.

    Returns:
        one sentence, or none where there are not two paradigms.
    """
    if not ranked:
        return []
    first = ranked[0]
    firsts: dict[Paradigm, str] = {}
    for engine in ranked:
        firsts.setdefault(paradigms[engine], engine)
    rivals = [engine for engine in firsts.values() if engine != first]
    if not rivals:
        return []
    beaten, level, untested = list[str](), list[str](), list[str]()
    for engine in rivals:
        pair = pairs.get(frozenset((first, engine)))
        told = f"{PARADIGMS[paradigms[engine]]} (`{engine}`, {values[engine]:.1f}{unit}"
        if pair is None:
            untested.append(f"{told})")
        else:
            (beaten if pair[0] else level).append(f"{told}, p {pair[1]})")
    begin = f"**{title}**: `{first}` ({PARADIGMS[paradigms[first]]}, {values[first]:.1f}{unit})"
    parts = []
    if beaten:
        parts.append(f"is better than the best of {_listed(beaten)}")
    if level:
        parts.append(f"cannot be told apart from {_listed(level)}")
    if untested:
        parts.append(f"was not tested against {_listed(untested)}")
    lead = "ranks first, but " if not beaten else ""
    return [f"{begin} {lead}{', and '.join(parts)}."]


def costs(figures: Mapping[str, Figures], paradigms: Paradigms) -> list[str]:
    """What each paradigm costs: work, and places of the language model's input, per second of speech."""
    found = []
    for paradigm in dict.fromkeys(paradigms[engine] for engine in figures):
        own = [one for engine, one in figures.items() if paradigms[engine] == paradigm]
        works = [one.work for one in own if one.work is not None]
        places = [one.places_per_second for one in own if one.places_per_second is not None]
        parts = []
        if works:
            parts.append(f"{_range(works, '.2f')} s of work per second of speech")
        if places:
            parts.append(f"{_range(places, '.1f')} places of the language model's input")
        if parts:
            count = "one engine" if len(own) == 1 else f"{len(own)} engines"
            found.append(f"**{_capital(PARADIGMS[paradigm])}** ({count}): {', '.join(parts)}.")
    return found


def noise(figures: Mapping[str, Figures], compared: Sequence[Compared], paradigms: Paradigms) -> list[str]:
    """What breaks first under babble: where one word in two is wrong on the mean of a paradigm's engines."""
    told: list[tuple[float, str]] = []
    for paradigm, rates in noise_curves(figures, paradigms).items():
        at = breaking(rates)
        worst = min(amount for amount, _ in rates if amount is not None)
        if at.state == "already":
            told.append((float("inf"), f"{PARADIGMS[paradigm]} on clean speech already"))
        elif at.amount is not None:
            told.append((at.amount, f"{PARADIGMS[paradigm]} from about {at.amount:.0f} dB on"))
        else:
            told.append((float("-inf"), f"{PARADIGMS[paradigm]} not, tried down to {worst:.0f} dB"))
    if not told:
        return []
    told.sort(key=lambda one: -one[0])
    share = "one word in two" if BROKEN == 0.5 else f"{100 * BROKEN:.0f} % of the words"
    if told[0][0] == float("-inf"):
        first = f"**Under babble** no paradigm breaks ({share} wrong): {'; '.join(text for _, text in told)}."
    else:
        first = f"**Under babble** breaks ({share} wrong): {'; '.join(text for _, text in told)}."
    means = {
        engine: sum(wrong) / len(wrong)
        for engine, one in figures.items()
        if (wrong := [100 * rate.value for name, rate in one.rates.items() if name.startswith("babble-")])
    }
    ranked = sorted(means, key=lambda engine: means[engine])
    return [first, *_leader("Over all levels of babble", ranked, means, " % WER", "noise", compared, paradigms)]


def noise_curves(
    figures: Mapping[str, Figures], paradigms: Paradigms
) -> dict[Paradigm, list[tuple[float | None, float]]]:
    """Mean error rates over the engines of a paradigm, by dB of babble, mildest first."""
    made: dict[Paradigm, list[tuple[float | None, float]]] = {}
    for paradigm in dict.fromkeys(paradigms[engine] for engine in figures):
        own = [one.rates for engine, one in figures.items() if paradigms[engine] == paradigm]
        levels = levels_of(own)
        if levels:
            made[paradigm] = [
                (level, sum(rates[f"babble-{level:g}"].value for rates in own) / len(own)) for level in levels
            ]
    return made


def levels_of(rates: Sequence[Mapping[str, object]]) -> list[float]:
    """Levels of babble that all have, mildest first."""
    shared = set.intersection(*(set(one) for one in rates)) if rates else set[str]()
    levels = [float(name.removeprefix("babble-")) for name in shared if name.startswith("babble-")]
    return sorted(levels, reverse=True)


def _range(values: Sequence[float], style: str) -> str:
    low, high = format(min(values), style), format(max(values), style)
    return low if low == high else f"{low} to {high}"


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
