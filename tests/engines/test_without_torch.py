"""Every engine that can run, without PyTorch: a process in which importing it fails."""

from __future__ import annotations

import json
import subprocess
import sys

from engines import catalog
from engines.errors import TriptychError
from engines.weights import cards

_PROGRAM = """
import json, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "transformers", "optimum", "peft"}:
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())
from engines import catalog
from engines.audio.samples import load_sample
from engines.contract import AudioChunk, Finished, Request, Task
from engines.models.components import Components

components, offered, told = Components(), catalog.default(), {}
for name in sys.argv[1:]:
    able = next(engine.tasks for engine in offered.engines if engine.id == name)
    task = Task.TRANSCRIBE if Task.TRANSCRIBE in able else able[0]
    request = Request(load_sample("en-callers"), task=task)
    *events, last = catalog.build(offered.factories[name], components).run(request)
    assert isinstance(last, Finished), last
    sound = any(isinstance(event, AudioChunk) and event.samples.any() for event in events)
    told[name] = last.result.transcript if task is Task.TRANSCRIBE else sound
print(json.dumps(told))
"""


def _has_weights(engine: catalog.EngineDescription) -> bool:
    try:
        cards.require(engine.adapters)
    except TriptychError:
        return False
    return True


def test_every_engine_transcribes_or_speaks(model_home):
    engines = [engine.id for engine in catalog.default().engines if _has_weights(engine)]
    assert set(engines) == {engine.id for engine in catalog.default().engines}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *engines], capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert set(told) == set(engines)
    assert all(told.values())
