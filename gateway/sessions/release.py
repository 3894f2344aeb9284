"""Releases in Redis what sessions no longer hold: nicknames, inboxes, places in rooms."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import trio

from gateway.backplane import Backplane, Refused, Retry, Unavailable
from gateway.delivery.relay import Relay
from gateway.sessions.record import SessionRecord
from gateway.sessions.states import Resumption, RoomState, SessionEvent, SessionState
from gateway.sessions.table import SessionTable

_BATCH: Final = 200


class Releaser:
    """Releases what is due by the table, as soon as Redis answers.

    - Only what Redis has as this node's, in no later term than the session had here, is released.
    - Nothing is released of a session that is being resumed, or for which something is being
      claimed: a claim under way might be carried out after the release.
    """

    def __init__(self, backplane: Backplane, relay: Relay, table: SessionTable) -> None:
        self._backplane = backplane
        self._relay = relay
        self._table = table
        self._woken = trio.Event()
        self._all_released = trio.Event()
        self._some_released = trio.Event()

    def wake(self) -> None:
        """Check again what is due: something changed."""
        self._woken.set()

    async def all_released(self) -> None:
        """Wait until everything that is to be released has been."""
        while self._table.releasable:
            self._all_released = trio.Event()
            await self._all_released.wait()

    async def released(self, record: SessionRecord) -> None:
        """Wait until what a session that is over held has been released."""
        while record.state is SessionState.RELEASING:
            await self._some_released.wait()

    async def run(self) -> None:
        """Release what is due; runs for as long as the node does."""
        retry = Retry()
        while True:
            due = [
                record
                for record in self._table.releasable.values()
                if record.resumption is Resumption.NONE and not record.claims.locked()
            ]
            if not due:
                self._all_released.set()
                self._woken = trio.Event()
                await self._woken.wait()
                continue
            try:
                await self._release(due[:_BATCH])
                retry.succeeded()
                self._some_released.set()
                self._some_released = trio.Event()
            except Unavailable as error:
                await self._backplane.wait_connected()
                await trio.sleep(retry.pause(error))

    async def _release(self, batch: list[SessionRecord]) -> None:
        """Release what these sessions hold; one that is resumed meanwhile keeps the rest."""
        for room in {room for record in batch for room in record.rooms_in(RoomState.LEAVING)}:
            leaving = [record for record in batch if _leaves(record, room)]
            if leaving:
                with suppress(Refused):  # such a room has nothing to release
                    await self._backplane.rooms.leave(room, {r.sid: r.term for r in leaving})
            for record in leaving:
                if record.rooms.get(room) is RoomState.LEAVING:  # else it was joined again
                    self._table.left_room(record, room)
            if room not in self._relay.rooms and room not in self._table.listed:
                await self._backplane.rooms.unregister(room)
        over = [
            record
            for record in batch
            if record.state is SessionState.RELEASING and record.resumption is Resumption.NONE
        ]
        ended = await self._backplane.nicks.release({r.sid: r.term for r in over})
        await self._backplane.inboxes.forget(ended)
        for record in over:
            if not record.rooms:
                self._table.transition(record, SessionEvent.RELEASED, trio.current_time())


def _leaves(record: SessionRecord, room: str) -> bool:
    return record.rooms.get(room) is RoomState.LEAVING and record.resumption is Resumption.NONE
