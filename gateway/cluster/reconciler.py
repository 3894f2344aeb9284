"""What nobody else would give back: held by nodes on no register, or here by no session.

A command may take effect long after its connection was given up, by Redis or by something in
between. So a node that came back from the dead, and died again before it noticed, had claimed under
a name that the others had released already; or a session is entered into a room that it has left.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from itertools import islice
from typing import Final, TypeVar

import structlog
import trio

from gateway.backplane import Backplane, Refused
from gateway.sessions.registry import SessionRegistry

MOST_AT_ONCE: Final = 200
"""Sessions looked at, or given back, at one go."""
STRANGE_ROOMS: Final = 50
"""Rooms looked at each time in which nobody on this node is."""
CHECK_BATCH: Final = 500
CHECK_ROUNDS: Final = 60
"""Times that it is seen to some sessions in which all of them come round."""

_VANISHED: Final = "evicted, or deleted by somebody; they are claimed anew"

T = TypeVar("T")

log = structlog.get_logger("sweep")


class Reconciler:
    """Puts right what Redis has of this node's sessions, and of nodes that are no more."""

    def __init__(self, backplane: Backplane, registry: SessionRegistry) -> None:
        self._backplane = backplane
        self._registry = registry
        self._to_check: list[str] = []

    async def sessions(self) -> None:
        """See that every session here owns its nickname still, and have it claimed anew if not.

        :raises Unavailable: if Redis does not answer.
        """
        sids = self._registry.everybody()
        for start in range(0, len(sids), CHECK_BATCH):
            await self._check(sids[start : start + CHECK_BATCH])

    async def some_sessions(self) -> None:
        """See to the next few sessions; to all, if Redis has lost one: most likely it lost all.

        They all come round in `CHECK_ROUNDS` calls, if there are not too many.

        :raises Unavailable: if Redis does not answer.
        """
        everybody = self._registry.everybody()
        self._to_check = self._to_check or everybody
        count = min(math.ceil(len(everybody) / CHECK_ROUNDS), CHECK_BATCH)
        some, self._to_check = self._to_check[:count], self._to_check[count:]
        if await self._check(some):
            await self.sessions()

    async def _check(self, sids: list[str]) -> bool:
        """Settle those of these sessions that may not be here; true if Redis has lost one."""
        nicks = self._registry.owned(sids)
        astray = await self._backplane.nicks.astray(nicks)
        owned = self._registry.owned(astray)  # much may have happened meanwhile
        astray = {sid: lost for sid, lost in astray.items() if owned.get(sid) == nicks[sid]}
        if lost := sum(astray.values()):
            log.warning("nicknames vanished from redis", sessions=lost, hint=_VANISHED)
        self._registry.settle_those(astray)
        return lost > 0

    async def nicks(self) -> None:
        """See that every nickname is held by a session that there is.

        :raises Unavailable: if Redis does not answer.
        """
        nicks, nodes = self._backplane.nicks, self._backplane.nodes
        holdings = await nicks.holdings()
        for node in holdings.keys() - await nodes.registered():
            log.warning("nicknames held by no node", dead_node=node)
            await nodes.declare_dead(node)
        here = self._of_this_node(holdings)
        unknown = self._registry.unknown(here)[:MOST_AT_ONCE]
        # Those that went meanwhile are given back already; only the others tell of a fault.
        if ended := await nicks.release_held({sid: here[sid] for sid in unknown}):
            log.warning("sessions that nobody has", sessions=len(ended))
            await self._backplane.inboxes.forget(ended)

    async def rooms(self) -> None:
        """See that in the rooms of this node, and some others, those are listed who are there.

        :raises Unavailable: if Redis does not answer.
        """
        known = await self._backplane.nodes.registered()
        for room in {*self._registry.rooms, *await self._backplane.rooms.some(STRANGE_ROOMS)}:
            # One that somebody else has spoilt, which the link logs, costs the others nothing.
            with contextlib.suppress(Refused):
                known = await self._room(room, known)

    async def _room(self, room: str, known: set[str]) -> set[str]:
        """See to one room; gives the nodes that are known by now to be registered."""
        rooms = self._backplane.rooms
        before = frozenset(self._registry.followers(room))
        listed = await rooms.members_by_node(room)
        if listed.keys() - known:
            known = await self._backplane.nodes.registered()
        for node in listed.keys() - known:
            for some in _batches(listed[node]):
                if gone := await rooms.leave(room, some, node=node):
                    log.warning("members on no node", room=room, dead_node=node, sessions=gone)
        here = self._of_this_node(listed)
        for some in _batches(here):
            strays = self._registry.strays(room, some)
            # Those who left meanwhile are listed no more.
            if strays and (gone := await rooms.leave(room, {sid: some[sid] for sid in strays})):
                log.warning("members that are not there", room=room, sessions=gone)
            await trio.lowlevel.checkpoint()
        missing = self._registry.owned(before.difference(here))
        if missing and not here:
            log.warning(
                "members vanished from redis", room=room, sessions=len(missing), hint=_VANISHED
            )
        self._registry.settle_followers(room, missing)
        return known

    def _of_this_node(self, by_node: dict[str, dict[str, T]]) -> dict[str, T]:
        is_own = self._backplane.nodes.is_own
        own = [sessions for node, sessions in by_node.items() if is_own(node)]
        return {sid: term for sessions in own for sid, term in sessions.items()}


def _batches(sessions: dict[str, int]) -> Iterator[dict[str, int]]:
    items = iter(sessions.items())
    while batch := dict(islice(items, MOST_AT_ONCE)):
        yield batch
