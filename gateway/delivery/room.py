"""Who is in which room on this node, and the fan-out to them."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection
from itertools import islice
from typing import Final

import trio

from gateway import wire
from gateway.backplane.erasures import ErasedSet, Erasure, Erasures
from gateway.backplane.payloads import message_seq
from gateway.delivery.follower import Follower
from gateway.delivery.roster import Roster
from gateway.net.websocket import text_frame
from gateway.net.write_buffer import WriteBuffer
from gateway.observability.metrics import Counts
from gateway.wire import Event, encode

RECENT: Final = 50
"""Messages of each room that a node keeps at hand, so that a join need not read the log."""

SLICE: Final = 256
"""Members that are written to at one go, about a millisecond; then everybody else has a turn."""

MOST_TOLD_OF_TYPING: Final = 200
"""In a room of more members nobody is told who is typing."""

REST_PER_MEMBER: Final = 40e-6
SHORTEST_REST: Final = 0.001
LONGEST_REST: Final = 0.1
"""Seconds that a room rests after a round, for each member here; for less than the shortest, not.

It rests only after a round that joined several messages. A room that is talked in all the time is
then written to seldom enough to take no more than an eighth of a core, and what comes meanwhile is
joined into one write for each member; a message that comes alone always goes out at once.
"""


class Room(Follower):
    """A room as this node sees it: its members here, and how far it has come.

    Messages are handed out in rounds: all that are due go to every member, as one write each.
    ``position`` is the last message of the last round begun. Whoever is added by `add` and told
    that position in the same moment misses nothing and gets nothing twice.
    """

    __slots__ = (
        "_announced", "_frames", "_handed_out", "_handing_out", "_left", "_members",
        "channel", "counts", "erasures", "failed", "holds", "name", "position", "ready",
        "recent", "rested_at", "resting", "roster",
    )  # fmt: skip

    def __init__(self, name: str, channel: bytes, counts: Counts) -> None:
        super().__init__()
        self.name = name
        self.channel = channel
        self.counts = counts
        self.roster = Roster()
        self.recent: deque[bytes] = deque(maxlen=RECENT)
        self.erasures = Erasures()
        self.position = 0
        self.holds = 0
        self.ready = trio.Event()
        self.failed = False
        self.rested_at = -math.inf
        """When the rest after the last round is over, on Trio's clock."""
        self.resting = False
        """Whether messages wait for that."""
        self._members: dict[str, WriteBuffer] = {}
        self._announced: list[bytes] = []
        self._handing_out = False
        self._handed_out = trio.Event()
        self._frames = b""
        self._left: dict[str, WriteBuffer] = {}

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
        """Tell whether a session is a member on this node."""
        return session in self._members

    def add(self, session: str, write_buffer: WriteBuffer) -> None:
        """Hand everything behind ``position`` to this session, too.

        One that is a member already has been handed all up to ``position`` when this returns.
        """
        if session in self._left:
            self._left.pop(session).write(self._frames)
        self._members[session] = write_buffer

    def remove(self, session: str) -> None:
        """Hand nothing to this session any more."""
        self._members.pop(session, None)
        self._left.pop(session, None)

    # --- fan-out ------------------------------------------------------------------------------

    def start(self, position: int) -> None:
        """Count everything up to a position as handed out; only while nothing is due."""
        self.sequence.start(position)
        self.position = position

    @property
    def due(self) -> bool:
        """Whether there is anything to hand out."""
        return self.sequence.due or bool(self._announced)

    async def announce(self, event: Event) -> None:
        """Hand an event that is no message to every member here, after the messages before it."""
        self._announced.append(text_frame(encode(event)))
        await self.hand_out()

    def note(self, frame: bytes, sender: str) -> None:
        """Hand something that nobody will miss to all but its sender, past what waits for them."""
        if len(self._members) > MOST_TOLD_OF_TYPING:
            return
        for session, write_buffer in self._members.items():
            if session != sender and not write_buffer.waiting:
                write_buffer.write(frame)

    async def hand_out(self) -> None:
        """Hand out the messages that are due, and whatever becomes due while that is done.

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
            self._handed_out.set()
            self._handed_out = trio.Event()

    def hand_out_at_once(self) -> bool:
        """Hand out what is due without waiting; false if too many are here for that."""
        members = self._members
        if self._handing_out or len(members) > SLICE:
            return False
        if self.due:
            count, frames = self._begin_round()
            for write_buffer in members.values():
                write_buffer.write(frames)
            self._rest_after(count)
        return True

    async def handed_out(self) -> None:
        """Wait until nothing is due; true until the next await."""
        await self.hand_out()
        while self._handing_out:
            await self._handed_out.wait()

    # --- erasures -----------------------------------------------------------------------------

    def hear_erasure(self, erasure: Erasure) -> None:
        """Take an erasure off the subscription; in another epoch, data may have been lost."""
        if self.belongs_to(erasure.epoch):
            self.erase(erasure)
        else:
            self.sequence.suspicious = True

    def erase(self, erased: ErasedSet) -> None:
        """Put tombstones in the place of messages at hand, and announce it with what is due.

        What is being written to members already cannot be had back.
        """
        self.erasures.add(erased)
        if not erased:
            return
        recent = self.erasures.conceal(list(self.recent))
        self.recent.clear()
        self.recent.extend(recent)
        self.sequence.conceal(self.erasures)
        event = wire.Erased(room=self.name, epoch=self.epoch, up_to=erased.up_to, seqs=erased.seqs)
        self._announced.append(text_frame(encode(event)))

    def learn_erased(self, record: ErasedSet) -> bool:
        """Take over what Redis has on record of erasures, and announce what is new of it.

        :returns: false if that is not all: then every message at hand was dropped, and the log must
            be read on from ``position``.
        """
        if record.count <= self.erasures.count:
            return True
        if missed_some := self.erasures.missed_some(record):
            doubted = self.sequence.doubted
            self.sequence.restart()
            self.sequence.doubted = doubted
            self.start(self.position)
            self.recent.clear()
        self.erase(self.erasures.add(record))
        return not missed_some

    def recent_since(self, seq: int) -> list[bytes]:
        """Give the messages at hand behind ``seq``, up to ``position``."""
        behind = self.position - seq
        if behind <= 0:
            return []
        return list(islice(self.recent, max(0, len(self.recent) - behind), None))

    def _begin_round(self) -> tuple[int, bytes]:
        """Count what is due as handed out to all who are members now; give how many, and frames."""
        messages = self.sequence.take()
        announced, self._announced = self._announced, []
        if messages:
            self.recent.extend(messages)
            self.position = message_seq(messages[-1])
            self.counts.messages_out += len(messages)
            self.counts.deliveries += len(messages) * len(self._members)
        return len(messages), b"".join([*map(text_frame, messages), *announced])

    def _rest_after(self, messages: int) -> None:
        rest = len(self._members) * REST_PER_MEMBER
        if messages > 1 and rest >= SHORTEST_REST:
            self.rested_at = trio.current_time() + min(rest, LONGEST_REST)

    async def _give_in_slices(self, frames: bytes) -> None:
        """Write frames to every member; everybody else on the node has a turn in between.

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
