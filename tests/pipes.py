"""Pipes whose readers are slow, idle, or dead."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    """Both ends of a pipe; whichever a test leaves open is closed."""
    reader, writer = os.pipe()
    try:
        yield reader, writer
    finally:
        for fd in (reader, writer):
            with suppress(OSError):
                os.close(fd)


def fill(fd: int) -> int:
    """Fill a pipe with x; gives how many bytes that took."""
    os.set_blocking(fd, False)
    filling = 0
    try:
        while True:
            filling += os.write(fd, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(fd, True)
        return filling
