"""``triptych`` without an argument opens the window; with a subcommand it is the command line."""

from __future__ import annotations

import sys

from app.cli import main

if __name__ == "__main__":
    sys.exit(main())
