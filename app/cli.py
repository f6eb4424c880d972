"""The command line: parses arguments, hands over to a subcommand, and turns every failure into a sentence and a code.

Exit codes: 0 all is well, 1 an engine failed or was unavailable, 2 bad input, 130 interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.metadata
import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NoReturn, cast

from engines.errors import TriptychError

INTERRUPTED: Final = 130
PIPE_CLOSED: Final = 141

_DESCRIPTION: Final = """\
See, side by side on your own machine, how speech and large language models go together.
Without a subcommand the window opens, with a sound file if one is named."""

_EPILOG: Final = """\
examples:
  triptych compare speech.wav
  triptych compare speech.wav --task translate --target fr --json
  triptych compare a.wav b.mp3 --engines whisper,rescoring --repeats 5 --isolated
  triptych stress speech.wav --sweep noise 30,20,10,5,0
  triptych live --file speech.wav --engines whisper,cascade

exit codes: 0 all is well, 1 an engine failed or was unavailable, 2 bad input, 130 interrupted"""

_COMMANDS: Final = (
    "compare",
    "engines",
    "models",
    "doctor",
    "adapters",
    "tokens",
    "report",
    "bench",
    "train",
    "live",
    "stress",
    "soak",
    "cost",
    "history",
)
"""Modules of :mod:`app.commands`, each with ``add_parser(subparsers)`` and ``run(args) -> int``."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the program.

    Args:
        arguments: without the program's name; those of the process by default.

    Returns:
        the exit code.
    """
    _let_anything_be_printed()
    try:
        code = _run(sys.argv[1:] if arguments is None else list(arguments))
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _forget_stdout()
        return PIPE_CLOSED
    except TriptychError as error:
        complain(error)
        return error.exit_code
    return code


def complain(error: TriptychError) -> None:
    """Prints an error as one line on standard error."""
    with contextlib.suppress(OSError, ValueError):
        print(f"triptych: {' '.join(f'{error.message} {error.hint}'.split())}", file=sys.stderr)


def version() -> str:
    """The program's version."""
    try:
        return importlib.metadata.version("triptych")
    except importlib.metadata.PackageNotFoundError:
        return "from source"


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        sentence = message[:1].upper() + message[1:]
        print(f"triptych: {sentence.rstrip('.')}. See `{self.prog} --help`.", file=sys.stderr)
        raise SystemExit(2)


def parser() -> argparse.ArgumentParser:
    """The parser of all subcommands."""
    top = _Parser(
        prog="triptych",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"triptych {version()}")
    subparsers = top.add_subparsers(metavar="COMMAND", parser_class=_Parser)
    for name in _COMMANDS:
        module = importlib.import_module(f"app.commands.{name}")
        module.add_parser(subparsers).set_defaults(run=module.run)
    return top


def _run(arguments: list[str]) -> int:
    if not arguments:
        return _open_window()
    if len(arguments) == 1 and arguments[0] not in _COMMANDS and Path(arguments[0]).is_file():
        return _open_window(arguments[0])
    try:
        parsed = parser().parse_args(arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 2
    return cast(Callable[[argparse.Namespace], int], parsed.run)(parsed)


def _open_window(file: str | None = None) -> int:
    missing = display_missing()
    if missing and file is not None:
        print(f"triptych: {missing} Running the comparison of {file} here.", file=sys.stderr)
        return _run(["compare", file])
    if missing:
        print(f"triptych: {missing} Running the comparison of the bundled sample here.", file=sys.stderr)
        from app.commands import compare

        return compare.run_sample()
    window = importlib.import_module("app.start")
    return cast(int, window.start([file] if file is not None else []))


def display_missing() -> str:
    """Why no window can be opened, one sentence; empty where one can."""
    if sys.platform in {"win32", "darwin"} or os.environ.get("QT_QPA_PLATFORM"):
        return ""
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        return ""
    return "There is no display (DISPLAY and WAYLAND_DISPLAY are not set), so the window cannot be opened."


def _let_anything_be_printed() -> None:
    """Characters that the terminal's encoding lacks are shown as escapes instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _forget_stdout() -> None:
    """The reader of our output is gone: nothing more is written, also not when the interpreter ends."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
