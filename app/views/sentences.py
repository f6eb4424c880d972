"""Plain sentences on why an engine's text came out as it did."""

from __future__ import annotations

from collections.abc import Sequence

from app.comparison import EngineRun, Status
from app.widgets.differences import align, differences
from app.widgets.numbers import nats, operations, seconds
from engines.contract import Correction, Hypothesis, NBest, Routing, SpeechTokens, TokenScores
from engines.text.envelope import reigns
from engines.text.ranking import rank

_LONG = 7
"""Words from which on only the part that differs is quoted."""


def on_ranking(found: NBest, weight: float) -> str:
    """Why a hypothesis wins at a λ."""
    listed = found.hypotheses
    if len(listed) == 1:
        return f"The recogniser is sure of “{_short(listed[0].text)}”: it offered nothing else."
    if any(h.lm is None for h in listed):
        first, second = listed[0], listed[1]
        if not differences(first.text, second.text):
            lead = f"The recogniser puts “{_short(first.text)}” first, {_likelier(first, second)}"
            return f"{lead} than the next, which differs in case or punctuation only."
        one, two = quotes(first.text, second.text)
        return f"The recogniser puts {one} first, {_likelier(first, second)} than {two}."
    winner = rank(listed, weight, found.normalised)[0][0]
    heard = rank(listed, 0.0, found.normalised)[0][0]
    fluent = rank(listed, 1.0, found.normalised)[0][0]
    unit = "nats per token" if found.normalised else "nats"
    if winner != heard:
        one, two = quotes(listed[heard].text, listed[winner].text)
        gain = _lm(listed[winner], found) - _lm(listed[heard], found)
        loss = _sound(listed[heard], found) - _sound(listed[winner], found)
        return (
            f"The recogniser preferred {one} by {nats(loss)} {unit}; the language model finds {two} {nats(gain)} "
            f"{unit} likelier, which outweighs that at λ = {weight:.2f}."
        )
    if fluent == heard:
        return f"Recogniser and language model agree on “{_short(listed[heard].text)}”, whatever λ is."
    change = next((r for r in reigns(listed, normalised=found.normalised) if r.winner != heard), None)
    one, two = quotes(listed[heard].text, listed[change.winner if change else fluent].text)
    other = listed[change.winner if change else fluent]
    gain = _lm(other, found) - _lm(listed[heard], found)
    until = f" that would win from λ = {change.start:.2f} on." if change else ""
    return (
        f"The recogniser’s {one} stands at λ = {weight:.2f}. The language model finds {two} {nats(gain)} {unit} "
        f"likelier;{until}"
    ).removesuffix(";")


_EXPERTS = {
    "clean": "clean speech",
    "noisy": "noise",
    "telephone": "a telephone line",
    "reverberant": "an echoing room",
    "accented": "accents",
}


def on_routing(found: Routing) -> str:
    """Which experts wrote, in one sentence."""
    named = [
        f"the expert for {_EXPERTS.get(name, name)} ({weight:.0%})"
        for name, weight in zip(found.experts, found.weights, strict=True)
    ]
    return f"The router took it for speech of this kind: {' and '.join(named)} wrote."


def on_correction(found: Correction) -> str:
    """What became of a correction, in one sentence."""
    strange = sum(not origin for origin in found.origins)
    total = len(found.words)
    kept = f"{total - strange} of {total} words come from the list"
    head = "The language model’s text was kept" if found.accepted else "The recogniser’s best was kept"
    return f"{head}; {kept}. {found.reason}"


def on_scores(scores: Sequence[TokenScores], who: str = "The recogniser") -> str:
    """How sure a recogniser, or a language model, was of its tokens."""
    values = [
        (value, token.strip())
        for part in scores
        for token, value in zip(part.tokens, part.log_probabilities, strict=True)
        if any(character.isalnum() for character in token)
    ]
    if not values:
        return "There are no words to be sure of."
    worst, token = min(values)
    mean = sum(value for value, _ in values) / len(values)
    told = f"{who} was least sure of “{token}” ({nats(worst)} nats)"
    return f"{told}; the mean is {mean:.2f} nats per token.".replace(" -", " −")


def on_time(run: EngineRun) -> str:
    """What took longest, and what was shared."""
    longest = max(run.stages, key=lambda stage: stage.seconds)
    shared = sum(stage.shared_seconds for stage in run.stages)
    tail = (
        f" {seconds(shared)} of it was work that another engine had done already; it counts in full." if shared else ""
    )
    told = f"Most of its {seconds(run.seconds)} went to “{longest.name}” ({seconds(longest.seconds)}).{tail}"
    return " ".join(part for part in (told, on_work(run), on_places(run)) if part)


def on_work(run: EngineRun) -> str:
    """How many operations it took, and how much memory; empty where neither is known."""
    parts = []
    if run.work is not None and run.work.flops > 0:
        partly = "at least " if run.work.unknown or run.work.incomplete else ""
        parts.append(f"{partly}{operations(run.work.flops)}")
    if run.peak_memory_bytes is not None:
        parts.append(f"{run.peak_memory_bytes / 1e6:.0f} MB of memory at most")
    return f"It took {' and '.join(parts)}." if parts else ""


def on_places(run: EngineRun) -> str:
    """What the number of places that the speech took has to do with the time; empty where it is not known."""
    rate = run.places_per_second
    if rate is None:
        return ""
    count = sum(one.count for one in run.found(SpeechTokens))
    return (
        f"The speech took {count} places of the language model’s input, {rate:.1f} per second of speech: the model "
        "works through all of them before its first word, and looks back at them for every further one."
    )


def on_nothing(run: EngineRun, what: str = "no list of hypotheses") -> str:
    """Why there is nothing to show."""
    match run.status:
        case Status.WAITING | Status.PREPARING:
            return f"{run.engine.name} has not run yet. Press Run all; its evidence comes as it works."
        case Status.RUNNING:
            return f"{run.engine.name} is at work: there is {what} yet." if "yet" not in what else f"There are {what}."
        case Status.OK:
            return f"{run.engine.name} gave {what}: it found no speech, or does not work with one."
        case _:
            error = f" {run.error.message} {run.error.hint}".rstrip() if run.error else ""
            return f"{run.engine.name} gave {what}.{error}"


def quotes(one: str, two: str) -> tuple[str, str]:
    """Both texts in quotation marks, long ones cut down to the first stretch where they differ and a word more."""
    if max(len(one.split()), len(two.split())) <= _LONG:
        return f"“{one.strip()}”", f"“{two.strip()}”"
    pairs = align(one, two)
    first = next((i for i, pair in enumerate(pairs) if pair.operation != "equal"), None)
    if first is None:  # case or punctuation alone
        first = next((i for i, pair in enumerate(pairs) if pair.reference != pair.hypothesis), 0)
        return f"“{pairs[first].reference}”", f"“{pairs[first].hypothesis}”"
    last = first
    while last + 1 < len(pairs) and pairs[last + 1].operation != "equal" and last - first < _LONG:
        last += 1
    lone = pairs[first].operation in {"insert", "delete"}
    stretch = pairs[max(0, first - 1 if lone else first) : last + 2]
    ours = " ".join(pair.reference for pair in stretch if pair.reference)
    theirs = " ".join(pair.hypothesis for pair in stretch if pair.hypothesis)
    return f"“{_trim(ours)}”", f"“{_trim(theirs)}”"


def _likelier(first: Hypothesis, second: Hypothesis) -> str:
    gain = first.acoustic - second.acoustic
    return f"{nats(gain)} nats likelier" if gain >= 0 else f"although in sum {nats(-gain)} nats less likely"


def _short(text: str) -> str:
    words = text.split()
    return text.strip() if len(words) <= _LONG else " ".join(words[:_LONG]) + " …"


def _trim(text: str) -> str:
    return text.strip().strip(".,;:!?…")


def _sound(hypothesis: Hypothesis, found: NBest) -> float:
    return hypothesis.acoustic / max(hypothesis.tokens, 1) if found.normalised else hypothesis.acoustic


def _lm(hypothesis: Hypothesis, found: NBest) -> float:
    value = hypothesis.lm or 0.0
    return value / max(hypothesis.lm_tokens, 1) if found.normalised else value
