"""``triptych live``: what is spoken goes through all engines while it is spoken."""

from __future__ import annotations

import argparse
import json
import sys
import threading
from collections.abc import Callable, Sequence

from app import cli
from app.commands.compare import asked_engines, asked_options, asked_task, whole
from app.commands.progress import ProgressLine
from app.commands.running import prepare
from app.comparison import Comparison
from app.live import Listening, a_little_speech, able, setting
from app.sources import FileSource, Microphone, Source
from engines import catalog
from engines.audio.load import load
from engines.catalog import EngineDescription
from engines.errors import BadOption, TriptychError, Unavailable
from engines.languages import name_of
from engines.live.asking import Asked
from engines.live.driving import LiveThread, Setting, simulate
from engines.live.events import (
    Ended,
    LiveEvent,
    Load,
    Out,
    Ready,
    Skipped,
    SoundLost,
    Warming,
    Written,
    as_json,
)
from export.prepare import prepare as prepare_models

_LOOK_SECONDS = 0.2


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Adds ``live`` to the program's subcommands; :func:`run` carries it out."""
    parser = subparsers.add_parser(
        "live",
        help="engines write while you speak",
        description="Listens to the microphone, or to a file as if it were spoken now, and prints what the engines "
        "write while it is spoken. Words that are printed as final never change. Ctrl-C ends it.",
    )
    parser.add_argument("--file", metavar="AUDIO", help="a sound file instead of the microphone")
    parser.add_argument(
        "--fast", action="store_true", help="with --file: do not wait for the clock; times are as if it had been heeded"
    )
    parser.add_argument("--engines", metavar="A,B", help="ids as `triptych engines` lists them (default: all able)")
    parser.add_argument("--task", default="transcribe", help="transcribe or translate (default: transcribe)")
    parser.add_argument("--target", metavar="LANG", help="language to translate to (default: en)")
    parser.add_argument("--language", default="auto", metavar="LANG", help="spoken language (default: auto)")
    parser.add_argument("--seconds", metavar="N", help="stop after N seconds of sound")
    parser.add_argument("--json", action="store_true", help="print every event as one JSON object per line")
    parser.add_argument("--provider", default="auto", metavar="NAME", help="execution provider (default: auto)")
    parser.add_argument("--threads", default="0", metavar="N", help="threads of the engines (default: as ONNX Runtime)")
    parser.add_argument(
        "--option", action="append", default=[], metavar="ENGINE.NAME=VALUE", help="a setting; may be given again"
    )
    return parser


def run(args: argparse.Namespace) -> int:
    """Carries the subcommand out.

    Raises:
        BadInput: something impossible was asked for.
        MicrophoneUnavailable: there is none, and no file was named.
        Unavailable: no engine can run.
    """
    if args.fast and args.file is None:
        raise BadOption("--fast needs a file: a microphone cannot be hurried.", "Name one with --file.")
    seconds = None if args.seconds is None else whole("--seconds", args.seconds, 1, 86_400)
    task, target = asked_task(args.task, args.target)
    if args.language != "auto":
        name_of(args.language)
    wanted = Asked(task, target, None if args.language == "auto" else args.language)
    wanted.kinds  # noqa: B018 - says at once what cannot be done live
    engines = able(asked_engines(args.engines, task, target), wanted)
    if not engines:
        raise BadOption(f"No engine that was chosen does {task} into {target!r}.", "See `triptych engines`.")
    wanted = Asked(task, target, wanted.language, asked_options(args.option, engines))
    speech = None if args.file is None else load(args.file)
    found = opened(engines, wanted, provider=args.provider, threads=whole("--threads", args.threads, 0, 1024))
    tell = _print_json if args.json else _Console(found.engines).tell
    if args.fast and speech is not None:
        simulate(found, speech.samples[: None if seconds is None else seconds * 16_000], tell)
        return 0
    source: Source = Microphone() if args.file is None else FileSource(args.file)
    return listen(found, source, tell, seconds=seconds)


def opened(engines: tuple[EngineDescription, ...], wanted: Asked, *, provider: str, threads: int) -> Setting:
    """Makes models ready; engines that cannot run are told on standard error and left out.

    Raises:
        Unavailable: none is left.
    """
    comparison = Comparison(a_little_speech(), wanted.task, wanted.target, engines, wanted.options)
    ready = prepare(comparison)
    for run_ in comparison.runs.values():
        if run_.error is not None:
            cli.complain(TriptychError(f"{run_.engine.name}: {run_.error.message}", run_.error.hint))
    if not ready:
        raise Unavailable("No engine can run.", "`triptych doctor` tells what is missing.")
    with ProgressLine(sys.stderr) as line:
        for step in prepare_models(("silero-vad",)):
            line.show(step)
    chosen = tuple(engine for engine in engines if engine.id in ready)
    return setting(chosen, wanted, catalogue=catalog.default(), provider=provider, threads=threads)


def listen(found: Setting, source: Source, tell: Callable[[LiveEvent], None], *, seconds: float | None = None) -> int:
    """Runs live until the source ends, ``seconds`` of sound have passed, or Ctrl-C is pressed.

    Raises:
        MicrophoneUnavailable: the source cannot be opened.
    """
    ready, over = threading.Event(), threading.Event()

    def told(event: LiveEvent) -> None:
        tell(event)
        if isinstance(event, Ready | Ended):
            ready.set()
        if isinstance(event, Ended):
            over.set()

    live = LiveThread(found, told)
    listening = Listening(source, live.hear, seconds)
    live.start()
    try:
        ready.wait()
        if not over.is_set():
            listening.start()
            while not (listening.over.wait(_LOOK_SECONDS) or over.is_set()):
                pass
    except KeyboardInterrupt:
        pass
    finally:
        listening.stop()
        live.stop()
        live.wait()
    if listening.problem is not None:
        raise listening.problem
    return 0


class _Console:
    """Prints what is final, a line per engine and phrase, and what there is to say about the load.

    Args:
        engines: for their names.
    """

    def __init__(self, engines: Sequence[EngineDescription]) -> None:
        self._names = {engine.id: engine.name for engine in engines}
        self._width = max(map(len, self._names.values()))

    def tell(self, event: LiveEvent) -> None:
        """Prints an event."""
        match event:
            case Warming(engine=engine):
                self._note(f"opening {self._names[engine]} …")
            case Ready():
                self._note("Speak; Ctrl-C ends it.")
            case Load(sentence=sentence) if sentence:
                self._note(sentence)
            case SoundLost(gaps=gaps):
                self._note(f"Sound was lost ({gaps} times until now).")
            case Skipped(engine=engine, phrase=phrase, why=why):
                self._note(f"{self._names[engine]}, phrase {phrase + 1}: {why}")
            case Out(engine=engine, why=why, hint=hint):
                self._note(f"{self._names[engine]} is out: {why} {hint}".rstrip())
            case Written(engine=engine, phrase=phrase, text=text, delay=delay):
                print(f"{phrase + 1:>3}  {self._names[engine]:<{self._width}}  {delay:4.1f} s  {text}", flush=True)
            case Ended():
                self._figures(event)
            case _:
                pass

    def _figures(self, ended: Ended) -> None:
        print(f"\n{ended.heard:.1f} s of sound, {ended.phrases} phrases. From the end of speech to its final text:")
        for engine, found in ended.delays.items():
            if found.median is None:
                print(f"     {self._names[engine]:<{self._width}}  wrote nothing")
                continue
            lag = "" if found.laal is None else f", LAAL {found.laal:.2f} s"
            print(
                f"     {self._names[engine]:<{self._width}}  median {found.median:.2f} s, worst {found.worst:.2f} s"
                f"{lag}, {found.phrases} phrases"
            )

    @staticmethod
    def _note(text: str) -> None:
        print(text, file=sys.stderr, flush=True)


def _print_json(event: LiveEvent) -> None:
    print(json.dumps(as_json(event), ensure_ascii=False, allow_nan=False), flush=True)
