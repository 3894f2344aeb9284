"""Claims again what Redis may have lost, or may have moved to another node."""

from __future__ import annotations

from typing import Final

import structlog
import trio

from gateway.backplane import Backplane, NickTaken, Replaced, Unavailable
from gateway.sessions.claims import claim, enter_again
from gateway.sessions.record import SessionRecord
from gateway.sessions.registry import SessionRegistry
from gateway.wire.close_codes import NICK_LOST

_BATCH: Final = 100

log = structlog.get_logger("registry")


async def reclaim(backplane: Backplane, registry: SessionRegistry) -> None:
    """Claim again all that unverified sessions hold, many sessions at a time.

    - A session whose nickname somebody else owns by now is over.
    - A session that another node has resumed is left to it.

    :raises Unavailable: if some could not be claimed; they stay unverified.
    """
    if registry.unverified > 1:
        log.warning("claiming anew", sessions=registry.unverified)
    failures: list[Unavailable] = []
    while registry.unverified:
        async with trio.open_nursery() as nursery:
            for record in registry.take_unverified(_BATCH):
                nursery.start_soon(_reclaim, backplane, registry, record, failures)
        if failures:
            raise failures[0]


async def _reclaim(
    backplane: Backplane,
    registry: SessionRegistry,
    record: SessionRecord,
    failures: list[Unavailable],
) -> None:
    async with registry.claiming(record):
        if not (record.may_claim and record.line):
            return
        try:
            await claim(backplane, record, record.line)
            await enter_again(backplane, record)
        except NickTaken:
            registry.release(record, NICK_LOST)
        except Replaced as replaced:
            registry.replaced(record, replaced.term)
        except Unavailable as error:
            failures.append(error)
            registry.mark_unverified(record)
