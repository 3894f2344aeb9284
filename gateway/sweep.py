"""What nobody else would give back: held by nodes on no register, or here by no session.

A command may take effect long after its connection was given up, by Redis or by something in
between. So a node that came back from the dead, and died again before it noticed, had claimed under
a name that the others had released already; or a session is entered into a room that it has left.
"""

from __future__ import annotations

from typing import Final

import structlog
import trio

from gateway.backplane import Backplane
from gateway.standings import Standings

MOST_AT_ONCE: Final = 200
"""Sessions looked at, or given back, at one go."""
STRANGE_ROOMS: Final = 50
"""Rooms looked at each time in which nobody on this node is."""

log = structlog.get_logger("sweep")


class Sweep:
    """Puts right what Redis has of this node's sessions, and of nodes that are no more."""

    def __init__(self, backplane: Backplane, standings: Standings) -> None:
        self._backplane = backplane
        self._standings = standings

    async def nicks(self) -> None:
        """See that every nickname is held by a session that there is.

        :raises Unavailable: if Redis does not answer.
        """
        nicks, nodes = self._backplane.nicks, self._backplane.nodes
        holdings = await nicks.holdings()
        for node in holdings.keys() - await nodes.registered():
            log.warning("nicknames held by no node", dead_node=node)
            await nodes.declare_dead(node)
        here = [sid for node in holdings if nodes.is_own(node) for sid in holdings[node]]
        if unknown := self._standings.unknown(here)[:MOST_AT_ONCE]:
            log.warning("sessions that nobody has", sessions=len(unknown))
            await self._backplane.inboxes.forget(await nicks.release(unknown))

    async def rooms(self) -> None:
        """See that in the rooms of this node, and some others, those are listed who are there.

        :raises Unavailable: if Redis does not answer.
        """
        rooms = self._backplane.rooms
        known = await self._backplane.nodes.registered()
        for room in {*self._standings.rooms, *await rooms.some(STRANGE_ROOMS)}:
            listed = await rooms.members_by_node(room)
            if listed.keys() - known:
                known = await self._backplane.nodes.registered()
            for node in listed.keys() - known:
                log.warning("members on no node", room=room, dead_node=node)
                await rooms.leave(room, *listed[node][:MOST_AT_ONCE], node=node)
            await self._own_members(room, listed)

    async def _own_members(self, room: str, listed: dict[str, list[str]]) -> None:
        is_own = self._backplane.nodes.is_own
        here = [sid for node in listed if is_own(node) for sid in listed[node]]
        for start in range(0, len(here), MOST_AT_ONCE):
            if strays := self._standings.strays(room, here[start : start + MOST_AT_ONCE]):
                log.warning("members that are not there", room=room, sessions=len(strays))
                await self._backplane.rooms.leave(room, *strays)
            await trio.lowlevel.checkpoint()
        self._standings.settle_unlisted(room, frozenset(here))
