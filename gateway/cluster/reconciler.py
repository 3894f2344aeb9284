"""The reconciler: compares what Redis has with the sessions that exist, and corrects Redis.

Commands may be carried out long after their connection was closed. So a session may be listed in a
room that it has left. Or a node that was declared dead claimed something under its old name, after
the others had released all of that name, and died itself. Nothing else would release these.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, TypeVar

import structlog
import trio

from gateway.backplane import Backplane, Refused
from gateway.sessions.record import SessionRecord
from gateway.sessions.registry import SessionRegistry
from gateway.sessions.states import SessionState

MOST_AT_ONCE: Final = 200
"""Members or sessions that are released with one command, at most."""
STRANGE_ROOMS: Final = 50
"""Rooms that `Reconciler.rooms` checks beside those with sessions of this node."""
CHECK_BATCH: Final = 500
"""Sessions whose nicknames are checked with one command, at most."""
CHECK_ROUNDS: Final = 60
"""Calls of `Reconciler.some_sessions` that check every session once."""

_VANISHED: Final = "evicted, or deleted by somebody; they are claimed anew"

T = TypeVar("T")

log = structlog.get_logger("reconciler")


class Reconciler:
    """Corrects what Redis has of this node's sessions, and of nodes that are not registered.

    Every method raises `Unavailable` if Redis does not answer.
    """

    def __init__(self, backplane: Backplane, registry: SessionRegistry) -> None:
        self._backplane = backplane
        self._registry = registry
        self._to_check: list[str] = []

    async def sessions(self) -> None:
        """Check that every session here still owns its nickname; if not, have it claimed again."""
        sids = list(self._registry.sessions)
        for start in range(0, len(sids), CHECK_BATCH):
            await self._check(sids[start : start + CHECK_BATCH])

    async def some_sessions(self) -> None:
        """Check the next few sessions; if Redis has lost one, check all.

        `CHECK_ROUNDS` calls check every session, unless there are very many.
        """
        sessions = self._registry.sessions
        self._to_check = [sid for sid in self._to_check if sid in sessions] or list(sessions)
        count = min(math.ceil(len(sessions) / CHECK_ROUNDS), CHECK_BATCH)
        some, self._to_check = self._to_check[:count], self._to_check[count:]
        if await self._check(some):
            await self.sessions()

    async def _check(self, sids: list[str]) -> bool:
        """Mark sessions unverified that Redis has otherwise; return whether it lost one."""
        nicks = self._owned(sids)
        astray = await self._backplane.nicks.astray(nicks)
        owned = self._owned(astray)  # much may have happened meanwhile
        astray = {sid: lost for sid, lost in astray.items() if owned.get(sid) == nicks[sid]}
        if lost := sum(astray.values()):
            log.warning("nicknames vanished from redis", sessions=lost, hint=_VANISHED)
        self._registry.mark_unverified(*self._records(astray))
        return lost > 0

    async def nicks(self) -> None:
        """Release nicknames that no session holds."""
        nicks, nodes = self._backplane.nicks, self._backplane.nodes
        holdings = await nicks.holdings()
        for node in holdings.keys() - await nodes.registered():
            log.warning("nicknames held by no node", dead_node=node)
            await nodes.declare_dead(node)
        here = self._of_this_node(holdings)
        unknown = [sid for sid in here if sid not in self._registry.sessions][:MOST_AT_ONCE]
        # Those that ended meanwhile are released already; only the others are worth a warning.
        if ended := await nicks.release_held({sid: here[sid] for sid in unknown}):
            log.warning("sessions that nobody has", sessions=len(ended))
            await self._backplane.inboxes.forget(ended)

    async def rooms(self) -> None:
        """Compare listed members with sessions: in this node's rooms, and in some others."""
        known = await self._backplane.nodes.registered()
        for room in {*self._registry.rooms, *await self._backplane.rooms.some(STRANGE_ROOMS)}:
            # A room that another program corrupted is skipped; the link has logged it.
            with contextlib.suppress(Refused):
                known = await self._room(room, known)

    async def _room(self, room: str, known: set[str]) -> set[str]:
        """Compare one room; return the registered nodes, as known by now."""
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
            strays = [sid for sid in some if not self._may_be_in(room, sid)]
            # Those who left meanwhile are not listed any more.
            if strays and (gone := await rooms.leave(room, {sid: some[sid] for sid in strays})):
                log.warning("members that are not there", room=room, sessions=gone)
            await trio.lowlevel.checkpoint()
        missing = self._owned(before.difference(here))
        if missing and not here:
            log.warning(
                "members vanished from redis", room=room, sessions=len(missing), hint=_VANISHED
            )
        followers = self._registry.followers(room)
        still = self._records(sid for sid in missing if sid in followers)
        self._registry.mark_unverified(*still)
        return known

    def _records(self, sids: Iterable[str]) -> Iterator[SessionRecord]:
        sessions = self._registry.sessions
        return (sessions[sid] for sid in sids if sid in sessions)

    def _owned(self, sids: Iterable[str]) -> dict[str, str]:
        """Return the nicknames that these sessions should own in Redis now, by session.

        Sessions for which something is or will be claimed are left out.
        """
        return {
            record.sid: record.nick
            for record in self._records(sids)
            if record.may_claim
            and record.line
            and not (record.unverified or record.claims.locked())
        }

    def _may_be_in(self, room: str, sid: str) -> bool:
        """Return whether a session that Redis lists in a room on this node may be in it."""
        record = self._registry.sessions.get(sid)
        return record is not None and (
            room in record.rooms or record.state is SessionState.UNKNOWN or record.claims.locked()
        )

    def _of_this_node(self, by_node: dict[str, dict[str, T]]) -> dict[str, T]:
        is_own = self._backplane.nodes.is_own
        own = [sessions for node, sessions in by_node.items() if is_own(node)]
        return {sid: term for sessions in own for sid, term in sessions.items()}


def _batches(sessions: dict[str, int]) -> Iterator[dict[str, int]]:
    items = iter(sessions.items())
    while batch := dict(islice(items, MOST_AT_ONCE)):
        yield batch
