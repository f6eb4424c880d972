"""Graph builders for tests of the preparation; they run in a spawned process."""

from __future__ import annotations

import errno
import os
import signal
import time

from engines.errors import GraphInvalid


def build(weights, target):
    (target / "model.onnx").write_bytes((weights / "vocab.json").read_bytes() + b" built")


def refuse(weights, target):
    raise GraphInvalid("The checkpoint has no decoder.", "Take another.")


def stumble(weights, target):
    (target / "half.onnx").write_bytes(b"half")
    raise KeyError("decoder.weight")


def die(weights, target):
    (target / "half.onnx").write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)


def fill(weights, target):
    raise OSError(errno.ENOSPC, "No space left on device")


def dawdle(weights, target):
    (target / "half.onnx").write_bytes(b"half")
    time.sleep(60)
