"""What a machine, and the software on it, is called in records."""

from __future__ import annotations

import os
import platform
from functools import cache
from importlib import metadata


@cache
def processor() -> str:
    """The processor's name, as far as the system tells it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123 - no file of ours
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def described(threads: int) -> str:
    """This machine, for records."""
    return f"{processor()}, {os.cpu_count()} cores, {threads or 'default'} threads"


@cache
def software() -> str:
    """Versions of what computes a measurement, for records."""
    parts = [f"{name} {found}" for name in ("triptych", "onnxruntime", "onnxruntime-gpu") if (found := _version(name))]
    return ", ".join([*parts, f"Python {platform.python_version()}"])


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""
