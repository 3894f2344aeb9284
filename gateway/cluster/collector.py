"""The collector: deletes what is in Redis and nobody holds.

What a session holds has no expiry in Redis, since the clock of Redis may jump. It is deleted when
the session is released, by its node or, after that has died, by the others. What is left all the
same is found here: the inbox of a guest's session that ended while something was delivered to it,
or whose node died between two steps of the release; that of an account that is no more; a room
whose members Redis has lost; what the name of a room that is gone looked like; the rooms of a node
that was declared dead and wrote to Redis once more.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from typing import Final

import structlog
import trio

from gateway.auth.identity import is_account_id
from gateway.backplane import Backplane, Refused
from gateway.cluster.account_sweep import AccountSweep
from gateway.cluster.unheld import Unheld

ABANDONED_SECONDS: Final = 3600.0
"""Seconds of this node's monotonic clock after which an inbox of nobody is deleted. Redis may have
lost a session that its node, cut off meanwhile, will claim again."""
PAGES_AT_ONCE: Final = 10
"""Pages of keys that one call of `Collector.collect` looks through, at most."""
MOST_ABANDONED: Final = 100_000
"""Inboxes of nobody on record; further ones wait until some of these are deleted."""

log = structlog.get_logger("collector")


class Collector:
    """Deletes what nobody holds. Every node does so; several may delete the same.

    ``sessions`` are the ids of the sessions that this node knows, whatever Redis has of them.
    """

    def __init__(self, backplane: Backplane, sessions: Collection[str]) -> None:
        self._backplane = backplane
        self._sessions = sessions
        self._account_sweep = AccountSweep(backplane)
        self._abandoned = Unheld(most=MOST_ABANDONED)
        """Inboxes that have no owner."""

    async def collect(self) -> None:
        """Look through the next pages of keys, and delete what nobody holds.

        :raises Unavailable: if Redis does not answer.
        """
        for _ in range(PAGES_AT_ONCE):
            page = await self._backplane.keys.next_page()
            await self._inboxes(page.inboxes)
            await self._rooms(page.rooms)
            await self._backplane.rooms.names.release_abandoned(page.looks)
            await self._nodes(page.nodes)
            await self._account_sweep.look_at(page.accounts)
            if page.is_last:
                self._account_sweep.end_round()
                self._abandoned.end_round()
                return

    async def _inboxes(self, owners: frozenset[str]) -> None:
        accounts = frozenset(filter(is_account_id, owners))
        held = await self._backplane.nicks.sessions_among(owners - accounts)
        held |= await self._backplane.inboxes.accounts_among(accounts)
        abandoned = (owners - held).difference(self._sessions)
        over = self._abandoned.over(abandoned, trio.current_time(), after=ABANDONED_SECONDS)
        if over:
            log.warning("inboxes of nobody", inboxes=len(over))
            await self._backplane.inboxes.delete(over)

    async def _rooms(self, names: frozenset[str]) -> None:
        for name in names:
            # A room that another program corrupted is skipped; the link has logged it.
            with suppress(Refused):
                await self._backplane.rooms.leave(name, {})  # it expires if nobody is in it

    async def _nodes(self, names: frozenset[str]) -> None:
        if not names:
            return
        nodes = self._backplane.nodes
        for name in names - await nodes.registered():
            log.warning("rooms of no node", dead_node=name)
            await nodes.declare_dead(name)
