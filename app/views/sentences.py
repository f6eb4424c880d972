"""Plain sentences on why an engine's text came out as it did."""

from __future__ import annotations

from collections.abc import Sequence

from app.comparison import EngineRun, Status
from app.language import tr
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
        return tr("The recogniser is sure of “{short}”: it offered nothing else.").format(short=_short(listed[0].text))
    if any(h.lm is None for h in listed):
        first, second = listed[0], listed[1]
        if not differences(first.text, second.text):
            lead = tr("The recogniser puts “{short}” first, {likelier}").format(
                short=_short(first.text), likelier=_likelier(first, second)
            )
            return tr("{lead} than the next, which differs in case or punctuation only.").format(lead=lead)
        one, two = quotes(first.text, second.text)
        return tr("The recogniser puts {one} first, {likelier} than {two}.").format(
            one=one, likelier=_likelier(first, second), two=two
        )
    winner = rank(listed, weight, found.normalised)[0][0]
    heard = rank(listed, 0.0, found.normalised)[0][0]
    fluent = rank(listed, 1.0, found.normalised)[0][0]
    unit = tr("nats per token") if found.normalised else "nats"
    if winner != heard:
        one, two = quotes(listed[heard].text, listed[winner].text)
        gain = _lm(listed[winner], found) - _lm(listed[heard], found)
        loss = _sound(listed[heard], found) - _sound(listed[winner], found)
        return tr(
            "The recogniser preferred {one} by {loss} {unit}; the language model finds "
            "{two} {gain} {unit} likelier, which outweighs that at λ = {weight:.2f}."
        ).format(one=one, loss=nats(loss), unit=unit, two=two, gain=nats(gain), weight=weight)
    if fluent == heard:
        return tr("Recogniser and language model agree on “{short}”, whatever λ is.").format(
            short=_short(listed[heard].text)
        )
    change = next((r for r in reigns(listed, normalised=found.normalised) if r.winner != heard), None)
    one, two = quotes(listed[heard].text, listed[change.winner if change else fluent].text)
    other = listed[change.winner if change else fluent]
    gain = _lm(other, found) - _lm(listed[heard], found)
    until = tr(" that would win from λ = {start:.2f} on.").format(start=change.start) if change else ""
    return (
        tr(
            "The recogniser’s {one} stands at λ = {weight:.2f}. The language model finds "
            "{two} {gain} {unit} likelier;{until}"
        ).format(one=one, weight=weight, two=two, gain=nats(gain), unit=unit, until=until)
    ).removesuffix(";")


_EXPERTS = {
    "clean": tr("clean speech"),
    "noisy": tr("noise"),
    "telephone": tr("a telephone line"),
    "reverberant": tr("an echoing room"),
    "accented": tr("accents"),
}


def on_routing(found: Routing) -> str:
    """Which experts wrote, in one sentence."""
    named = [
        tr("the expert for {get} ({weight:.0%})").format(get=_EXPERTS.get(name, name), weight=weight)
        for name, weight in zip(found.experts, found.weights, strict=True)
    ]
    return tr("The router took it for speech of this kind: {listed} wrote.").format(listed=tr(" and ").join(named))


def on_correction(found: Correction) -> str:
    """What became of a correction, in one sentence."""
    strange = sum(not origin for origin in found.origins)
    total = len(found.words)
    kept = tr("{total} of {total2} words come from the list").format(total=total - strange, total2=total)
    head = tr("The language model’s text was kept") if found.accepted else tr("The recogniser’s best was kept")
    return f"{head}; {kept}. {found.reason}"


def on_scores(scores: Sequence[TokenScores], who: str = tr("The recogniser")) -> str:
    """How sure a recogniser, or a language model, was of its tokens."""
    values = [
        (value, token.strip())
        for part in scores
        for token, value in zip(part.tokens, part.log_probabilities, strict=True)
        if any(character.isalnum() for character in token)
    ]
    if not values:
        return tr("There are no words to be sure of.")
    worst, token = min(values)
    mean = sum(value for value, _ in values) / len(values)
    told = tr("{who} was least sure of “{token}” ({worst} nats)").format(who=who, token=token, worst=nats(worst))
    return tr("{told}; the mean is {mean:.2f} nats per token.").format(told=told, mean=mean).replace(" -", " −")


def on_time(run: EngineRun) -> str:
    """What took longest, and what was shared."""
    longest = max(run.stages, key=lambda stage: stage.seconds)
    shared = sum(stage.shared_seconds for stage in run.stages)
    tail = (
        tr(" {seconds} of it was work that another engine had done already; it counts in full.").format(
            seconds=seconds(shared)
        )
        if shared
        else ""
    )
    told = tr("Most of its {seconds} went to “{name}” ({seconds2}).{tail}").format(
        seconds=seconds(run.seconds), name=longest.name, seconds2=seconds(longest.seconds), tail=tail
    )
    return " ".join(part for part in (told, on_work(run), on_places(run)) if part)


def on_work(run: EngineRun) -> str:
    """How many operations it took, and how much memory; empty where neither is known."""
    parts = []
    if run.work is not None and run.work.flops > 0:
        partly = tr("at least ") if run.work.unknown or run.work.incomplete else ""
        parts.append(f"{partly}{operations(run.work.flops)}")
    if run.peak_memory_bytes is not None:
        parts.append(
            tr("{peak_memory_bytes:.0f} MB of memory at most").format(
                peak_memory_bytes=run.peak_memory_bytes / 1000000.0
            )
        )
    return tr("It took {listed}.").format(listed=tr(" and ").join(parts)) if parts else ""


def on_places(run: EngineRun) -> str:
    """What the number of places that the speech took has to do with the time; empty where it is not known."""
    rate = run.places_per_second
    if rate is None:
        return ""
    count = sum(one.count for one in run.found(SpeechTokens))
    return tr(
        "The speech took {count} places of the language model’s input, {rate:.1f} per "
        "second of speech: the model works through all of them before its first word, "
        "and looks back at them for every further one."
    ).format(count=count, rate=rate)


NO_STAGES = tr("no stages yet")


def on_nothing(run: EngineRun, what: str = tr("no list of hypotheses")) -> str:
    """Why there is nothing to show."""
    match run.status:
        case Status.WAITING | Status.PREPARING:
            return tr("{name} has not run yet. Press Run all; its evidence comes as it works.").format(
                name=run.engine.name
            )
        case Status.RUNNING:
            return (
                tr("{name} is at work: there is {what} yet.").format(name=run.engine.name, what=what)
                if what != NO_STAGES
                else tr("There are no stages yet.")
            )
        case Status.OK:
            return tr("{name} gave {what}: it found no speech, or does not work with one.").format(
                name=run.engine.name, what=what
            )
        case _:
            error = f" {run.error.message} {run.error.hint}".rstrip() if run.error else ""
            return tr("{name} gave {what}.{error}").format(name=run.engine.name, what=what, error=error)


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
    return (
        tr("{gain} nats likelier").format(gain=nats(gain))
        if gain >= 0
        else tr("although in sum {value} nats less likely").format(value=nats(-gain))
    )


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


def on_two(one: EngineRun, other: EngineRun) -> str:
    """How the runs of two engines differ in what they wrote and in their time."""
    first, second = one.main_text.strip(), other.main_text.strip()
    names = {"one": one.engine.name, "other": other.engine.name}
    if not first or not second:
        said = tr("{one} and {other} have not both written something.").format(**names)
    elif first == second:
        said = tr("{one} and {other} wrote the same.").format(**names)
    else:
        ours, theirs = quotes(first, second)
        said = tr("{one} wrote {ours}, {other} {theirs}.").format(ours=ours, theirs=theirs, **names)
    if not one.status.over or not other.status.over or one.seconds <= 0 or other.seconds <= 0:
        return said
    slow, quick = (one, other) if one.seconds >= other.seconds else (other, one)
    times = tr("{slow} took {times:.1f} times as long ({long} against {short}).").format(
        slow=slow.engine.name,
        times=slow.seconds / quick.seconds,
        long=seconds(slow.seconds),
        short=seconds(quick.seconds),
    )
    return f"{said} {times}"


def on_all_times(runs: Sequence[EngineRun]) -> str | None:
    """Who was quickest and who took longest; None while nothing has ended."""
    over = [run for run in runs if run.status is Status.OK and run.seconds > 0]
    if not over:
        return None
    quick, slow = min(over, key=lambda run: run.seconds), max(over, key=lambda run: run.seconds)
    if quick is slow:
        return tr("{name} took {time}.").format(name=quick.engine.name, time=seconds(quick.seconds))
    return tr("{quick} was quickest with {short}; {slow} took {long}. What was shared counts in full.").format(
        quick=quick.engine.name,
        short=seconds(quick.seconds),
        slow=slow.engine.name,
        long=seconds(slow.seconds),
    )
