"""What correction learns, measured on lists that are at hand: every system gets the same N-best lists.

Compared are the recogniser's best hypothesis, rescoring, correction by examples, by the LoRA and by the mixture of
experts, each of them taken as written and weighed, with the two oracles of the lists. The speech itself is needed only
where a proposal is weighed. ``python -m engines.evaluation.list_learners`` prints the table.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final

from engines.contract import Hypothesis
from engines.errors import AdapterMissing
from engines.evaluation.metrics import Errors, oracle_compositional, oracle_nbest, word_errors
from engines.evaluation.significance import Difference, bootstrap_error_rate
from engines.models.causal_lm import CausalLM
from engines.models.components import Components
from engines.text import routing
from engines.text.correction import distinct, pieces, preferred
from engines.text.experts import TOP, mixed
from engines.text.learned import Learned
from engines.text.ranking import rank
from engines.text.rescoring import DEFAULT_WEIGHT
from engines.training.text import lists, make
from engines.training.text.lists import Clip, NBestList

BASE: Final = "whisper"
Writer = Callable[[NBestList, Sequence[str]], str]


@dataclass(frozen=True)
class Outcome:
    """What all systems made of one list.

    Attributes:
        key: of the list.
        condition: in which it was heard.
        reference: what was said.
        language: ISO 639-1 code of the texts.
        listed: the hypotheses.
        texts: by system; a writer's text is under its name as written, and under ``NAME, weighed`` as accepted.
    """

    key: str
    condition: str
    reference: str
    language: str
    listed: tuple[str, ...]
    texts: Mapping[str, str]


def writers(model: CausalLM) -> dict[str, Writer]:
    """What can correct a list: ``examples`` always, ``correction`` and ``experts`` where they have been trained.

    Args:
        model: Gemma.

    Raises:
        AdapterMismatch: weights are for another language model.
    """
    made: dict[str, Writer] = {"examples": lambda _, texts: _written(pieces(model, None, texts))}
    try:
        one = Learned("correction")
        made["correction"] = partial(_by_lora, one.require(model), one)
    except AdapterMissing:
        pass
    try:
        several = Learned("experts")
        router = routing.Router.open(several.folder / "router.npz")
        made["experts"] = partial(_by_experts, several.require(model), several, router)
    except AdapterMissing:
        pass
    return made


def _by_lora(model: CausalLM, found: Learned, item: NBestList, texts: Sequence[str]) -> str:
    covered = found.covers(translated=item.task == "translate", language=item.language)
    return _written(pieces(model, found.lora() if covered else None, texts))


def _by_experts(model: CausalLM, found: Learned, router: routing.Router, item: NBestList, texts: Sequence[str]) -> str:
    chosen = router.top(routing.features(item.mean_state, item.hypotheses, item.token_scores, item.seconds), TOP)
    loras = {name: found.lora(f"expert-{name}") for name, _ in chosen}
    return _written(pieces(model, mixed(loras, chosen), texts))


def _written(stream: Iterable[str]) -> str:
    return "".join(stream).strip()


def compare(
    components: Components,
    items: Iterable[NBestList],
    clips: Mapping[str, Clip],
    weight: float = DEFAULT_WEIGHT,
) -> Iterator[Outcome]:
    """Runs all systems over lists.

    Args:
        components: the parts; Gemma is used.
        items: lists of transcripts.
        clips: by :attr:`Clip.key`, the speech that the lists were made of; proposals about others are not weighed.
        weight: λ of rescoring and of the verdict.

    Raises:
        WeightsMissing: Whisper or Gemma is not installed.
    """
    model = components.language_model({"llm": "gemma-3-270m"})
    assert isinstance(model, CausalLM)
    available = writers(model)
    for item in items:
        hypotheses = _scored(model, item.hypotheses)
        texts = {BASE: item.texts[0], "rescoring": hypotheses[rank(hypotheses, weight)[0][0]].text}
        differing = distinct(item.hypotheses)
        proposals: dict[str, str] = {}
        for name, write in available.items():
            proposals[name] = (write(item, differing) if len(differing) > 1 else "") or item.texts[0]
        texts |= proposals
        if item.key in clips:
            texts |= _weighed(components, model, item, hypotheses[0], proposals, clips[item.key], weight)
        yield Outcome(item.key, item.condition, item.reference, item.target, item.texts, texts)


def _scored(model: CausalLM, hypotheses: Sequence[Hypothesis]) -> list[Hypothesis]:
    scores = model.score("", [h.text.strip() for h in hypotheses])
    return [
        Hypothesis(h.text, h.acoustic, h.tokens, lm, count)
        for h, (lm, count) in zip(hypotheses, scores, strict=True)
    ]  # fmt: skip


def _weighed(
    components: Components,
    model: CausalLM,
    item: NBestList,
    best: Hypothesis,
    proposals: Mapping[str, str],
    clip: Clip,
    weight: float,
) -> dict[str, str]:
    """What is left of proposals once recogniser and language model have judged them, as the engines do."""
    new = sorted({text for text in proposals.values() if text != best.text.strip()})
    accepted: set[str] = set()
    if new:
        recogniser = components.recogniser()
        states = recogniser.encode(clip.degraded())
        heard = recogniser.score(states, new, language=item.language)
        written = model.score("", new)
        for text, (acoustic, tokens), (lm, count) in zip(new, heard, written, strict=True):
            if preferred(Hypothesis(text, acoustic, tokens, lm, count), best, weight):
                accepted.add(text)
    return {f"{name}, weighed": text if text in accepted else best.text for name, text in proposals.items()}


@dataclass(frozen=True)
class Line:
    """One system under one condition.

    Attributes:
        condition: in which the speech was heard.
        system: its name; ``o_nb`` and ``o_cp`` are the oracles.
        errors: word errors, added up.
        against: difference to the recogniser's best hypothesis; None for that itself and for oracles.
    """

    condition: str
    system: str
    errors: Errors
    against: Difference | None


def table(outcomes: Sequence[Outcome]) -> list[Line]:
    """Word errors of every system under every condition, with paired tests against the best hypothesis."""
    made: list[Line] = []
    for condition in dict.fromkeys(outcome.condition for outcome in outcomes):
        chosen = [outcome for outcome in outcomes if outcome.condition == condition]
        base = [word_errors(o.reference, o.texts[BASE], o.language) for o in chosen]
        for system in dict.fromkeys(name for o in chosen for name in o.texts):
            found = [word_errors(o.reference, o.texts.get(system, o.texts[BASE]), o.language) for o in chosen]
            words = sum(errors.length for errors in found)
            test = bootstrap_error_rate(found, base) if system != BASE and words else None
            made.append(Line(condition, system, sum(found, start=Errors()), test))
        for name, oracle in (("o_nb", oracle_nbest), ("o_cp", oracle_compositional)):
            total = sum((oracle([o.listed], o.reference, o.language) for o in chosen), start=Errors())
            made.append(Line(condition, name, total, None))
    return made


def markdown(lines: Sequence[Line]) -> str:
    """The table: systems down, conditions across, word error rates in percent, the p of the paired test behind."""
    conditions = list(dict.fromkeys(line.condition for line in lines))
    systems = list(dict.fromkeys(line.system for line in lines))
    by = {(line.condition, line.system): line for line in lines}
    rows = ["| | " + " | ".join(conditions) + " |", "|---" * (len(conditions) + 1) + "|"]
    for system in systems:
        cells = [_cell(by.get((condition, system))) for condition in conditions]
        rows.append(f"| {system} | " + " | ".join(cells) + " |")
    words = [f"{by[condition, systems[0]].errors.length} words" for condition in conditions]
    return "\n".join([*rows, "| | " + " | ".join(words) + " |"])


def _cell(line: Line | None) -> str:
    if line is None:
        return "–"
    test = "" if line.against is None else f" (p {line.against.p:.3f})"
    return f"{100 * line.errors.rate:.2f}{test}"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=Path, required=True, help="folder of recorded prompts")
    parser.add_argument("--lists", default="heldout", help="name of the file of lists")
    parser.add_argument("--split", default="test", choices=("dev", "test"))
    parser.add_argument("--limit", type=int, default=10_000)
    parser.add_argument("--out", type=Path, help="JSON Lines of all outcomes")
    given = parser.parse_args(arguments)
    clips = {clip.key: clip for clip in make.prompts(given.prompts, (given.split,))}
    items = lists.read(lists.folder() / f"{given.lists}.jsonl")[: given.limit]
    found: list[Outcome] = []
    for outcome in compare(Components(), items, clips):
        found.append(outcome)
        if len(found) % 50 == 0:
            print(f"{len(found)} of {len(items)} lists", flush=True)
    if given.out is not None:
        text = "\n".join(json.dumps(asdict(outcome), ensure_ascii=False) for outcome in found)
        given.out.write_text(text + "\n", encoding="utf-8")
    print(markdown(table(found)))


if __name__ == "__main__":
    main()
