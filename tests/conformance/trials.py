"""Tries all promises on a server, and tells step by step what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import trio

from tests.conformance.client import Broken
from tests.conformance.promise import LeftOut, Promise, Server
from tests.conformance.promises import PROMISES

SIDE_BY_SIDE: Final = 4
"""Promises that are tried at the same time: most of them wait most of the time."""
TRIAL_SECONDS: Final = 120.0
"""Seconds that a promise may take, beside what the server's patience allows."""

KEPT, BROKEN, LEFT_OUT = "kept", "BROKEN", "left out"


@dataclass(frozen=True)
class Outcome:
    """What came of one promise; ``reason`` says why it is broken or left out."""

    promise: Promise
    verdict: str
    reason: str = ""

    def __str__(self) -> str:
        line = f"{self.verdict:9} {self.promise.sentence}"
        return f"{line}\n{'':9} - {self.reason}" if self.reason else line


async def try_all(
    server: Server,
    tell: Callable[[Outcome], None],
    promises: Sequence[Promise] = PROMISES,
) -> list[Outcome]:
    """Try promises, and return what came of them; ``tell`` is called with each at once."""
    outcomes: list[Outcome] = []
    limiter = trio.CapacityLimiter(SIDE_BY_SIDE)

    async def try_one(promise: Promise) -> None:
        async with limiter:
            outcomes.append(await _try(promise, server))
        tell(outcomes[-1])

    async with trio.open_nursery() as nursery:
        for promise in promises:
            if not promise.alone:
                nursery.start_soon(try_one, promise)
    for promise in promises:
        if promise.alone:
            await try_one(promise)
    return outcomes


async def _try(promise: Promise, server: Server) -> Outcome:
    try:
        with trio.move_on_after(TRIAL_SECONDS + server.patience) as scope:
            await promise.trial(server)
    except Exception as error:  # noqa: BLE001 - whatever a server sends, the others are tried
        return _why_not_kept(promise, error)
    if scope.cancelled_caught:
        return Outcome(promise, BROKEN, "it came to no end")
    return Outcome(promise, KEPT)


def _why_not_kept(promise: Promise, error: BaseException) -> Outcome:
    """Return what came of a promise whose trial failed; nurseries may have nested the error."""
    causes = list(_leaves(error))
    for cause in causes:
        if isinstance(cause, LeftOut):
            return Outcome(promise, LEFT_OUT, str(cause))
        if isinstance(cause, Broken):
            return Outcome(promise, BROKEN, str(cause))
    return Outcome(promise, BROKEN, f"what came was not understood: {causes[0]!r}")


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error


def summary(outcomes: list[Outcome]) -> str:
    """Return the last line of the report."""
    counts = Counter(outcome.verdict for outcome in outcomes)
    found = ", ".join(f"{counts[verdict]} {verdict}" for verdict in (KEPT, BROKEN, LEFT_OUT))
    return f"{len(outcomes)} promises: {found}"
