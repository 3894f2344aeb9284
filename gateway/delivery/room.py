"""A room on this node: its members here, and the fan-out to them."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection
from typing import Final

import trio

from gateway import wire
from gateway.backplane import Snapshot, Unavailable
from gateway.backplane.erasures import ErasedSet, Erasure, Erasures
from gateway.backplane.payloads import message_seq
from gateway.delivery.log_follower import LogFollower
from gateway.delivery.roster import Roster
from gateway.net.websocket import text_frame
from gateway.net.write_buffer import WriteBuffer
from gateway.observability.metrics import Counts
from gateway.wire import Event, encode

SLICE: Final = 256
"""Members that are written to before other tasks run: about a millisecond."""
SLICE_BYTES: Final = 1024 * 1024
"""Bytes that are written to members before other tasks run: as long, where frames are long."""

MOST_TOLD_OF_TYPING: Final = 200
"""Members of the largest room in which typing notes are passed on."""

REST_PER_MEMBER: Final = 40e-6
"""Seconds that a room rests after a round of several messages, for each member here.

So a busy room takes at most an eighth of a core: the messages that arrive during a rest are joined
into one write for each member. A message that comes alone is sent at once.
"""
SHORTEST_REST: Final = 0.001
"""Seconds; shorter rests are skipped."""
LONGEST_REST: Final = 0.1
"""Seconds."""


class Room:
    """The members of a room on this node, and the messages that they are sent.

    Messages are sent in rounds: all that are due, in one write to each member. ``position`` is the
    last message of the last round begun. A client that is sent this position, and added by `add`
    without an ``await`` between, misses nothing and gets nothing twice.
    """

    __slots__ = (
        "_announced", "_delivering", "_members", "_not_written", "_round", "channel", "counts",
        "erasures", "failure", "holds", "key", "log", "name", "ready", "recent", "rested_at",
        "resting", "roster",
    )  # fmt: skip

    def __init__(self, key: str, channel: bytes, counts: Counts, outbox_bytes: int) -> None:
        """Make a room that is not open; ``outbox_bytes`` is what may wait for one client."""
        self.key = key
        """The key of the room's name (`gateway.policy.room_names`)."""
        self.name = key
        """The room's name as it is shown; known once somebody has joined."""
        self.channel = channel
        self.counts = counts
        self.roster = Roster(outbox_bytes)
        self.log = LogFollower()
        self.recent = self.log.memory
        """The last messages, which the answers to joins contain."""
        self.erasures = Erasures()
        self.holds = 0
        """The number of tasks that keep the room open."""
        self.ready = trio.Event()
        """Set once the room is open, or cannot be opened."""
        self.failure: Unavailable | None = None
        """Why it cannot be opened, once that is known."""
        self.rested_at = -math.inf
        """When the rest after the last round ends, on Trio's clock."""
        self.resting = False
        """Whether a task waits for that, to deliver what is due then."""
        self._members: dict[str, WriteBuffer] = {}
        self._announced: list[tuple[int, bytes]] = []
        """Frames that are no messages, each with the ``seq`` of the message that it follows."""
        self._delivering = False
        self._round = b""
        self._not_written: dict[str, WriteBuffer] = {}
        """Members to whom the present round, the bytes ``_round``, was not written yet."""

    def begin(self, snapshot: Snapshot) -> None:
        """Open the room with what was read of it, before it has members."""
        if snapshot.messages:
            self.recent.extend(snapshot.messages)
        self.log.start(snapshot.epoch, snapshot.seq, snapshot.timeline)
        self.merge_erasures(snapshot.erased)
        self._announced.clear()
        self.roster.replace(snapshot.version, snapshot.members or {})

    @property
    def epoch(self) -> str:
        """The epoch of the room's log."""
        return self.log.epoch

    @property
    def position(self) -> int:
        """The last message of the last round begun."""
        return self.log.position

    # --- members ------------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """The number of members on this node."""
        return len(self._members)

    @property
    def sessions(self) -> Collection[str]:
        """The members on this node."""
        return self._members.keys()

    def has(self, session: str) -> bool:
        """Return whether a session is a member on this node."""
        return session in self._members

    def add(self, session: str, write_buffer: WriteBuffer) -> None:
        """Add a session, which is sent everything after ``position``.

        One that is a member already has been sent everything up to ``position`` on return.
        """
        if session in self._not_written:
            self._not_written.pop(session).write(self._round)
        self._members[session] = write_buffer

    def remove(self, session: str) -> None:
        """Remove a session, which is sent nothing more."""
        self._members.pop(session, None)
        self._not_written.pop(session, None)

    # --- fan-out ------------------------------------------------------------------------------

    @property
    def due(self) -> bool:
        """Whether there is anything to deliver."""
        return self.log.due or bool(self._announced)

    def announce(self, event: Event, *, after: int | None = None) -> None:
        """Send an event that is not a message in the next round, after the messages that are due.

        ``after`` is the ``seq`` of the message that it follows, if not the last one due.
        """
        place = self.log.frontier if after is None else after
        self._announced.append((place, text_frame(encode(event))))

    def announce_loss(self, event: Event) -> None:
        """Announce that messages were lost, after everything announced before."""
        self._announced = [(self.log.frontier, frame) for _, frame in self._announced]
        self.announce(event)

    def note(self, frame: bytes, sender: str) -> None:
        """Send a frame at once, except to its sender and to members with a queue, who miss it."""
        if len(self._members) > MOST_TOLD_OF_TYPING:
            return
        for session, write_buffer in self._members.items():
            if session != sender and not write_buffer.waiting:
                write_buffer.write(frame)

    async def deliver(self) -> None:
        """Deliver what is due, and what becomes due meanwhile; return at once if a task does so."""
        if self.deliver_now() or self._delivering:
            return
        self._delivering = True
        try:
            while self.due:
                count, frames = self._begin_round()
                await self._write_in_slices(frames)
                self._rest_after(count)
        finally:
            self._delivering = False

    def deliver_now(self) -> bool:
        """Deliver what is due without waiting; return False if there are too many members."""
        members = self._members
        if self._delivering or len(members) > SLICE:
            return False
        count, frames = self._begin_round()
        if frames:
            for write_buffer in members.values():
                write_buffer.write(frames)
            self._rest_after(count)
        return True

    def _begin_round(self) -> tuple[int, bytes]:
        """Count what is due as delivered; return the number of messages, and all frames."""
        messages = self.log.take()
        if messages:
            self.counts.messages_out += len(messages)
            self.counts.deliveries += len(messages) * len(self._members)
        if self._announced:
            return len(messages), b"".join(self._with_announced(messages))
        return len(messages), b"".join(map(text_frame, messages))

    def _with_announced(self, messages: list[bytes]) -> list[bytes]:
        """Return the frames of messages, with the announced events between them."""
        announced, self._announced = deque(self._announced), []
        frames: list[bytes] = []
        for message in messages:
            while announced and announced[0][0] < message_seq(message):
                frames.append(announced.popleft()[1])
            frames.append(text_frame(message))
        return [*frames, *(frame for _, frame in announced)]

    def _rest_after(self, messages: int) -> None:
        rest = len(self._members) * REST_PER_MEMBER
        if messages > 1 and rest >= SHORTEST_REST:
            self.rested_at = trio.current_time() + min(rest, LONGEST_REST)

    async def _write_in_slices(self, frames: bytes) -> None:
        """Write frames to every member, in slices between which other tasks run.

        A cancellation does not stop it half way: the rest of the members would miss the frames.
        """
        self._round, left = frames, self._members.copy()
        self._not_written = left
        slice_ = max(1, min(SLICE, SLICE_BYTES // max(1, len(frames))))
        while True:
            for _ in range(min(slice_, len(left))):
                left.popitem()[1].write(frames)
            if not left:
                break
            await trio.lowlevel.cancel_shielded_checkpoint()
        self._round = b""

    # --- erasures -----------------------------------------------------------------------------

    def receive_erasure(self, erasure: Erasure) -> None:
        """Process a published erasure; if it is of another epoch, the log is read."""
        if self.log.belongs_to(erasure.epoch):
            self.erase(erasure)

    def erase(self, erased: ErasedSet) -> None:
        """Replace erased messages in memory by tombstones, and announce the erasure.

        What is already being written to members cannot be recalled.
        """
        self.erasures.add(erased)
        if not erased:
            return
        self.recent.replace(self.erasures.conceal(self.recent.all))
        self.log.replace(self.erasures.conceal)
        self.announce(
            wire.Erased(room=self.name, epoch=self.epoch, up_to=erased.up_to, seqs=erased.seqs)
        )

    def merge_erasures(self, record: ErasedSet) -> None:
        """Add the erasures in Redis's record, and announce what is new.

        If the record does not reach back far enough, all messages in memory are dropped and the log
        is read again.
        """
        if record.count <= self.erasures.count:
            return
        if self.erasures.missed_some(record):
            self.log.restart()
            self.recent.cut(0)
        self.erase(self.erasures.add(record))
