"""A room as this node sees it: its members here, and the fan-out to them."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection
from typing import Final

import trio

from gateway import wire
from gateway.backplane import Snapshot
from gateway.backplane.erasures import ErasedSet, Erasure, Erasures
from gateway.backplane.payloads import message_seq
from gateway.delivery.log_follower import LogFollower
from gateway.delivery.log_memory import RecentMessages
from gateway.delivery.roster import Roster
from gateway.net.websocket import text_frame
from gateway.net.write_buffer import WriteBuffer
from gateway.observability.metrics import Counts
from gateway.wire import Event, encode

SLICE: Final = 256
"""Members that are written to at once, in about a millisecond; then other tasks have a turn."""

MOST_TOLD_OF_TYPING: Final = 200
"""In a room of more members nobody is told who is typing."""

REST_PER_MEMBER: Final = 40e-6
"""Seconds that a room rests after a round of several messages, for each member here.

A room that is talked in all the time is then written to seldom enough to take no more than an
eighth of a core, and the messages of a rest are joined into one write for each member. A message
that comes alone goes out at once.
"""
SHORTEST_REST: Final = 0.001
"""Seconds; shorter rests are skipped."""
LONGEST_REST: Final = 0.1
"""Seconds."""


class Room:
    """The members of a room on this node, and how far they have been brought.

    Messages go out in rounds: all that are due go to every member, in one write each. ``position``
    is the last message of the last round begun: whoever is added by `add`, and told that position
    in the same moment, misses nothing and gets nothing twice.
    """

    __slots__ = (
        "_announced", "_frames", "_handing_out", "_left", "_members", "channel", "counts",
        "erasures", "failed", "holds", "log", "name", "ready", "recent", "rested_at", "resting",
        "roster",
    )  # fmt: skip

    def __init__(self, name: str, channel: bytes, counts: Counts) -> None:
        self.name = name
        self.channel = channel
        self.counts = counts
        self.roster = Roster()
        self.recent = RecentMessages()
        self.log = LogFollower(self.recent)
        self.erasures = Erasures()
        self.holds = 0
        """How many need the room open beside its members."""
        self.ready = trio.Event()
        """Set once the room is open, or cannot be opened."""
        self.failed = False
        self.rested_at = -math.inf
        """When the rest after the last round is over, on Trio's clock."""
        self.resting = False
        """Whether messages wait for that."""
        self._members: dict[str, WriteBuffer] = {}
        self._announced: list[tuple[int, bytes]] = []
        """Frames that are no messages, each with the ``seq`` of the message that it follows."""
        self._handing_out = False
        self._frames = b""
        self._left: dict[str, WriteBuffer] = {}
        """Members to whom the round under way has not come yet; its bytes are ``_frames``."""

    def begin(self, snapshot: Snapshot) -> None:
        """Open the room as it was read; for before it has members."""
        if snapshot.messages:
            self.recent.extend(snapshot.messages)
        self.log.start(snapshot.epoch, snapshot.seq, snapshot.timeline)
        self.learn_erased(snapshot.erased)
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
        """How many members there are on this node."""
        return len(self._members)

    @property
    def sessions(self) -> Collection[str]:
        """The members on this node."""
        return self._members.keys()

    def has(self, session: str) -> bool:
        """Return whether a session is a member on this node."""
        return session in self._members

    def add(self, session: str, write_buffer: WriteBuffer) -> None:
        """Send this session everything behind ``position``, too.

        One that is a member already has been sent everything up to ``position`` on return.
        """
        if session in self._left:
            self._left.pop(session).write(self._frames)
        self._members[session] = write_buffer

    def remove(self, session: str) -> None:
        """Send this session nothing any more."""
        self._members.pop(session, None)
        self._left.pop(session, None)

    # --- fan-out ------------------------------------------------------------------------------

    @property
    def due(self) -> bool:
        """Whether there is anything to hand out."""
        return self.log.due or bool(self._announced)

    def announce(self, event: Event, *, after: int | None = None) -> None:
        """Put an event that is no message behind the messages that are due, for the next round.

        ``after`` is the ``seq`` of the message that it follows, if that is not the last one due.
        """
        place = self.log.frontier if after is None else after
        self._announced.append((place, text_frame(encode(event))))

    def announce_loss(self, event: Event) -> None:
        """Announce that messages were lost, which begins the count of messages anew."""
        self._announced = [(self.log.frontier, frame) for _, frame in self._announced]
        self.announce(event)

    def note(self, frame: bytes, sender: str) -> None:
        """Send a frame that may be missed to all but its sender, past what waits for them."""
        if len(self._members) > MOST_TOLD_OF_TYPING:
            return
        for session, write_buffer in self._members.items():
            if session != sender and not write_buffer.waiting:
                write_buffer.write(frame)

    async def hand_out(self) -> None:
        """Hand out what is due, and whatever becomes due meanwhile.

        Returns at once if that is being done already.
        """
        if self.hand_out_at_once() or self._handing_out:
            return
        self._handing_out = True
        try:
            while self.due:
                count, frames = self._begin_round()
                await self._give_in_slices(frames)
                self._rest_after(count)
        finally:
            self._handing_out = False

    def hand_out_at_once(self) -> bool:
        """Hand out what is due without waiting; return False if too many are here for that."""
        members = self._members
        if self._handing_out or len(members) > SLICE:
            return False
        count, frames = self._begin_round()
        if frames:
            for write_buffer in members.values():
                write_buffer.write(frames)
            self._rest_after(count)
        return True

    def _begin_round(self) -> tuple[int, bytes]:
        """Count what is due as handed out; return how many messages, and all of it as frames."""
        messages = self.log.take()
        if messages:
            self.counts.messages_out += len(messages)
            self.counts.deliveries += len(messages) * len(self._members)
        if self._announced:
            return len(messages), b"".join(self._with_announced(messages))
        return len(messages), b"".join(map(text_frame, messages))

    def _with_announced(self, messages: list[bytes]) -> list[bytes]:
        """Return the frames of messages, with those announced in their places between them."""
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

    async def _give_in_slices(self, frames: bytes) -> None:
        """Write frames to every member; other tasks have a turn in between.

        It never stops half way: some would have them, and others would have missed them.
        """
        self._frames, left = frames, self._members.copy()
        self._left = left
        while True:
            for _ in range(min(SLICE, len(left))):
                left.popitem()[1].write(frames)
            if not left:
                break
            await trio.lowlevel.cancel_shielded_checkpoint()
        self._frames = b""

    # --- erasures -----------------------------------------------------------------------------

    def hear_erasure(self, erasure: Erasure) -> None:
        """Take an erasure that was published; one of another epoch is left to the log to tell."""
        if self.log.belongs_to(erasure.epoch):
            self.erase(erasure)

    def erase(self, erased: ErasedSet) -> None:
        """Put tombstones in the place of messages at hand, and announce that.

        What is being written to members already cannot be had back.
        """
        self.erasures.add(erased)
        if not erased:
            return
        self.recent.replace(self.erasures.conceal(self.recent.all))
        self.log.replace(self.erasures.conceal)
        self.announce(
            wire.Erased(room=self.name, epoch=self.epoch, up_to=erased.up_to, seqs=erased.seqs)
        )

    def learn_erased(self, record: ErasedSet) -> None:
        """Take over Redis's record of erasures, and announce what is new in it.

        Where the record does not reach far enough back, every message at hand is dropped, and the
        log is read again.
        """
        if record.count <= self.erasures.count:
            return
        if self.erasures.missed_some(record):
            self.log.restart()
            self.recent.cut(0)
        self.erase(self.erasures.add(record))
