"""Noticing that the person has done nothing for a long time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import trio

IDLE_SECONDS: Final = 600.0
"""Seconds without a key, a click or a move of the mouse after which somebody is idle."""


class Idleness:
    """Calls ``on_idle`` after `IDLE_SECONDS` without activity, and ``on_back`` at the next one."""

    def __init__(self, on_idle: Callable[[], None], on_back: Callable[[], None]) -> None:
        self._on_idle, self._on_back = on_idle, on_back
        self._active_at = 0.0
        self._back = trio.Event()

    def note_activity(self) -> None:
        """Note that the person did something."""
        self._active_at = trio.current_time()
        self._back.set()

    async def watch(self) -> None:
        """Watch until cancelled; earlier activity does not count."""
        self.note_activity()
        while True:
            left = self._active_at + IDLE_SECONDS - trio.current_time()
            if left > 0:
                await trio.sleep(left)
            else:
                self._back = trio.Event()
                self._on_idle()
                await self._back.wait()
                self._on_back()
