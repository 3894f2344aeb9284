"""From Redis to the rooms and inboxes of this node: subscribe, keep their order, fill gaps."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from typing import Final

import structlog
import trio

from gateway.backplane import (
    Backplane,
    Burst,
    Snapshot,
    Unavailable,
    continues,
    read_change,
    went_back,
)
from gateway.backplane.erasures import ERASURE_PREFIX, Erasures, read_erasure
from gateway.backplane.payloads import (
    EPOCH_MARK,
    NOTE_MARK,
    epoch_mark,
    identity,
    message_seq,
    read_marked,
)
from gateway.delivery.agreement import agreed_up_to
from gateway.delivery.follower import lacks
from gateway.delivery.inbox import Inboxes
from gateway.delivery.presence import PresenceBatcher
from gateway.delivery.room import RECENT, SLICE, Room
from gateway.delivery.room_counts import RoomCounts
from gateway.delivery.roster import UNKNOWN
from gateway.net.websocket import text_frame
from gateway.observability.metrics import Counts
from gateway.wire import CommandError, Notice, Position

_CATCH_UP_MESSAGES: Final = 100
_PATIENCE_SECONDS: Final = 3.0

log = structlog.get_logger("relay")


class Relay:
    """Every room that has members on this node, kept in step with Redis.

    A room is open while somebody here is in it or about to be; `holding` opens it. Each room is
    read from the log whenever something was missed: a jump in ``seq``, a lost connection, data
    that Redis lost. Its members stay, and learn of what cannot be recovered by a ``notice``.
    """

    def __init__(self, backplane: Backplane, counts: Counts) -> None:
        self._backplane = backplane
        self._counts = counts
        self._on_own: Callable[[bytes], None] = lambda _: None
        self._on_loss: Callable[[], None] = lambda: None
        self._own_channel = backplane.nodes.channel
        self.inboxes = Inboxes(backplane, counts)
        self._listing = RoomCounts(backplane)
        self.rooms: dict[str, Room] = {}
        self._by_channel: dict[bytes, Room] = {}
        self._presence = PresenceBatcher(self._listing)
        self._nursery: trio.Nursery | None = None

    async def run(
        self, *, on_own: Callable[[bytes], None], on_loss: Callable[[], None] = lambda: None
    ) -> None:
        """Keep the rooms; runs for as long as the node does.

        ``on_own`` is called with what comes on the node's own channel, but for no session;
        ``on_loss`` whenever it is found that Redis lost something of a room.
        """
        self._on_own, self._on_loss = on_own, on_loss
        async with trio.open_nursery() as self._nursery:
            self._nursery.start_soon(self._presence.run)
            self._nursery.start_soon(self.inboxes.run)
            self._nursery.start_soon(self._listing.run)

    @contextlib.asynccontextmanager
    async def holding(self, name: str) -> AsyncIterator[Room]:
        """Have a room open meanwhile; it stays so if it has members at the end.

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
        """Give a room that a session is in; :raises CommandError: ``not_in_room``."""
        room = self.rooms.get(name)
        if room is None or not room.has(session):
            raise CommandError("not_in_room", f"You are not in the room {name!r}; join it first.")
        return room

    def drop_member(self, name: str, session: str) -> None:
        """Hand a room's messages to this session no more."""
        room = self.rooms.get(name)
        if room is not None:
            room.remove(session)
            room.roster.forget(session)
            self.close_if_unused(room)

    def close_if_unused(self, room: Room) -> None:
        """Stop following a room that nobody here is in."""
        if not (room.size or room.holds):
            self._close(room)

    def _close(self, room: Room) -> None:
        if self.rooms.get(room.name) is not room:
            return
        room.followed = False
        del self.rooms[room.name]
        del self._by_channel[room.channel]
        self._presence.forget(room)
        self._listing.changed([room.name])
        self._backplane.unsubscribe(room.channel)

    async def on_burst(self, burst: Burst) -> None:
        """Take what other nodes published, all that came with one read, and hand it on.

        Returns when that is done: so what this node cannot keep up with waits in Redis, where it
        is bounded, and more of it is joined into each write.
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
        """Give each publication to its room; gives those rooms."""
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
        """Take a live message; one that is not of the room's epoch is left to the log to tell."""
        mark = epoch_mark(room.epoch)
        if payload.startswith(mark):
            message = payload[len(mark) :]
            room.sequence.offer_live(message_seq(message), message)
        else:
            self._catch_up_soon(room)

    async def _hand_out_rested(self, room: Room) -> None:
        """Hand out what waits for a room's rest to be over, for as long as something does."""
        while room.due:
            await trio.sleep_until(room.rested_at)
            await room.hand_out()
        room.resting = False

    def epoch_seen(self, room: Room, epoch: str) -> None:
        """Take in the epoch that a join found; another one than ours means that data was lost."""
        if not room.belongs_to(epoch):
            self._catch_up_soon(room)

    async def come_as_far(self, room: Room, seen: Position) -> None:
        """Read a room on that somebody has seen further on, on another node, as far as it goes.

        :raises Unavailable: if that takes too long.
        """
        if room.epoch == seen.epoch and room.position < seen.seq:
            await self._catch_up_now(room)

    async def learn_erasures(self, room: Room, count: int) -> None:
        """Read on in a room with more erasures than were heard of; raises as `come_as_far`."""
        if room.erasures.count < count:
            await self._catch_up_now(room)

    async def _catch_up_now(self, room: Room) -> None:
        self._catch_up_soon(room)
        with trio.move_on_after(_PATIENCE_SECONDS):
            await room.caught_up()
            return
        raise Unavailable("the room is behind")

    def recheck(self, *, doubted: bool = False) -> None:
        """Read every log again, after a time in which anything may have been missed.

        ``doubted`` if Redis itself may have lost data since.
        """
        self.inboxes.recheck(doubted=doubted)
        self._listing.changed(self.rooms)
        for room in self.rooms.values():
            room.sequence.doubted |= doubted
            room.sequence.reconnected()
            self._catch_up_soon(room)

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
        room.epoch, room.timeline = snapshot.epoch, snapshot.timeline
        room.learn_erased(snapshot.erased)
        room.recent.extend(room.erasures.conceal(snapshot.messages))
        room.start(snapshot.seq)
        room.roster.replace(snapshot.version, snapshot.members or {})
        await room.hand_out()
        room.ready.set()
        if room.behind:
            self._catch_up_soon(room)
        self._settle(room)
        self.close_if_unused(room)

    async def _read_first(self, room: Room) -> Snapshot:
        """Subscribe, then read where the room is: in this order nothing falls in between."""
        if not await self._backplane.subscribe(room.channel):
            raise Unavailable("not subscribed")
        rooms = self._backplane.rooms
        await rooms.register(room.name)
        return await rooms.snapshot(room.name, after=None, limit=RECENT, known_version=UNKNOWN)

    def _settle(self, room: Room) -> None:
        """See that a room that something came for catches up, and that its changes are told."""
        if room.sequence.incomplete or room.sequence.suspicious or room.roster.incomplete:
            self._catch_up_soon(room)
        if room.roster.changed:
            self._presence.changed(room)

    def _catch_up_soon(self, room: Room) -> None:
        """Read a room on from its position until nothing is missing; its members wait for it."""
        room.behind = True
        if room.ready.is_set() and self._nursery is not None:
            began = room.catch_up_in(self._nursery, self._backplane, partial(self._read_on, room))
            self._counts.gaps_filled += began

    async def _read_on(self, room: Room) -> None:
        rooms = self._backplane.rooms
        seen, seen_version = room.sequence.highest, room.roster.seen
        acknowledged = room.acknowledged
        snapshot = await rooms.snapshot(
            room.name,
            after=room.sequence.position or 0,
            limit=_CATCH_UP_MESSAGES,
            known_version=room.roster.version,
        )
        lost = snapshot.version < seen_version or not room.belongs_to(snapshot.epoch)
        if room.sequence.doubted:
            room.erasures.count = 0  # which Redis may have lost, too: its record is what counts
        if not lost and not room.learn_erased(snapshot.erased):
            room.behind = True
            return
        if not lost and not room.sequence.doubted and snapshot.seq >= seen:
            await room.handed_out()  # from here on its position is that of its sequence
            await self._fill(room, snapshot)
            return
        agreed, wanted = await self._agreed(room, snapshot)
        gone = (
            agreed < wanted
            or snapshot.seq < seen
            or snapshot.version < seen_version
            or lacks(acknowledged, snapshot.timeline, position=wanted, seq=snapshot.seq)
        )
        if (
            (room.epoch and not snapshot.epoch)
            or went_back(snapshot.epoch, room.epoch)
            or (gone and snapshot.epoch == room.epoch)
        ):
            await rooms.renew_epoch(room.name, snapshot.epoch, beyond=room.epoch)
            room.behind = True
        elif lost and snapshot.members is None:
            # By chance the version is one that was known: read on, now with the members.
            room.roster.invalidate()
            room.behind = True
        elif lost and snapshot.members is not None:
            await room.handed_out()
            await self._go_on_after_loss(room, snapshot, snapshot.members, agreed)
        else:
            await room.handed_out()
            # What is held back behind a gap may have been lost, too; the log has what was not.
            room.timeline = snapshot.timeline
            room.sequence.restart()
            room.start(room.position)
            room.behind = True

    async def _agreed(self, room: Room, snapshot: Snapshot) -> tuple[int, int]:
        """Give the last message that Redis has as it was handed out, and the one that should be.

        In a log that began anew it is 0.
        """
        position, recent = room.position, list(room.recent)
        if not continues(snapshot.epoch, room.epoch):
            return 0, position
        logged = await self._backplane.rooms.messages_before(room.name, position + 1, len(recent))
        agreed = agreed_up_to(
            ((message_seq(message), identity(message)) for message in recent),
            {message_seq(message): identity(message) for message in logged},
            common=room.timeline.common(position, snapshot.timeline, snapshot.seq),
            position=position,
            seq=snapshot.seq,
        )
        return agreed, position

    async def _fill(self, room: Room, snapshot: Snapshot) -> None:
        """Offer what the log has; skip, and say so, what it has no more."""
        messages = snapshot.messages
        room.timeline = snapshot.timeline
        first = message_seq(messages[0]) if messages else snapshot.seq + 1
        if first > room.position + 1:
            log.warning("messages lost", room=room.name, after=room.position, next=first)
            room.start(first - 1)
            await self._tell(room, "history_gap", "Some messages are older than the log.")
        for message in room.erasures.conceal(messages):
            room.sequence.offer(message_seq(message), message)
        if (room.sequence.position or 0) < snapshot.seq:
            room.behind = True
        if snapshot.members is not None:
            room.roster.replace(snapshot.version, snapshot.members)
        await room.hand_out()
        self._settle(room)

    async def _go_on_after_loss(
        self, room: Room, snapshot: Snapshot, members: dict[str, str], agreed: int
    ) -> None:
        """Take over what Redis has after it lost acknowledged data, and say so."""
        log.warning(
            "redis lost data", room=room.name, had=room.position, has=snapshot.seq, agreed=agreed,
            new_epoch=snapshot.epoch != room.epoch,
        )  # fmt: skip
        self._on_loss()
        room.epoch, room.timeline = snapshot.epoch, snapshot.timeline
        room.loss_told(snapshot.timeline, seq=snapshot.seq)
        room.sequence.restart()
        room.start(agreed)
        while room.recent and message_seq(room.recent[-1]) > agreed:
            room.recent.pop()
        room.erasures = Erasures()
        room.roster.invalidate()
        room.roster.replace(snapshot.version, members)
        # All that is behind it in the log is news; and what came live meanwhile was dropped.
        room.behind = True
        await self._tell(room, "history_lost", "The server lost messages; the talk goes on.")
        room.learn_erased(snapshot.erased)
        await room.hand_out()

    async def _tell(self, room: Room, code: str, text: str) -> None:
        await room.announce(
            Notice(code=code, message=text, room=room.name, epoch=room.epoch, seq=room.position)
        )
