"""What an operator's commands print: lines of printable characters, columns between tabs."""

from __future__ import annotations

import sys


def print_line(line: str) -> None:
    """Print a line; characters that a terminal may act on are shown as escapes."""
    shown = "".join(c if c.isprintable() or c == "\t" else ascii(c)[1:-1] for c in line)
    sys.stdout.write(shown + "\n")


def print_row(*columns: str) -> None:
    """Print columns, which contain no tabs."""
    print_line("\t".join(columns))


def warn(text: str) -> None:
    """Print a warning."""
    print_line(f"warning: {text}")
