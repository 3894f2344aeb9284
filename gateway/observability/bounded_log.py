"""Logs what outsiders can cause without end: a few lines a second of each kind, then a number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog
import trio

LINES_PER_SECOND: Final = 10
"""Lines of one kind that are logged within a second."""
WINDOW_SECONDS: Final = 1.0


class BoundedLog:
    """A log in which outsiders cannot make more than a few lines a second.

    - A line's kind is its event, and what ``kind`` adds to it: a code, or the client's address;
      never what a client has sent.
    - The first `LINES_PER_SECOND` of a kind are logged as they are. At the end of the second one
      line says how many others there were.
    """

    def __init__(self, name: str) -> None:
        self._log = structlog.get_logger(name)
        self._lines: dict[tuple[str, str], int] = {}
        """How many lines of each kind there were in this second."""
        self._begun = trio.Event()

    def info(self, event: str, kind: str = "", /, **fields: object) -> None:
        """Log a line of level info, or count it."""
        self._write(self._log.info, event, kind, fields)

    def warning(self, event: str, kind: str = "", /, **fields: object) -> None:
        """Log a line of level warning, or count it."""
        self._write(self._log.warning, event, kind, fields)

    async def run(self) -> None:
        """End each second in which there were lines; never returns."""
        while True:
            await self._begun.wait()
            await trio.sleep(WINDOW_SECONDS)
            self._begun = trio.Event()
            lines, self._lines = self._lines, {}
            for (event, kind), count in lines.items():
                if count > LINES_PER_SECOND:
                    more = {"kind": kind} if kind else {}
                    left_out = count - LINES_PER_SECOND
                    self._log.warning("more of the same", of=event, lines=left_out, **more)

    def _write(
        self, log: Callable[..., object], event: str, kind: str, fields: dict[str, object]
    ) -> None:
        count = self._lines.get((event, kind), 0) + 1
        self._lines[event, kind] = count
        self._begun.set()
        if count <= LINES_PER_SECOND:
            log(event, **fields)
