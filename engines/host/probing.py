"""Finds out in a child process which execution providers work, so that a crashing driver costs only its own line."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from multiprocessing.connection import Connection

from engines.runtime import providers
from engines.runtime.providers import ProviderState

_SECONDS = 60.0


def probe_providers() -> Iterator[ProviderState]:
    """Tries every execution provider, each in a process of its own if it is installed."""
    for provider in providers.PROVIDERS:
        yield _probe(provider)


def _probe(provider: providers.Provider) -> ProviderState:
    if not providers.may_work(provider):
        return providers.absent(provider)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(theirs, provider), daemon=True)
    process.start()
    theirs.close()
    try:
        if ours.poll(_SECONDS):
            answer = ours.recv()
            assert isinstance(answer, ProviderState)
            return answer
        reason = f"It did not answer within {_SECONDS:.0f} s."
    except EOFError:
        process.join()
        reason = f"Trying it ended the process (status {process.exitcode})."
    finally:
        process.kill()
        process.join()
        ours.close()
    return ProviderState(provider.name, works=False, installed=True, reason=reason)


def _work(answer: Connection, provider: providers.Provider) -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    answer.send(providers.probe(provider))
