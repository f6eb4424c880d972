"""What a machine is called in records."""

from __future__ import annotations

import os
import platform
from functools import cache


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
