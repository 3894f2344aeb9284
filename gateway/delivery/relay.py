"""The relay: passes what Redis publishes to the rooms and inboxes of this node, in order."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from typing import Final

import structlog
import trio

from gateway.backplane import Backplane, Burst, Snapshot, Unavailable, read_change
from gateway.backplane.erasures import ERASURE_PREFIX, read_erasure
from gateway.backplane.payloads import (
    ACCOUNT_EVENT_MARK,
    EPOCH_MARK,
    NOTE_MARK,
    epoch_mark,
    message_seq,
    read_marked,
)
from gateway.delivery.account_channels import AccountChannels
from gateway.delivery.inbox import Inboxes
from gateway.delivery.log_memory import REMEMBERED
from gateway.delivery.log_reader import LogReader
from gateway.delivery.presence import PresenceBatcher
from gateway.delivery.room import SLICE, Room
from gateway.delivery.room_counts import RoomCounts
from gateway.delivery.room_log_store import RoomLogStore
from gateway.delivery.roster import UNKNOWN
from gateway.net.websocket import text_frame
from gateway.observability.metrics import Counts
from gateway.policy import room_names
from gateway.wire import MAX_ROOM_CHARS, CommandError, Position

PATIENCE_SECONDS: Final = 3.0
"""Seconds that a join waits until its room has been read far enough."""

log = structlog.get_logger("relay")


class Relay:
    """The rooms that are open on this node, and the inboxes of its sessions.

    A room is open while it has members here or somebody is joining; `holding` opens it.
    """

    def __init__(self, backplane: Backplane, counts: Counts, *, outbox_bytes: int) -> None:
        """Make a relay; ``outbox_bytes`` is what may wait for one client."""
        self._backplane = backplane
        self._counts = counts
        self._outbox_bytes = outbox_bytes
        self._on_own: Callable[[bytes], None] = lambda _: None
        self._own_channel = backplane.nodes.channel
        self._on_account_event: Callable[[str, bytes], None] = lambda *_: None
        self.accounts = AccountChannels(backplane)
        self.inboxes = Inboxes(backplane, counts, self.accounts)
        self._room_counts = RoomCounts(backplane)
        self.rooms: dict[str, Room] = {}
        """The open rooms, by the keys of their names."""
        self._by_channel: dict[bytes, Room] = {}
        self._presence = PresenceBatcher(self._room_counts)
        self._logs = RoomLogStore(backplane.rooms, on_read=self._follow_up)
        self._reader = LogReader(self._logs, wait_connected=backplane.wait_connected)
        self._nursery: trio.Nursery | None = None

    async def run(
        self,
        *,
        on_own: Callable[[bytes], None],
        on_loss: Callable[[], None] = lambda: None,
        on_account_event: Callable[[str, bytes], None] = lambda *_: None,
    ) -> None:
        """Keep rooms and inboxes up to date; runs for as long as the node does.

        - ``on_own``: called with what is published on the node's channel for no session;
        - ``on_loss``: called whenever Redis has lost messages of a room;
        - ``on_account_event``: called with an account and the JSON of an event published on its
          channel, while that is held here (`AccountChannels`); a ValueError is logged.
        """
        self._on_own, self._logs.on_loss = on_own, on_loss
        self._on_account_event = on_account_event
        async with trio.open_nursery() as self._nursery:
            self._nursery.start_soon(self._presence.run)
            self._nursery.start_soon(self.inboxes.run)
            self._nursery.start_soon(self._room_counts.run)
            self._nursery.start_soon(self._reader.run)

    # --- open rooms ---------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def holding(self, key: str) -> AsyncIterator[Room]:
        """Open a room, and keep it open in this context; after that only if it has members.

        ``key`` is the key of its name.

        :raises Unavailable: if it cannot be opened, since Redis does not answer.
        """
        room = self.rooms.get(key)
        if room is None:
            room = self._open(key)
        room.holds += 1
        try:
            await room.ready.wait()
            if room.failure is not None:
                raise type(room.failure)(f"the room could not be opened: {room.failure}")
            yield room
        finally:
            room.holds -= 1
            self.close_if_unused(room)

    def joined(self, name: str, session: str) -> Room:
        """Return a room that a session is in, by its name in any spelling.

        :raises CommandError: ``not_in_room``.
        """
        room = self.rooms.get(room_names.key(name))
        if room is None or not room.has(session):
            shown = name[:MAX_ROOM_CHARS]
            raise CommandError("not_in_room", f"You are not in the room {shown!r}; join it first.")
        return room

    def drop_member(self, key: str, session: str) -> None:
        """Remove a session from a room on this node."""
        room = self.rooms.get(key)
        if room is not None:
            room.remove(session)
            room.roster.forget(session)
            self.close_if_unused(room)

    def close_if_unused(self, room: Room) -> None:
        """Close a room that has no members here and that nobody is joining."""
        if not (room.size or room.holds):
            self._close(room)

    def _open(self, key: str) -> Room:
        room = Room(key, self._backplane.rooms.channel(key), self._counts, self._outbox_bytes)
        self.rooms[key] = room
        self._by_channel[room.channel] = room
        assert self._nursery is not None  # noqa: S101 - run() comes before the first client
        self._nursery.start_soon(self._finish_opening, room)
        return room

    async def _finish_opening(self, room: Room) -> None:
        """Read a room and begin to follow it; if that fails, `holding` raises `Unavailable`."""
        try:
            snapshot = await self._read_first(room)
        except Unavailable as error:
            room.failure = error
            room.ready.set()
            self._close(room)  # though still held, so that the next join tries again
            return
        room.begin(snapshot)
        room.ready.set()
        self._follow_up(room)
        self.close_if_unused(room)

    async def _read_first(self, room: Room) -> Snapshot:
        """Subscribe, then read the room: in this order no message falls in between."""
        if not await self._backplane.subscribe(room.channel):
            raise Unavailable("not subscribed")
        rooms = self._backplane.rooms
        await rooms.register(room.key)
        return await rooms.snapshot(room.key, after=None, limit=REMEMBERED, known_version=UNKNOWN)

    def _close(self, room: Room) -> None:
        if self.rooms.get(room.key) is not room:
            return
        room.log.close()
        del self.rooms[room.key]
        del self._by_channel[room.channel]
        self._presence.forget(room)
        self._room_counts.changed([room.key])
        self._backplane.unsubscribe(room.channel)

    # --- what is published --------------------------------------------------------------------

    async def on_burst(self, burst: Burst) -> None:
        """Process the publications of one read, and deliver their messages.

        Returns when that is done: what this node is too slow for waits in Redis, which bounds it,
        and is then joined into fewer writes.
        """
        written = 0
        now = trio.current_time()
        for room in self._sort(burst):
            if room.rested_at <= now:
                if room.deliver_now():
                    written += room.size + 1
                else:
                    await room.deliver()  # other tasks run after each slice of it
            elif not room.resting and room.due and self._nursery is not None:
                room.resting = True
                self._nursery.start_soon(self._deliver_after_rest, room)
            self._follow_up(room)
            if written > SLICE:
                await trio.lowlevel.cancel_shielded_checkpoint()
                written, now = 0, trio.current_time()

    def _sort(self, burst: Burst) -> Iterable[Room]:
        """Pass publications to their rooms; return the rooms that may have something to deliver."""
        touched: dict[Room, None] = {}
        for channel, payload in burst:
            room = self._by_channel.get(channel)
            if room is None:
                self._receive_for_people(channel, payload)
                continue
            try:
                if payload.startswith(EPOCH_MARK):
                    self._receive_message(room, payload)
                elif payload.startswith(NOTE_MARK):
                    sender, note = read_marked(payload)
                    room.note(text_frame(note), sender)
                    continue
                elif payload.startswith(ERASURE_PREFIX):
                    room.receive_erasure(read_erasure(payload))
                else:
                    room.roster.apply(read_change(payload))
            except (ValueError, IndexError):
                # Published by another program, which must not stop the room.
                log.warning("publication not understood", room=room.name, bytes=len(payload))
            else:
                touched[room] = None
        return touched

    def _receive_for_people(self, channel: bytes, payload: bytes) -> None:
        """Pass on what is published on this node's channel, or on that of an account."""
        if channel == self._own_channel:
            self.inboxes.receive_marked(payload, self._on_own)
        elif (account := self.accounts.account(channel)) is not None:
            self.inboxes.receive_marked(payload, partial(self._receive_account_event, account))

    def _receive_account_event(self, account: str, payload: bytes) -> None:
        if not payload.startswith(ACCOUNT_EVENT_MARK):
            raise ValueError("no event of an account")
        self._on_account_event(account, payload[len(ACCOUNT_EVENT_MARK) :])

    def _receive_message(self, room: Room, payload: bytes) -> None:
        """Pass a live message to the follower; if it is of another epoch, the log is read."""
        mark = epoch_mark(room.log.epoch)
        if payload.startswith(mark):
            message = payload[len(mark) :]
            room.log.live(message_seq(message), message)
        else:
            room.log.missed()

    async def _deliver_after_rest(self, room: Room) -> None:
        """Deliver what waits for the end of a room's rest, until nothing waits."""
        while room.due:
            await trio.sleep_until(room.rested_at)
            await room.deliver()
        room.resting = False

    # --- what was missed ----------------------------------------------------------------------

    def check_epoch(self, room: Room, epoch: str) -> None:
        """Check the epoch that a join returned: if it is not the room's, the log is read."""
        room.log.belongs_to(epoch)
        self._follow_up(room)

    async def catch_up_to(self, room: Room, seen: Position) -> None:
        """Read a room's log if somebody has seen more of it, on another node, than this one.

        :raises Unavailable: if that takes longer than `PATIENCE_SECONDS`.
        """
        if room.epoch == seen.epoch and room.position < seen.seq:
            await self._catch_up(room)

    async def catch_up_erasures(self, room: Room, count: int) -> None:
        """Read a room's log if it has more erasures than are known; raises as `catch_up_to`."""
        if room.erasures.count < count:
            await self._catch_up(room)

    async def _catch_up(self, room: Room) -> None:
        room.log.missed()
        self._follow_up(room)
        with trio.move_on_after(PATIENCE_SECONDS):
            await self._reader.caught_up(room)
            return
        raise Unavailable("the room is behind")

    def recheck(self, *, unverified: bool = False) -> None:
        """Check all logs for messages that were missed, as while the connection was lost.

        With ``unverified``, also for messages that Redis may have lost.
        """
        self.inboxes.recheck(unverified=unverified)
        self._room_counts.changed(self.rooms)
        for room in self.rooms.values():
            if unverified:
                room.log.mark_unverified()
            room.log.resubscribed()
            room.log.missed()
            self._follow_up(room)

    def _follow_up(self, room: Room) -> None:
        """Start reading a room that is behind; have its members notified of changes among them."""
        if room.roster.incomplete:
            room.log.missed()
        if self._reader.read_if_behind(room):
            self._counts.gaps_filled += 1
        if room.roster.changed:
            self._presence.changed(room)
