"""``triptych stress``: the same speech under noise, in rooms, over bad lines; which engine breaks first."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, cast

from app.cli import INTERRUPTED
from app.commands import document, sweeptable, table
from app.commands.compare import asked_engines, asked_folder, asked_options, stem, whole, write_text
from app.commands.running import How, run_comparison, statuses
from app.comparison import Comparison, Status
from app.sweep import Step, Sweep, as_csv, as_json
from engines.audio.conditions import NOISES, SCALES, Condition, Kind, amounting, name_of, ordered
from engines.audio.load import load
from engines.audio.stressing import stressed
from engines.audio.wav import save_wav
from engines.catalog import EngineDescription
from engines.contract import SAMPLE_RATE, OptionValue, Task, Utterance
from engines.errors import BadInput, BadOption
from engines.host import Host
from engines.languages import name_of as language_name

_EPILOG: Final = """\
examples:
  triptych stress speech.wav --noise 10
  triptych stress speech.wav --room 0.8 --telephone --engines whisper,rescoring
  triptych stress speech.wav --sweep noise 30,20,10,5,0 --json
  triptych stress speech.wav --telephone --sweep gaps 5,10,20,35,50 --out found

Ctrl-C ends a sweep at once; what was found until then is printed."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Adds ``stress`` to the program's subcommands; :func:`run` carries it out."""
    parser = subparsers.add_parser(
        "stress",
        help="make speech worse until engines break",
        description="Makes speech worse on purpose, the same way every time, and runs engines on it; with --sweep at "
        "growing severities. Errors are counted against the reference or, without one, against what each engine wrote "
        "of the recording as it is.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("audio", metavar="AUDIO", help="a sound file, or a video with sound, of up to ten minutes")
    parser.add_argument("--noise", metavar="DB", help="speech over noise in dB, -30 to 60")
    parser.add_argument("--noise-kind", default="babble", metavar="KIND", help=f"{', '.join(NOISES)} (default: babble)")
    parser.add_argument("--room", metavar="SECONDS", help="reverberation: time to fall by 60 dB, 0.1 to 3")
    parser.add_argument("--telephone", action="store_true", help="a telephone line: 300 to 3400 Hz, µ-law")
    parser.add_argument("--speed", metavar="FACTOR", help="faster or slower at the same pitch, 0.4 to 3")
    parser.add_argument("--gaps", metavar="PERCENT", help="packets of 20 ms lost in bursts, 0 to 65")
    parser.add_argument(
        "--sweep", nargs=2, metavar=("KIND", "A,B,…"), help="noise, room, speed or gaps, and the amounts to try"
    )
    parser.add_argument("--engines", metavar="A,B", help="ids as `triptych engines` lists them")
    parser.add_argument("--language", default="auto", metavar="LANG", help="spoken language (default: auto)")
    parser.add_argument("--reference", metavar="TEXT", help="the right transcript")
    parser.add_argument("--seed", default="0", metavar="N", help="another seed draws other noise (default: 0)")
    parser.add_argument("--out", metavar="DIR", help="write what was heard, the JSON document and a CSV table here")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--provider", default="auto", metavar="NAME", help="execution provider (default: auto)")
    parser.add_argument("--threads", default="0", metavar="N", help="threads per engine (default: as ONNX Runtime)")
    parser.add_argument(
        "--option", action="append", default=[], metavar="ENGINE.NAME=VALUE", help="a setting; may be given again"
    )
    return parser


@dataclass(frozen=True)
class Plan:
    """What was asked for, checked.

    Attributes:
        engines: in the order in which they run.
        base: conditions that are fixed.
        swept: the kind that is swept and its amounts; None for a single run.
        seed: of all that is drawn.
        out: folder for what is written, or None.
        as_json: whether a JSON document is printed.
        threads: 0 lets ONNX Runtime choose.
        options: engine id → settings.
    """

    engines: tuple[EngineDescription, ...]
    base: tuple[Condition, ...]
    swept: tuple[Kind, tuple[float, ...]] | None
    seed: int
    out: Path | None
    as_json: bool
    threads: int
    options: dict[str, dict[str, OptionValue]]


def run(args: argparse.Namespace) -> int:
    """Carries the subcommand out.

    Raises:
        BadInput: something impossible was asked for, or the file cannot be used.
    """
    plan = _plan(args)
    language = None if args.language == "auto" else args.language
    utterance = replace(load(args.audio, language=language), reference=args.reference)
    with Host(provider=args.provider, threads=plan.threads) as host:
        return _single(host, utterance, plan) if plan.swept is None else _swept(host, utterance, plan)


# --- one condition ---------------------------------------------------------------------------------------------------


def _single(host: Host, utterance: Utterance, plan: Plan) -> int:
    """Runs the engines on the recording as it is and on what was made of it."""
    found, code = {}, 0
    for key, heard in (("clean", utterance), ("stressed", stressed(utterance, plan.base, seed=plan.seed))):
        _keep_sound(heard, plan, name_of(plan.base) if key == "stressed" else "clean")
        comparison = Comparison(heard, Task.TRANSCRIBE, None, plan.engines, plan.options)
        run_comparison(host, comparison, How())
        code = max(code, statuses(comparison.runs))
        found[key] = document.comparison_document(
            comparison, mode="interactive", repeats=None, speech={}, threads=plan.threads
        )
        if not plan.as_json:
            print(table.render(comparison, {}, sweeptable.columns()), end="\n\n")
            sys.stdout.flush()
    whole_document = {"schema": 1, "condition": name_of(plan.base), "seed": plan.seed, **found}
    _deliver(whole_document, utterance, plan)
    return code


# --- a sweep ---------------------------------------------------------------------------------------------------------


def _swept(host: Host, utterance: Utterance, plan: Plan) -> int:
    assert plan.swept is not None
    sweep = Sweep(utterance, *plan.swept, plan.base, seed=plan.seed)
    code = _run_steps(host, sweep, plan)
    curves = sweep.curves()
    if not plan.as_json:
        print(sweeptable.render(sweep, curves, sweeptable.columns()), end="\n\n")
    found = {
        "schema": 1,
        "utterance": {
            "source": utterance.source,
            "seconds": round(utterance.seconds, 3),
            "digest": utterance.digest,
            "language": utterance.language,
            "reference": utterance.reference,
            "notes": list(utterance.notes),
        },
        "machine": document.machine(plan.threads),
        "sweep": as_json(sweep, curves),
    }
    _deliver(found, utterance, plan)
    if plan.out is not None:
        write_text(plan.out / f"{stem(utterance)}-stress.csv", as_csv(sweep, curves))
    return code


def _run_steps(host: Host, sweep: Sweep, plan: Plan) -> int:
    """Runs every severity; an engine that is unavailable is not asked again. Returns the exit code."""
    engines, code = plan.engines, 0
    for number, step in enumerate(sweep.steps, 1):
        print(f"{number} of {len(sweep.steps)}: {step.title}", file=sys.stderr)
        comparison = Comparison(sweep.utterance, Task.TRANSCRIBE, None, engines, plan.options)
        try:
            comparison.utterance = _heard(sweep, step, plan)
            run_comparison(host, comparison, How())
        except KeyboardInterrupt:
            sweep.take(step, comparison.runs.values())
            print("triptych: Stopped; what was found until now follows.", file=sys.stderr)
            return INTERRUPTED
        sweep.take(step, comparison.runs.values())
        code = max(code, statuses(comparison.runs))
        engines = tuple(one for one in engines if comparison.runs[one.id].status is not Status.UNAVAILABLE)
        if not engines:
            break
    return code


def _heard(sweep: Sweep, step: Step, plan: Plan) -> Utterance:
    heard = sweep.heard(step)
    _keep_sound(heard, plan, name_of(step.conditions))
    return heard


# --- what is written -------------------------------------------------------------------------------------------------


def _keep_sound(heard: Utterance, plan: Plan, name: str) -> None:
    if plan.out is None:
        return
    file = plan.out / f"{stem(heard)}-{name.replace('+', '_')}.wav"
    try:
        save_wav(file, heard.samples, SAMPLE_RATE)
    except OSError as error:
        raise BadInput(f"{file} cannot be written: {error.strerror}.", "Name another folder with --out.") from error


def _deliver(found: dict[str, object], utterance: Utterance, plan: Plan) -> None:
    text = json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False)
    if plan.out is not None:
        write_text(plan.out / f"{stem(utterance)}-stress.json", text + "\n")
    if plan.as_json:
        print(text)


# --- what is asked ---------------------------------------------------------------------------------------------------


def _plan(args: argparse.Namespace) -> Plan:
    if args.language != "auto":
        language_name(args.language)
    if args.noise_kind not in NOISES:
        raise BadOption(f"There is no noise {args.noise_kind!r}.", f"There are {', '.join(NOISES)}.")
    fixed = _fixed(args)
    swept = None if args.sweep is None else _sweep(args.sweep[0], args.sweep[1], args.noise_kind)
    if swept is not None:  # a fixed amount of what is swept is one more severity
        kind, amounts = swept
        amounts += tuple(one.amount for one in fixed if one.kind == kind and one.amount is not None)
        swept, fixed = (kind, amounts), [one for one in fixed if one.kind != kind]
    elif not fixed:
        hint = "Give --noise, --room, --telephone, --speed or --gaps, or --sweep with a kind and amounts."
        raise BadOption("Nothing is to be done to the speech.", hint)
    engines = asked_engines(args.engines, Task.TRANSCRIBE, None)
    if args.provider.lower() != "auto":
        from engines.runtime import providers

        providers.find(args.provider)
    return Plan(
        engines=engines,
        base=ordered(fixed),
        swept=swept,
        seed=whole("--seed", args.seed, 0, 2**31 - 1),
        out=None if args.out is None else asked_folder(args.out),
        as_json=args.json,
        threads=whole("--threads", args.threads, 0, 1024),
        options=asked_options(args.option, engines),
    )


def _fixed(args: argparse.Namespace) -> list[Condition]:
    found = [Condition("telephone")] if args.telephone else []
    given = {args.noise_kind: args.noise, "room": args.room, "speed": args.speed, "gaps": args.gaps}
    for kind, text in given.items():
        if text is not None:
            found.append(amounting(kind, _number(f"--{'noise' if kind in NOISES else kind}", text, kind)))
    return found


def _sweep(kind: str, amounts: str, noise: Kind) -> tuple[Kind, tuple[float, ...]]:
    if kind == "noise":
        kind = noise
    if kind not in SCALES:
        hint = "There are noise, room, speed and gaps."
        raise BadOption(f"--sweep cannot sweep {kind!r}.", hint)
    known = cast(Kind, kind)
    read: Callable[[str], float] = lambda text: _number("--sweep", text, known)  # noqa: E731
    return known, tuple(amounting(known, read(part)).amount or 0.0 for part in amounts.split(",") if part.strip())


def _number(name: str, text: str, kind: Kind) -> float:
    try:
        return float(text)
    except ValueError:
        raise BadOption(f"{name} cannot be {text!r}.", SCALES[kind].hint) from None
