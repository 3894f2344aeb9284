"""From Redis to the rooms of this node: what is published is brought to their members in order."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Final

import structlog
import trio

from gateway.backplane import Backplane, Burst, Snapshot, Unavailable, read_change
from gateway.backplane.erasures import ERASURE_PREFIX, read_erasure
from gateway.backplane.payloads import (
    EPOCH_MARK,
    NOTE_MARK,
    epoch_mark,
    message_seq,
    read_marked,
)
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
from gateway.wire import CommandError, Position

PATIENCE_SECONDS: Final = 3.0
"""How long a join waits for its room to be read as far as it must be."""

log = structlog.get_logger("relay")


class Relay:
    """Every room that has members on this node, and the inboxes of its sessions.

    A room is open while somebody here is in it or about to be; `holding` opens it.
    """

    def __init__(self, backplane: Backplane, counts: Counts) -> None:
        self._backplane = backplane
        self._counts = counts
        self._on_own: Callable[[bytes], None] = lambda _: None
        self._own_channel = backplane.nodes.channel
        self.inboxes = Inboxes(backplane, counts)
        self._room_counts = RoomCounts(backplane)
        self.rooms: dict[str, Room] = {}
        self._by_channel: dict[bytes, Room] = {}
        self._presence = PresenceBatcher(self._room_counts)
        self._logs = RoomLogStore(backplane.rooms, on_read=self._settle)
        self._reader = LogReader(self._logs, wait_connected=backplane.wait_connected)
        self._nursery: trio.Nursery | None = None

    async def run(
        self, *, on_own: Callable[[bytes], None], on_loss: Callable[[], None] = lambda: None
    ) -> None:
        """Keep the rooms; runs for as long as the node does.

        - ``on_own`` is called with what is published for this node and for no session;
        - ``on_loss`` whenever it is found that Redis lost something of a room.
        """
        self._on_own, self._logs.on_loss = on_own, on_loss
        async with trio.open_nursery() as self._nursery:
            self._nursery.start_soon(self._presence.run)
            self._nursery.start_soon(self.inboxes.run)
            self._nursery.start_soon(self._room_counts.run)
            self._nursery.start_soon(self._reader.run)

    # --- open rooms ---------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def holding(self, name: str) -> AsyncIterator[Room]:
        """Keep a room open meanwhile; it stays open if it has members at the end.

        :raises Unavailable: if Redis cannot be asked about it.
        """
        room = self.rooms.get(name)
        if room is None:
            room = self._open(name)
        room.holds += 1
        try:
            await room.ready.wait()
            if room.failed:
                raise Unavailable("the room could not be opened")
            yield room
        finally:
            room.holds -= 1
            self.close_if_unused(room)

    def joined(self, name: str, session: str) -> Room:
        """Return a room that a session is in; :raises CommandError: ``not_in_room``."""
        room = self.rooms.get(name)
        if room is None or not room.has(session):
            raise CommandError("not_in_room", f"You are not in the room {name!r}; join it first.")
        return room

    def drop_member(self, name: str, session: str) -> None:
        """Send a room's messages to this session no more."""
        room = self.rooms.get(name)
        if room is not None:
            room.remove(session)
            room.roster.forget(session)
            self.close_if_unused(room)

    def close_if_unused(self, room: Room) -> None:
        """Stop following a room that nobody here is in."""
        if not (room.size or room.holds):
            self._close(room)

    def _open(self, name: str) -> Room:
        room = Room(name, self._backplane.rooms.channel(name), self._counts)
        self.rooms[name] = room
        self._by_channel[room.channel] = room
        assert self._nursery is not None  # noqa: S101 - run() comes before the first client
        self._nursery.start_soon(self._begin, room)
        return room

    async def _begin(self, room: Room) -> None:
        """Open a room; whoever waits for it gets `Unavailable` if that fails."""
        try:
            snapshot = await self._read_first(room)
        except Unavailable:
            room.failed = True
            room.ready.set()
            self._close(room)  # though it is held: who comes before all have heard tries anew
            return
        room.begin(snapshot)
        room.ready.set()
        self._settle(room)
        self.close_if_unused(room)

    async def _read_first(self, room: Room) -> Snapshot:
        """Subscribe, then read where the room is: in this order nothing falls in between."""
        if not await self._backplane.subscribe(room.channel):
            raise Unavailable("not subscribed")
        rooms = self._backplane.rooms
        await rooms.register(room.name)
        return await rooms.snapshot(room.name, after=None, limit=REMEMBERED, known_version=UNKNOWN)

    def _close(self, room: Room) -> None:
        if self.rooms.get(room.name) is not room:
            return
        room.log.close()
        del self.rooms[room.name]
        del self._by_channel[room.channel]
        self._presence.forget(room)
        self._room_counts.changed([room.name])
        self._backplane.unsubscribe(room.channel)

    # --- what is published --------------------------------------------------------------------

    async def on_burst(self, burst: Burst) -> None:
        """Take what other nodes published, as it came with one read, and hand it out.

        Returns when that is done: what this node cannot keep up with waits in Redis, where it is
        bounded, and more of it is joined into each write.
        """
        written = 0
        now = trio.current_time()
        for room in self._sort(burst):
            if room.rested_at <= now:
                if not room.hand_out_at_once():
                    await room.hand_out()
                written += room.size + 1
            elif not room.resting and room.due and self._nursery is not None:
                room.resting = True
                self._nursery.start_soon(self._hand_out_rested, room)
            self._settle(room)
            if written > SLICE:
                await trio.lowlevel.cancel_shielded_checkpoint()
                written, now = 0, trio.current_time()

    def _sort(self, burst: Burst) -> Iterable[Room]:
        """Pass each publication to its room; return those rooms."""
        touched: dict[Room, None] = {}
        for channel, payload in burst:
            room = self._by_channel.get(channel)
            if room is None:
                if channel == self._own_channel:
                    self.inboxes.hear_own(payload, self._on_own)
                continue
            try:
                if payload.startswith(EPOCH_MARK):
                    self._hear(room, payload)
                elif payload.startswith(NOTE_MARK):
                    sender, note = read_marked(payload)
                    room.note(text_frame(note), sender)
                    continue
                elif payload.startswith(ERASURE_PREFIX):
                    room.hear_erasure(read_erasure(payload))
                else:
                    room.roster.apply(read_change(payload))
            except (ValueError, IndexError):
                # No node of ours publishes such a thing; whoever else did must not stop the room.
                log.warning("publication not understood", room=room.name, bytes=len(payload))
            else:
                touched[room] = None
        return touched

    def _hear(self, room: Room, payload: bytes) -> None:
        """Take a live message; one of another epoch is left to the log to tell."""
        mark = epoch_mark(room.log.epoch)
        if payload.startswith(mark):
            message = payload[len(mark) :]
            room.log.live(message_seq(message), message)
        else:
            room.log.missed()

    async def _hand_out_rested(self, room: Room) -> None:
        """Hand out what waits for a room's rest to be over, for as long as something does."""
        while room.due:
            await trio.sleep_until(room.rested_at)
            await room.hand_out()
        room.resting = False

    # --- what was missed ----------------------------------------------------------------------

    def epoch_seen(self, room: Room, epoch: str) -> None:
        """Take the epoch that a join found: if it is not the room's, the log is read."""
        room.log.belongs_to(epoch)
        self._settle(room)

    async def come_as_far(self, room: Room, seen: Position) -> None:
        """Bring a room to a position that somebody has seen on another node, if it gets there.

        :raises Unavailable: if that takes too long.
        """
        if room.epoch == seen.epoch and room.position < seen.seq:
            await self._catch_up(room)

    async def learn_erasures(self, room: Room, count: int) -> None:
        """Read a room's log if it has more erasures than were heard of; raises as `come_as_far`."""
        if room.erasures.count < count:
            await self._catch_up(room)

    async def _catch_up(self, room: Room) -> None:
        room.log.missed()
        self._settle(room)
        with trio.move_on_after(PATIENCE_SECONDS):
            await self._reader.caught_up(room)
            return
        raise Unavailable("the room is behind")

    def recheck(self, *, unverified: bool = False) -> None:
        """Read every log again, after a time in which anything may have been missed.

        ``unverified`` says that Redis itself may have lost data since.
        """
        self.inboxes.recheck(unverified=unverified)
        self._room_counts.changed(self.rooms)
        for room in self.rooms.values():
            if unverified:
                room.log.mark_unverified()
            room.log.resubscribed()
            room.log.missed()
            self._settle(room)

    def _settle(self, room: Room) -> None:
        """Read a room that is behind, and tell its members of changes among them, soon."""
        if room.roster.incomplete:
            room.log.missed()
        if room.log.is_behind and self._reader.read_if_behind(room):
            self._counts.gaps_filled += 1
        if room.roster.changed:
            self._presence.changed(room)
