"""Waiting for what happens in another process, of which nothing tells but asking."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable

import trio

from tests import PATIENCE


async def until(
    condition: Callable[[], object | Awaitable[object]], what: str, seconds: float = PATIENCE
) -> None:
    """Ask again and again until a condition is true; it may be async.

    :raises AssertionError: if it is not within so many seconds; ``what`` says what was waited for.
    """
    with trio.move_on_after(seconds):
        while True:
            answer = condition()
            if inspect.isawaitable(answer):
                answer = await answer
            if answer:
                return
            await trio.sleep(0.02)
    raise AssertionError(f"waited {seconds:g} s in vain for {what}")
