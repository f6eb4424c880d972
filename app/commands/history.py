"""``triptych history``: what the window ran, from the command line."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from app.commands.compare import whole
from app.exporting import FORMS, export, kept_of, require_form
from app.keeping import utterance_of
from app.reporting import Kept
from engines import catalog
from engines.errors import BadInput
from engines.history import session
from engines.history.entries import Entry
from engines.history.store import Store

_EPILOG: Final = """\
examples:
  triptych history list
  triptych history list "speak to a representative" --tag demo --json
  triptych history export 4f2a report.html
  triptych history export 4f2a 91cc demo.triptych
  triptych history open demo.triptych

IDs are as `triptych history list` prints them; their beginning is enough. What was deleted comes back with
`triptych history restore` for an hour, or until the window is closed."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Adds ``history`` to the program's subcommands; :func:`run` carries it out."""
    parser = subparsers.add_parser(
        "history",
        help="find, export, share and delete what was run",
        description="The runs of the window, kept on this machine with their sound, evidence and versions.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    listing = actions.add_parser("list", help="list runs, newest first")
    listing.add_argument("words", nargs="*", metavar="WORD", help="words of texts, names or tags, or their beginnings")
    listing.add_argument("--tag", metavar="TAG", help="only runs with this tag")
    listing.add_argument("--limit", default="50", metavar="N", help="at most so many, 1 to 10000 (default: 50)")
    listing.add_argument("--json", action="store_true", help="print one JSON document")
    exporting = actions.add_parser("export", help="write runs to a file")
    exporting.add_argument("ids", nargs="+", metavar="ID", help="one run; several for triptych, txt, csv, json")
    exporting.add_argument("file", metavar="FILE", help=f"its ending says how: {', '.join(FORMS)}")
    exporting.add_argument("--engine", metavar="ID", help="whose subtitles (default: the first that wrote something)")
    opening = actions.add_parser("open", help="take the runs of a session into the history")
    opening.add_argument("file", metavar="FILE", help="as `triptych history export` or the window saved it")
    tagging = actions.add_parser("tag", help="give a run tags; those that it has are replaced")
    tagging.add_argument("id", metavar="ID")
    tagging.add_argument("tags", nargs="*", metavar="TAG", help="none takes all away")
    deleting = actions.add_parser("delete", help="delete runs")
    deleting.add_argument("ids", nargs="+", metavar="ID")
    restoring = actions.add_parser("restore", help="bring back runs that were deleted")
    restoring.add_argument("ids", nargs="+", metavar="ID", help="all 32 digits, as `delete` printed them")
    return parser


def run(args: argparse.Namespace) -> int:
    """Carries the subcommand out.

    Raises:
        BadInput: there is no such run, or something impossible was asked for.
        HistoryUnavailable: the history cannot be used.
        DiskFull: there is no room.
    """
    with Store() as store:
        if store.said:
            print(store.said)
        _ACTIONS[args.action](store, args)
    return 0


def _list(store: Store, args: argparse.Namespace) -> None:
    found = store.search(" ".join(args.words), args.tag, most=whole("--limit", args.limit, 1, 10_000))
    if args.json:
        document = {"schema": 1, "total": found.total, "runs": [_summary(entry) for entry in found.entries]}
        print(json.dumps(document, indent=2, ensure_ascii=False))
        return
    for entry in found.entries:
        print("\n".join(_lines(entry)), end="\n\n")
    if not found.total:
        print("There is no such run." if args.words or args.tag else "Nothing is in the history yet.")
    elif len(found.entries) < found.total:
        print(f"{found.total} runs, the newest {len(found.entries)} are listed.")


def _summary(entry: Entry) -> dict[str, object]:
    return {
        "id": entry.uid,
        "at": entry.at,
        "source": entry.source,
        "seconds": round(entry.seconds, 3),
        "task": entry.task,
        "target": entry.target,
        "tags": list(entry.tags),
        "runs": [
            {
                "engine": ran.engine, "status": ran.status, "at": ran.at, "seconds": round(ran.seconds, 4),
                "transcript": ran.transcript, "translation": ran.translation, "answer": ran.answer,
            }
            for ran in entry.runs
        ],
    }  # fmt: skip


def _lines(entry: Entry) -> Sequence[str]:
    target = f" into {entry.target}" if entry.target else ""
    tags = f"  [{', '.join(entry.tags)}]" if entry.tags else ""
    head = f"{entry.uid[:8]}  {entry.at[:16].replace('T', ' ')}  {entry.source} ({entry.seconds:.1f} s), "
    lines = [f"{head}{entry.task}{target}{tags}"]
    for ran in entry.runs:
        said = " ".join(ran.texts[0].split()) if ran.texts else ran.status
        lines.append(f"  {ran.name:<20} {said[:90]}{'…' if len(said) > 90 else ''}")
    return lines


def _export(store: Store, args: argparse.Namespace) -> None:
    path = Path(args.file)
    ending = require_form(path.name)
    if ending == "triptych":
        entries = [store.get(uid) for uid in args.ids]
        session.save(path, [(entry, store.require_sound(entry)) for entry in entries])
    else:
        if args.engine is not None:
            catalog.default().describe(args.engine)
        found: list[Kept] = [kept_of(store, uid, catalog.default()) for uid in args.ids]
        export(path, found, engine=args.engine)
    print(f"Saved {path}.")


def _open(store: Store, args: argparse.Namespace) -> None:
    with session.opened(Path(args.file)) as found:
        for entry in found.entries:
            utterance_of(entry, found.sound(entry))  # nothing is taken that could not be shown
            new = store.take(entry, found.sound(entry))
            print(f"{entry.uid[:8]}  {entry.source}: {'taken into the history' if new else 'was there already'}")


def _tag(store: Store, args: argparse.Namespace) -> None:
    store.tag(store.get(args.id).uid, args.tags)


def _delete(store: Store, args: argparse.Namespace) -> None:
    uids = [store.get(uid).uid for uid in args.ids]
    store.delete(uids)
    for uid in uids:
        print(f"Deleted {uid}; `triptych history restore {uid}` brings it back.")


def _restore(store: Store, args: argparse.Namespace) -> None:
    store.undelete(args.ids)
    for uid in args.ids:
        try:
            store.get(uid)
        except BadInput as error:
            raise BadInput(f"{uid} cannot be brought back.", "It is gone for good, or its ID is not whole.") from error


_ACTIONS: Final[dict[str, Callable[[Store, argparse.Namespace], None]]] = {
    "list": _list,
    "export": _export,
    "open": _open,
    "tag": _tag,
    "delete": _delete,
    "restore": _restore,
}
