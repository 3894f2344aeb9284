"""Who is in which room on this node, and the fan-out to them. Synchronous."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Final

import trio

from gateway.metrics import Counts
from gateway.outbox import Outbox, text_frame
from gateway.roster import Roster
from gateway.sequence import Sequence
from gateway.wire import Event, encode

RECENT: Final = 50
"""Messages of each room that a node keeps at hand, so that a join need not read the log."""


class Room:
    """A room as this node sees it: its members here, and how far it has come.

    Members here have been handed every message up to ``sequence.position``; so whoever is added
    to ``members`` and told that position in the same moment misses nothing and gets nothing twice.
    """

    __slots__ = (
        "behind", "catching_up", "channel", "counts", "epoch", "failed", "holds", "members", "name",
        "ready", "recent", "roster", "sequence",
    )  # fmt: skip

    def __init__(self, name: str, channel: bytes, counts: Counts) -> None:
        self.name = name
        self.channel = channel
        self.counts = counts
        self.epoch = ""
        self.sequence = Sequence()
        self.roster = Roster()
        self.recent: deque[bytes] = deque(maxlen=RECENT)
        self.members: dict[str, Outbox] = {}
        self.holds = 0
        self.ready = trio.Event()
        self.failed = False
        self.behind = False
        self.catching_up = False

    @property
    def position(self) -> int:
        """The ``seq`` of the last message that members here were handed; 0 before the first."""
        return self.sequence.position or 0

    def belongs_to(self, epoch: str) -> bool:
        """Tell whether what is known here is of this epoch; the first one is taken over."""
        if not self.epoch:
            self.epoch = epoch
        return self.epoch == epoch

    def advance(self) -> None:
        """Hand out the messages that are due."""
        messages = self.sequence.take()
        if not messages:
            return
        self.recent.extend(messages)
        self.counts.messages_out += len(messages)
        self.counts.deliveries += len(messages) * len(self.members)
        # Joined first: one write per member for all that came together.
        self._fan_out(b"".join(map(text_frame, messages)))

    def announce(self, event: Event) -> None:
        """Hand an event that is no message to every member here."""
        self._fan_out(text_frame(encode(event)))

    def recent_since(self, seq: int) -> list[bytes]:
        """Give the messages at hand behind ``seq``."""
        behind = self.position - seq
        if behind <= 0:
            return []
        return list(islice(self.recent, max(0, len(self.recent) - behind), None))

    def _fan_out(self, frames: bytes) -> None:
        for outbox in self.members.values():
            outbox.offer(frames)
