"""``triptych compare``: runs engines on speech, side by side."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from app import cli
from app.commands import document, table
from app.commands.running import How, run_comparison, statuses
from app.comparison import Comparison
from engines import catalog, paths
from engines.audio.load import load
from engines.audio.samples import list_samples, load_sample
from engines.audio.synthetic import write_speech
from engines.catalog import EngineDescription
from engines.contract import OptionValue, Task, Utterance
from engines.errors import BadInput, BadOption, TriptychError, UnknownLanguage
from engines.host import Host
from engines.languages import name_of, require_target


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Adds ``compare`` to the program's subcommands; :func:`run` carries it out."""
    parser = subparsers.add_parser(
        "compare",
        help="run engines on speech and compare them",
        description="Runs engines on sound files and prints what they make of them. Missing models are fetched first. "
        "Without --engines all engines run that do the task.",
    )
    parser.add_argument("audio", nargs="+", metavar="AUDIO", help="a sound file, or a video with sound")
    parser.add_argument("--engines", metavar="A,B", help="ids as `triptych engines` lists them")
    parser.add_argument("--task", default="transcribe", help=f"{', '.join(Task)} (default: transcribe)")
    parser.add_argument("--target", metavar="LANG", help="language to translate to, or to speak (translate: en)")
    parser.add_argument("--language", default="auto", metavar="LANG", help="spoken language (default: auto)")
    parser.add_argument(
        "--reference", metavar="TEXT", help="the right transcript; with --task translate the translation"
    )
    parser.add_argument("--isolated", action="store_true", help="a process per engine, with nothing shared")
    parser.add_argument("--repeats", metavar="N", help="measure N times after a warm-up; times are medians")
    parser.add_argument("--out", metavar="DIR", help="write synthesised speech and the JSON document here")
    parser.add_argument("--json", action="store_true", help="print one JSON document; for several AUDIO an array")
    parser.add_argument(
        "--evidence", action="store_true", help="put all evidence into the JSON document (lists, posteriors, attention)"
    )
    parser.add_argument("--provider", default="auto", metavar="NAME", help="execution provider (default: auto)")
    parser.add_argument(
        "--threads", default="0", metavar="N", help="threads per engine (default: as ONNX Runtime does)"
    )
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="ENGINE.NAME=VALUE",
        help="a setting; may be given several times",
    )
    return parser


@dataclass(frozen=True)
class Plan:
    """What was asked for, checked.

    Attributes:
        engines: in the order in which they run.
        task: what is asked.
        target: ISO 639-1 code, or None.
        language: of the speech; None to find out.
        reference: the right transcript or translation, if it was given.
        how: mode and repeats.
        out: folder for what is written, or None.
        as_json: whether a JSON document is printed.
        evidence: whether it holds all evidence.
        provider: execution provider.
        threads: 0 lets ONNX Runtime choose.
        options: engine id → settings.
        lenient: whether engines that are unavailable are no failure.
    """

    engines: tuple[EngineDescription, ...]
    task: Task = Task.TRANSCRIBE
    target: str | None = None
    language: str | None = None
    reference: str | None = None
    how: How = field(default_factory=How)
    out: Path | None = None
    as_json: bool = False
    evidence: bool = False
    provider: str = "auto"
    threads: int = 0
    options: dict[str, dict[str, OptionValue]] = field(default_factory=dict)
    lenient: bool = False

    @property
    def mode(self) -> str:
        """As it stands in the document."""
        return "isolated" if self.how.isolated else "interactive"


def run(args: argparse.Namespace) -> int:
    """Carries the subcommand out.

    Raises:
        BadInput: something impossible was asked for.
    """
    plan = _plan(args)
    code, documents = 0, []
    with Host(isolated=plan.how.isolated, provider=plan.provider, threads=plan.threads) as host:
        for audio in args.audio:
            try:
                utterance = _referenced(load(audio, language=plan.language), plan)
            except TriptychError as error:
                cli.complain(error)
                code = max(code, error.exit_code)
                documents.append(document.failed_document(Path(audio).name, plan.task, plan.target, plan.mode, error))
                continue
            one_code, found = _compare(host, utterance, plan)
            code = max(code, one_code)
            documents.append(found)
    if plan.as_json:
        whole = documents if len(args.audio) > 1 else documents[0]
        print(json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False))
    return code


def run_sample() -> int:
    """Runs all engines that transcribe on the first bundled sample, for where no window can be opened."""
    plan = Plan(catalog.default().supporting(Task.TRANSCRIBE), lenient=True)
    with Host() as host:
        return _compare(host, load_sample(list_samples()[0].id), plan)[0]


def _referenced(utterance: Utterance, plan: Plan) -> Utterance:
    if plan.reference is None:
        return utterance
    if plan.task is Task.TRANSLATE:
        return replace(utterance, reference_translation=plan.reference)
    return replace(utterance, reference=plan.reference)


def _compare(host: Host, utterance: Utterance, plan: Plan) -> tuple[int, document.Json]:
    comparison = Comparison(utterance, plan.task, plan.target, plan.engines, plan.options)
    run_comparison(host, comparison, plan.how)
    speech = _write_speech(comparison, plan.out)
    found = document.comparison_document(
        comparison,
        mode=plan.mode,
        repeats=plan.how.repeats,
        speech=speech,
        threads=plan.threads,
        evidence=plan.evidence,
    )
    if plan.out is not None:
        text = json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False)
        write_text(plan.out / f"{stem(utterance)}.json", text + "\n")
    if not plan.as_json:
        print(table.render(comparison, speech, shutil.get_terminal_size((100, 24)).columns), end="\n\n")
        sys.stdout.flush()
    return statuses(comparison.runs, lenient=plan.lenient), found


def _write_speech(comparison: Comparison, out: Path | None) -> dict[str, str]:
    """Writes synthesised speech into ``out``, or where it may be made again, and returns the files by engine."""
    written = {}
    for engine_id, engine_run in comparison.runs.items():
        sound = engine_run.speech()
        if sound is None or engine_run.result is None:
            continue
        folder = out or paths.cache() / "speech"
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{stem(comparison.utterance)}-{engine_id}.wav"
        write_speech(file, *sound, engine_run.mark())
        written[engine_id] = str(file)
    return written


def stem(utterance: Utterance) -> str:
    """What files of ``--out`` that are about an utterance are called, without their ending."""
    return f"{Path(utterance.source).stem[:80]}-{utterance.digest[:8]}"


def write_text(file: Path, text: str) -> None:
    """Writes a file of ``--out``.

    Raises:
        BadInput: it cannot be written.
    """
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{file} cannot be written: {error.strerror}.", "Name another folder with --out.") from error


def _plan(args: argparse.Namespace) -> Plan:
    task, target = asked_task(args.task, args.target)
    if args.language != "auto":
        name_of(args.language)
    if args.reference is not None and len(args.audio) > 1:
        raise BadOption("One reference cannot be right for several sound files.", "Give one AUDIO with --reference.")
    if args.evidence and not args.json and args.out is None:
        raise BadOption("--evidence goes into the JSON document.", "Add --json, or --out with a folder.")
    engines = asked_engines(args.engines, task, target)
    if args.provider.lower() != "auto":
        from engines.runtime import providers

        providers.find(args.provider)
    return Plan(
        engines=engines,
        task=task,
        target=target,
        language=None if args.language == "auto" else args.language,
        reference=args.reference,
        how=How(args.isolated, None if args.repeats is None else whole("--repeats", args.repeats, 1, 1000)),
        out=None if args.out is None else asked_folder(args.out),
        as_json=args.json,
        evidence=args.evidence,
        provider=args.provider,
        threads=whole("--threads", args.threads, 0, 1024),
        options=asked_options(args.option, engines),
    )


def asked_task(name: str, target: str | None) -> tuple[Task, str | None]:
    """The task of ``--task`` and the language of ``--target``, English where a translation names none.

    Raises:
        BadInput: there is no such task or language, or the two do not go together.
    """
    task = catalog.parse_task(name)
    if target is None:
        return task, "en" if task is Task.TRANSLATE else None
    require_target(target)
    if task is Task.TRANSCRIBE:
        raise BadOption("A transcript stays in the spoken language: --target does not go with it.", "Use translate.")
    return task, target


def asked_engines(names: str | None, task: Task, target: str | None) -> tuple[EngineDescription, ...]:
    """The engines of ``--engines``; all that do the task where it was not given.

    Raises:
        BadInput: there is no such engine, or none that does the task.
    """
    offered = catalog.default()
    if names is None:
        found = offered.supporting(task, target)
        if not found:
            raise UnknownLanguage(f"No engine does {task} into {target!r}.", "See `triptych engines`.")
        return found
    ids = [name.strip() for name in names.split(",") if name.strip()]
    if not ids:
        raise BadOption("--engines names no engine.", "Give ids as `triptych engines` lists them.")
    return tuple(offered.describe(name) for name in dict.fromkeys(ids))


def asked_options(texts: Iterable[str], engines: tuple[EngineDescription, ...]) -> dict[str, dict[str, OptionValue]]:
    """The settings of ``--option`` by engine.

    Raises:
        BadInput: one is malformed, out of range, or for an engine that does not run.
    """
    options: dict[str, dict[str, OptionValue]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        engine_id, dot, option = name.strip().partition(".")
        if not (equals and dot and option):
            raise BadOption(
                f"--option {text!r} is not of the form ENGINE.NAME=VALUE.", "For example rescoring.lambda=0.3."
            )
        description = catalog.default().describe(engine_id)
        if description not in engines:
            raise BadOption(f"--option {text!r} is for an engine that does not run.", "Add it to --engines.")
        options.setdefault(engine_id, {})[option] = value
    return {engine.id: engine.resolve(options[engine.id]) for engine in engines if engine.id in options}


def whole(name: str, text: str, low: int, high: int) -> int:
    """A whole number from ``low`` to ``high``.

    Raises:
        BadOption: it is none.
    """
    try:
        number = int(text)
    except ValueError:
        number = low - 1
    if not low <= number <= high:
        raise BadOption(f"{name} cannot be {text!r}.", f"Give a whole number from {low} to {high}.")
    return number


def asked_folder(name: str) -> Path:
    """The folder of ``--out``, made where it is missing.

    Raises:
        BadInput: nothing can be written into it.
    """
    folder = Path(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".triptych").touch()
        (folder / ".triptych").unlink()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "the name is impossible"
        raise BadInput(f"Nothing can be written into {name}: {reason}.", "Name another folder with --out.") from error
    return folder
