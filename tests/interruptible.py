"""Programs that start others, and leave nothing behind when a signal ends them."""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import trio

ResultT = TypeVar("ResultT")


def run_interruptible(work: Callable[[Path], Awaitable[ResultT]]) -> ResultT:
    """Return what comes of work in a temporary folder; SIGINT or SIGTERM cancels it and exits."""
    results: list[ResultT] = []
    ended_by: list[int] = []

    async def until_ended() -> None:
        with (
            trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals,
            tempfile.TemporaryDirectory(prefix="chat-run-") as folder,
        ):
            async with trio.open_nursery() as nursery:

                async def obey_signals() -> None:
                    ended_by.append(await anext(signals))
                    nursery.cancel_scope.cancel()

                nursery.start_soon(obey_signals)
                results.append(await work(Path(folder)))
                nursery.cancel_scope.cancel()

    try:
        trio.run(until_ended)
    except* Exception:
        # Processes of the same terminal got the signal as well: what fails then is their end.
        if not ended_by:
            raise
    if ended_by:
        sys.exit(128 + ended_by[0])
    return results[0]
