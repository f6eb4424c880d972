"""Runs all benchmarks one after another: ``python -m tests.benchmarks [whisper] [llm] [engines] [window]``."""

from __future__ import annotations

import subprocess
import sys

ALL = ("whisper", "llm", "engines", "window")


def main() -> int:
    """Runs those that are named, or all; each in a process of its own."""
    names = sys.argv[1:] or list(ALL)
    unknown = [name for name in names if name not in ALL]
    if unknown:
        print(f"There is no benchmark {unknown[0]!r}. Choose from {', '.join(ALL)}.", file=sys.stderr)
        return 2
    status = 0
    for name in names:
        print(f"\n== {name}", flush=True)
        status |= subprocess.run([sys.executable, "-m", f"tests.benchmarks.{name}"], check=False).returncode
    return status


if __name__ == "__main__":
    sys.exit(main())
