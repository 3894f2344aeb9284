"""Noticing that the machine has slept: the time of day has gone on, and nothing here has."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import trio

LOOK_SECONDS: Final = 2.0
JUMP_SECONDS: Final = 10.0


async def until_jump(time_of_day: Callable[[], float] = time.time) -> None:
    """Wait until the time of day has jumped, either way, against the time that was waited.

    So it is after a sleep of the machine, whether or not the clock that one waits by has slept
    with it. It is looked at now and then, so once in a program is enough.
    """
    jump = 0.0
    while abs(jump) < JUMP_SECONDS:
        before = time_of_day()
        await trio.sleep(LOOK_SECONDS)
        jump = time_of_day() - before - LOOK_SECONDS
