"""A wall clock that a test can move, for a program that it starts: a Redis server, or a node.

A small library is preloaded into the program; ``cc`` compiles it. libfaketime does not do: it does
not get along with jemalloc, which Redis uses.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import trio

HOUR: Final = 3600.0
DAY: Final = 24 * HOUR

_SOURCE: Final = Path(__file__).with_suffix(".c")
_MICROSECONDS: Final = struct.Struct("=q")


class MovableClock:
    """The wall clock of the programs that are started with its ``environment``."""

    def __init__(self, folder: Path) -> None:
        """Keep what it needs in ``folder``, which must exist."""
        self._library = folder / "movable_clock.so"
        self._file = folder / "movable_clock"
        self._moved_by = 0.0

    async def build(self) -> None:
        """Compile the library, before the first program is started."""
        if not await trio.Path(self._library).exists():
            self.move(0.0)
            await trio.run_process(
                ["cc", "-O1", "-shared", "-fPIC", "-o", str(self._library), str(_SOURCE)]
            )

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment variables that put a program under this clock."""
        return {"LD_PRELOAD": str(self._library), "MOVABLE_CLOCK": str(self._file)}

    def move(self, seconds: float) -> None:
        """Move the clock ahead, or back if ``seconds`` is negative, at once."""
        self._moved_by += seconds
        moved_by = _MICROSECONDS.pack(round(self._moved_by * 1_000_000))
        if self._file.exists():
            with self._file.open("r+b") as file:  # in place: programs have mapped it
                file.write(moved_by)
        else:
            self._file.write_bytes(moved_by)
