"""The process's memory: how garbage is collected, and how freed memory goes back to the system."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from typing import Final

import trio

OBJECTS: Final = 2_000
"""New objects after which the youngest are looked through for garbage: 2 ms at most."""
YOUNG_ROUNDS: Final = 4
"""Such rounds after which those that have been through some are looked through: 10 ms."""
OLD_ROUNDS: Final = 1_000
"""Of these, so many before all objects are: that takes 30 ms for each 1,000 connections."""

ENDED: Final = 100
"""Connections that have ended before memory is given back."""
PAUSE_SECONDS: Final = 10.0
"""Seconds from then on, in which others end; and so between one time and the next, at least."""


def collect_seldom() -> None:
    """Have garbage collected in short steps, and everything together very seldom.

    What exists now is never looked at. What is made for a connection is freed at its end without
    the collector, which finds nothing in usual service.
    """
    gc.freeze()
    gc.set_threshold(OBJECTS, YOUNG_ROUNDS, OLD_ROUNDS)


def _find_trim() -> Callable[[], object] | None:
    """Return what gives freed memory back to the system; None if this C library has nothing."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # not glibc; Windows takes no None
        return None
    return lambda: trim(0)


class MemoryUpkeep:
    """Gives memory back to the system after many connections have ended.

    glibc itself gives back only what is freed at the end of its heap: after thousands of
    connections that is next to nothing. It takes 0.15 ms for each MiB that is given back.
    """

    def __init__(self, trim: Callable[[], object] | None = None) -> None:
        """``trim`` takes the place of the C library's."""
        self._trim = trim or _find_trim()
        self._ended = 0
        self._many_ended = trio.Event()

    def connection_ended(self) -> None:
        """Count a connection that has ended."""
        self._ended += 1
        if self._ended >= ENDED:
            self._many_ended.set()

    async def run(self) -> None:
        """Give memory back whenever it is due; ends at once where that is not possible."""
        while self._trim is not None:
            await self._many_ended.wait()
            await trio.sleep(PAUSE_SECONDS)
            self._ended, self._many_ended = 0, trio.Event()
            self._trim()
