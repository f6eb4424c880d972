"""``triptych models``: lists, fetches, verifies and removes pretrained models."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from app.commands.consent import ask_for_licence
from app.commands.progress import ProgressLine
from engines.errors import BadInput, BadOption, TriptychError, WeightsMissing
from engines.weights import graphs
from engines.weights.files import megabytes
from engines.weights.licences import accept_licence, licence_state
from engines.weights.store import ModelState, ModelStatus, WeightStore
from export import prepare


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Adds ``models`` to the program's subcommands; :func:`run` carries it out."""
    parser = subparsers.add_parser("models", help="list, fetch, verify or remove pretrained models")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    listing = actions.add_parser("list", help="what there is, what is installed, and under which licence")
    listing.add_argument("--json", action="store_true", help="print one JSON document")

    fetch = actions.add_parser("fetch", help="fetch models and make them ready to run")
    fetch.add_argument("ids", nargs="*", metavar="ID", help="a model's id, as `triptych models list` names it")
    fetch.add_argument("--all", action="store_true", help="every model")
    fetch.add_argument(
        "--accept-licence",
        action="append",
        default=[],
        metavar="NAME",
        help="accept a licence without being asked, for example gemma; may be given several times",
    )
    fetch.add_argument("--offline", action="store_true", default=None, help="stay off the network")
    fetch.add_argument(
        "--from", dest="folder", type=Path, metavar="DIR", help="look here first for packages' archives or bare files"
    )

    verify = actions.add_parser("verify", help="compare installed files with their digests")
    verify.add_argument("ids", nargs="*", metavar="ID", help="a model's id; without any, every installed model")

    remove = actions.add_parser("remove", help="remove models from this machine")
    remove.add_argument("ids", nargs="+", metavar="ID", help="a model's id")
    return parser


def run(args: argparse.Namespace) -> int:
    """Carries the subcommand out.

    Returns:
        0 when everything went well, 1 when something failed, 2 when it was asked for something impossible.
    """
    try:
        return _dispatch(WeightStore(), args)
    except TriptychError as error:
        _complain(error)
        return error.exit_code
    except OSError as error:
        print(f"{error.filename or 'A file'} cannot be used: {error.strerror or error}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. The same command goes on from here.", file=sys.stderr)
        return 1


def _dispatch(store: WeightStore, args: argparse.Namespace) -> int:
    match args.action:
        case "list":
            return _list(store, as_json=args.json)
        case "fetch":
            return _fetch(store, args)
        case "verify":
            return _verify(store, args.ids)
        case _:
            return _remove(store, args.ids)


def _list(store: WeightStore, *, as_json: bool) -> int:
    statuses = store.list()
    if as_json:
        print(json.dumps({"schema": 1, "models": [_record(store, status) for status in statuses]}, indent=2))
        return 0
    for status in statuses:
        model, licence = status.model, licence_state(status.model.id)
        state = "ready" if prepare.is_ready(model.id, store) else str(status.state)
        consent = "" if licence.accepted else " (to be accepted)"
        print(f"{model.id:<22} {state:<10} {megabytes(model.size):>7}  {licence.name}{consent}")
        print(f"{'':<22} {model.purpose}")
    return 0


def _record(store: WeightStore, status: ModelStatus) -> dict[str, object]:
    model, licence = status.model, licence_state(status.model.id)
    return {
        "id": model.id,
        "name": model.name,
        "purpose": model.purpose,
        "state": str(status.state),
        "ready": prepare.is_ready(model.id, store),
        "size_bytes": model.size,
        "graph_bytes": graphs.size(model.id),
        "folder": str(status.folder),
        "homepage": model.homepage,
        "credit": model.credit,
        "licence": {
            "name": licence.name,
            "url": licence.url,
            "must_accept": licence.must_accept,
            "accepted": licence.accepted,
            "accepted_at": licence.accepted_at,
        },
        "files": [{"name": file.name, "size_bytes": file.size, "sha256": file.sha256} for file in model.files],
    }


def _fetch(store: WeightStore, args: argparse.Namespace) -> int:
    if bool(args.ids) == args.all:
        raise BadOption("Name the models to fetch, or give --all.", "`triptych models list` shows their ids.")
    ids = list(dict.fromkeys(args.ids or [model.id for model in store.catalogue.models]))
    for model_id in ids:
        store.catalogue.model(model_id)
    if args.folder is not None and not args.folder.is_dir():
        raise BadInput(f"{args.folder} is no folder.", "Name the folder that holds the archives or files.")
    _accept(store, args.accept_licence)
    return _each(ids, lambda model_id: _fetch_one(store, model_id, args))


def _fetch_one(store: WeightStore, model_id: str, args: argparse.Namespace) -> None:
    ask_for_licence(model_id)
    with ProgressLine(sys.stderr) as line:
        for event in prepare.prepare([model_id], store, offline=args.offline, folder=args.folder):
            line.show(event)
    print(f"{store.catalogue.model(model_id).name} is ready.", file=sys.stderr)


def _accept(store: WeightStore, names: Iterable[str]) -> None:
    for name in names:
        models = [model.id for model in store.catalogue.models if name in {model.id, model.licence}]
        if not models:
            known = ", ".join(key for key, licence in store.catalogue.licences.items() if licence.must_accept)
            raise BadOption(f"There is no licence called {name!r}.", f"Licences to accept: {known}.")
        for model_id in models:
            accept_licence(model_id)


def _verify(store: WeightStore, ids: list[str]) -> int:
    for model_id in ids:
        store.catalogue.model(model_id)
    chosen = ids or [status.model.id for status in store.list() if status.state is not ModelState.MISSING]
    if not chosen:
        raise WeightsMissing("No model is installed.", "Run `triptych models fetch --all`.")

    def check(model_id: str) -> None:
        store.verify(model_id)
        print(f"{store.catalogue.model(model_id).name}: every file is as it should be.")

    return _each(chosen, check)


def _remove(store: WeightStore, ids: list[str]) -> int:
    for model_id in ids:
        store.catalogue.model(model_id)

    def remove(model_id: str) -> None:
        freed = store.remove(model_id) + graphs.remove(model_id)
        print(f"{store.catalogue.model(model_id).name}: {megabytes(freed)} freed.")

    return _each(ids, remove)


def _each(ids: Iterable[str], action: Callable[[str], None]) -> int:
    """Does something to every model; one that fails does not keep the others from it."""
    code = 0
    for model_id in ids:
        try:
            action(model_id)
        except TriptychError as error:
            _complain(error)
            code = max(code, error.exit_code)
    return code


def _complain(error: TriptychError) -> None:
    with contextlib.suppress(BrokenPipeError):
        print(error.message, error.hint, file=sys.stderr)
