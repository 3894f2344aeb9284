"""The standard files of this process, which may be closed, full, or read by nobody."""

from __future__ import annotations

import os
import sys
from typing import Final

_STANDARD: Final = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))
"""Names in `sys` and modes, by file descriptor."""


class CannotPrint(Exception):
    """Standard output cannot be written. The text says why; empty if its reader has gone."""


def open_missing() -> None:
    """Open the null device in the place of each standard file that was closed at the start.

    Call it before anything else is opened: a socket that got the number of standard output would
    receive what is printed.
    """
    for fd, (name, mode) in enumerate(_STANDARD):
        try:
            os.fstat(fd)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # noqa: FBT003 - it is so named
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(fd, mode, closefd=False))


def print_now(text: str = "") -> None:
    """Print to standard output, after what was printed before.

    :raises CannotPrint: if it, or what was printed before, cannot be written.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        # Else the interpreter would try to write the rest at its end, and complain again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        gone = isinstance(error, BrokenPipeError)
        raise CannotPrint("" if gone else f"cannot print: {error.strerror}") from error
