"""Reads the logs of rooms, and updates the rooms: messages, members, erasures, losses."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from gateway.backplane import Snapshot
from gateway.backplane.erasures import Erasures
from gateway.backplane.log_page import LogPage
from gateway.backplane.rooms import RoomStore
from gateway.delivery.log_states import Gap, Loss, Read
from gateway.delivery.room import Room
from gateway.delivery.roster import UNKNOWN
from gateway.wire import Notice

log = structlog.get_logger("relay")


class RoomLogStore:
    """The logs of rooms, as a `LogReader` reads them."""

    def __init__(self, rooms: RoomStore, *, on_read: Callable[[Room], None]) -> None:
        """Read from ``rooms``; ``on_read`` is called after each page."""
        self._rooms = rooms
        self._on_read = on_read
        self.on_loss: Callable[[], None] = lambda: None
        """Called whenever Redis has lost messages of a room."""

    async def read(self, room: Room, request: Read) -> None:
        """Read what is requested, and deliver what is ready then."""
        seen_version = room.roster.seen
        snapshot = await self._rooms.snapshot(
            room.key,
            after=request.after,
            limit=request.limit,
            known_version=UNKNOWN if request.compares else room.roster.version,
        )
        self._process(room, request, snapshot, went_back=snapshot.version < seen_version)
        await room.deliver()
        self._on_read(room)

    async def renew_epoch(self, room: Room, epoch: str, *, beyond: str) -> None:
        """Change the epoch of a room from ``epoch`` to one later than it and ``beyond``."""
        await self._rooms.renew_epoch(room.key, epoch, beyond=beyond)

    def _process(self, room: Room, request: Read, snapshot: Snapshot, *, went_back: bool) -> None:
        if request.compares:
            room.erasures.count = 0  # Redis may have lost erasures, too: read its whole record
        if room.epoch == snapshot.epoch and not went_back:
            room.merge_erasures(snapshot.erased)
        page = LogPage(
            snapshot.epoch,
            snapshot.seq,
            room.erasures.conceal(snapshot.messages),
            snapshot.timeline,
            went_back,
        )
        outcome = room.log.take_page(request, page)
        if outcome is None:
            return
        if isinstance(outcome, Loss):
            self._process_loss(room, snapshot, outcome)
        elif isinstance(outcome, Gap):
            self._announce_gap(room, outcome)
        if snapshot.members is not None:
            room.roster.replace(snapshot.version, snapshot.members)

    def _announce_gap(self, room: Room, gap: Gap) -> None:
        log.warning("messages lost", room=room.name, after=gap.after, next=gap.up_to + 1)
        text = "Some messages are older than the log."
        room.announce(_notice(room, "history_gap", text, gap.up_to), after=gap.after)

    def _process_loss(self, room: Room, snapshot: Snapshot, loss: Loss) -> None:
        log.warning(
            "redis lost data", room=room.name, had=loss.had, has=snapshot.seq, agreed=loss.agreed
        )
        self.on_loss()
        room.erasures = Erasures()
        room.roster.invalidate()
        text = "The server lost messages; the talk goes on."
        room.announce_loss(_notice(room, "history_lost", text, loss.agreed))
        room.merge_erasures(snapshot.erased)


def _notice(room: Room, code: str, text: str, seq: int) -> Notice:
    return Notice(code=code, message=text, room=room.name, epoch=room.epoch, seq=seq)
