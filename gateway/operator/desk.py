"""The node's side of an operator's commands: carries out requests, one after the other."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Final

import msgspec
import structlog
import trio

from gateway.backplane import Backplane, Unavailable
from gateway.backplane.operator_requests import (
    Announce,
    AnyRequest,
    EndSessions,
    ListSessions,
    ReadBans,
    Reply,
    SessionInfo,
    decode_request,
)
from gateway.observability.metrics import Counts
from gateway.policy.bans import Ban, BanList, Target
from gateway.sessions.bans import NodeBans, count_of_all, end_sessions
from gateway.sessions.record import SessionRecord
from gateway.sessions.registry import SessionRegistry
from gateway.sessions.states import RoomState
from gateway.wire import Notice

MOST_WAITING: Final = 100
"""Requests that wait to be carried out; further ones are dropped."""
MOST_LISTED: Final = 1_000
"""Sessions in one reply."""

log = structlog.get_logger("operator")


class OperatorDesk:
    """Carries out what operators ask of one node."""

    def __init__(
        self, backplane: Backplane, registry: SessionRegistry, bans: NodeBans, counts: Counts
    ) -> None:
        self._backplane = backplane
        self._registry = registry
        self._bans = bans
        self._counts = counts
        self._requests_in, self._requests = trio.open_memory_channel[AnyRequest](MOST_WAITING)

    def receive(self, payload: bytes) -> None:
        """Take a request that was published; :raises ValueError: if it cannot be read."""
        request = decode_request(payload)
        try:
            self._requests_in.send_nowait(request)
        except trio.WouldBlock:
            log.warning("too many requests of operators")

    async def run(self) -> None:
        """Carry out requests; runs for as long as the node does."""
        async for request in self._requests:
            try:
                reply = await self._carry_out(request)
                if request.reply_to:
                    await self._backplane.publish(request.reply_to, msgspec.json.encode(reply))
            except Unavailable as error:
                # Bans that could not be read are read with a later heartbeat.
                log.info("request of an operator not carried out", reason=str(error))
            except Exception:
                log.exception("request of an operator failed")

    async def _carry_out(self, request: AnyRequest) -> Reply:
        target = getattr(request, "target", None)
        log.info("operator", request=type(request).__name__, target=str(target or ""))
        node = self._backplane.incarnation.node
        if isinstance(request, ListSessions):
            return self._list(request, node)
        if isinstance(request, ReadBans):
            return Reply(node=node, count=await self._bans.refresh())
        if isinstance(request, EndSessions):
            ended = await end_sessions(self._registry, _is_meant(request.target), request.reason)
            self._counts.sessions_kicked += ended
            return Reply(node=node, count=ended)
        return Reply(node=node, count=await self._announce(request))

    def _list(self, request: ListSessions, node: str) -> Reply:
        limit = min(request.limit, MOST_LISTED)
        is_meant = _is_meant(request.target) if request.target else (lambda _: True)
        found = heapq.nsmallest(
            limit + 1,
            (
                (record.nick, record.sid)
                for record in self._registry.sessions.values()
                if record.line and record.may_claim
                and (record.nick, record.sid) > request.after
                and is_meant(record)
            ),
        )  # fmt: skip
        sessions = [self._info(self._registry.sessions[sid], node) for _, sid in found[:limit]]
        return Reply(node=node, sessions=sessions, more=len(found) > limit)

    def _info(self, record: SessionRecord, node: str) -> SessionInfo:
        return SessionInfo(
            nick=record.nick,
            session=record.sid,
            node=node,
            address=str(record.address or ""),
            connected=record.connection is not None,
            rooms=len(record.rooms_in(RoomState.FOLLOWED, RoomState.PARKED)),
        )

    async def _announce(self, request: Announce) -> int:
        notice = Notice(code="announcement", message=request.text)

        def tell(record: SessionRecord) -> bool:
            if not record.line or record.connection is None:
                return False
            record.connection.send(notice)
            return True

        return await count_of_all(self._registry, tell)


def _is_meant(target: Target) -> Callable[[SessionRecord], bool]:
    """Return the question whether an operator who names a target means a session."""
    meant = BanList([Ban(target)])

    def is_meant(record: SessionRecord) -> bool:
        found = meant.find(0, nick=record.nick, session=record.sid, host=record.host)
        return found is not None

    return is_meant
