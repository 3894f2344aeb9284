"""Noticing that the machine was asleep, by comparing two clocks."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import trio

LOOK_SECONDS: Final = 2.0
JUMP_SECONDS: Final = 10.0


async def until_jump(time_of_day: Callable[[], float] = time.time) -> None:
    """Wait until the time of day has jumped, forwards or backwards.

    That happens when the machine wakes up, whether or not Trio's clock ran while it slept. The
    clock is read every `LOOK_SECONDS`, so one caller in a program is enough.
    """
    jump = 0.0
    while abs(jump) < JUMP_SECONDS:
        before = time_of_day()
        await trio.sleep(LOOK_SECONDS)
        jump = time_of_day() - before - LOOK_SECONDS
