"""Makes models ready to run: fetches their weights and builds their graphs.

The front ends call this before the engines start. A build runs in a process of its own (spawned), so that it neither
holds up a window nor leaves a gigabyte of unpacked weights behind, and can be ended at any time.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Generator, Iterable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import filelock

from engines.contract import Preparing
from engines.errors import GraphInvalid, TriptychError
from engines.weights import graphs
from engines.weights.files import room
from engines.weights.licences import require_accepted
from engines.weights.manifest import Model
from engines.weights.store import ModelState, WeightStore
from export.registry import BUILDERS, Builder

_POLL_SECONDS = 0.25


def is_ready(model_id: str, store: WeightStore | None = None) -> bool:
    """Whether a model can run as it is: installed, and its graphs built by the present builder.

    Raises:
        UnknownModel: there is no such model.
    """
    store = store or WeightStore()
    model = store.catalogue.model(model_id)
    builder = BUILDERS.get(model_id)
    if builder is None:
        return store.state(model_id) is ModelState.INSTALLED
    return graphs.is_current(model_id, builder.digest(model))


def missing(models: Iterable[str], store: WeightStore | None = None) -> list[str]:
    """Which of some models are not ready to run, in their order, each once.

    Raises:
        UnknownModel: one of them does not exist.
    """
    store = store or WeightStore()
    return [model for model in dict.fromkeys(models) if not is_ready(model, store)]


def prepare(
    models: Iterable[str], store: WeightStore | None = None, *, offline: bool | None = None, folder: Path | None = None
) -> Generator[Preparing, None, None]:
    """Fetches and builds what is missing. Closing the iterator interrupts; the next call goes on from there.

    Args:
        models: ids, in the order in which they are made ready.
        store: where weights are; the user's by default.
        offline: whether to stay off the network; by default as ``TRIPTYCH_OFFLINE`` says.
        folder: where weights are looked for first; by default what ``TRIPTYCH_WEIGHTS_FROM`` names.

    Yields:
        progress: bytes while fetching, and while building a sign of life about every quarter of a second.

    Raises:
        UnknownModel: one of them does not exist.
        LicenceNotAccepted: a licence must be accepted first.
        FetchFailed: weights cannot be had.
        WeightsCorrupt: weights are not what the manifest says.
        DiskFull: there is no room.
        GraphInvalid: graphs could not be built.
    """
    store = store or WeightStore()
    for model_id in missing(models, store):
        require_accepted(model_id, store.catalogue)
        yield from store.fetching(model_id, offline=offline, folder=folder)
        builder = BUILDERS.get(model_id)
        if builder is not None:
            yield from _build(store.catalogue.model(model_id), builder, store.path(model_id))


def _build(model: Model, builder: Builder, weights: Path) -> Iterator[Preparing]:
    what = f"Preparing {model.name} to run"
    yield Preparing(what, 0, None, "steps")
    lock = filelock.FileLock(graphs.folder() / f".{model.id}.lock", thread_local=False)
    while True:
        try:
            lock.acquire(timeout=0)
            break
        except filelock.Timeout:
            yield Preparing(what, 0, None, "steps")
            time.sleep(_POLL_SECONDS)
    try:
        digest = builder.digest(model)
        if not graphs.is_current(model.id, digest):
            yield from _in_a_process(model, builder, weights, digest, what)
    finally:
        graphs.tidy(model.id)
        lock.release()


def _in_a_process(model: Model, builder: Builder, weights: Path, digest: str, what: str) -> Iterator[Preparing]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(theirs, model.id, model.name, builder, weights, digest), daemon=True)
    process.start()
    theirs.close()
    try:
        while not ours.poll(_POLL_SECONDS):
            yield Preparing(what, 0, None, "steps")
        try:
            outcome: TriptychError | None = ours.recv()
        except EOFError:
            process.join()
            raise _ended(model, process.exitcode) from None
        process.join()
        if outcome is not None:
            raise outcome
    finally:
        if process.is_alive():
            process.terminate()
            process.join()
        ours.close()


def _ended(model: Model, code: int | None) -> GraphInvalid:
    if code is not None and code < 0:
        how = f"it was ended by {signal.Signals(-code).name}"
    else:
        how = f"it ended with status {code}"
    return GraphInvalid(
        f"The graphs of {model.name} could not be built: {how}.",
        "If memory ran out, close other programs; then start again.",
    )


def _work(answer: Connection, model_id: str, name: str, builder: Builder, weights: Path, digest: str) -> None:
    """Builds in the child process and answers with None, or with the error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt at the terminal means
    if hasattr(os, "nice"):
        os.nice(5)
    try:
        build = builder.load()
        with room(graphs.folder() / model_id):
            graphs.publish(model_id, digest, lambda target: build(weights, target))
    except TriptychError as error:
        answer.send(error)
    except Exception as error:  # noqa: BLE001 - whatever a builder raises becomes one sentence for the user
        last = traceback.extract_tb(error.__traceback__)[-1]
        answer.send(
            GraphInvalid(
                f"The graphs of {name} could not be built: {type(error).__name__}: {error}.",
                f"This is a fault in the program ({Path(last.filename).name}, line {last.lineno}); please report it.",
            )
        )
    else:
        answer.send(None)
