"""How far a session has come in a room, and what of the events there is news to it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from gateway import wire


class News(NamedTuple):
    """Whether an event is to be told, and whether changes of the members were missed before it."""

    told: bool
    members_missed: bool = False


@dataclass
class Progress:
    """The last message that was told, and the last version of the members."""

    epoch: str
    seq: int
    version: int

    def take(self, event: wire.Message | wire.Presence | wire.Notice) -> News:
        """Take in an event of the room."""
        match event:
            case wire.Message():
                if event.seq <= self.seq:
                    return News(told=False)
                self.seq = event.seq
            case wire.Presence():
                if event.after > self.version:
                    return News(told=False, members_missed=True)
                if event.version <= self.version:
                    return News(told=False)
                self.version = event.version
            case wire.Notice(epoch=str(epoch), seq=int(seq)):
                lost = epoch != self.epoch or seq < self.seq
                self.epoch, self.seq = epoch, seq
                return News(told=True, members_missed=lost)
        return News(told=True)


def progress_of(joined: wire.Joined) -> Progress:
    """Give what the answer to a join tells of it."""
    return Progress(joined.epoch, joined.seq, joined.version)
