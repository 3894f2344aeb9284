"""What a long run says meanwhile, on standard error."""

from __future__ import annotations

import sys


def show(line: str) -> None:
    """Show a line of progress: on a terminal in place of the last one, else below it.

    An empty line clears what a terminal shows.
    """
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{line}")
    elif line:
        sys.stderr.write(line + "\n")
    sys.stderr.flush()
