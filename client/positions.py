"""How far a session has come in each of its rooms and in its inbox: which events are news. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway import wire


@dataclass
class Room:
    """How far a session has come in a room it joined."""

    epoch: str
    seq: int
    version: int


class Positions:
    """What has been seen; it is changed as events are told."""

    def __init__(self) -> None:
        self.rooms: dict[str, Room] = {}
        self.inbox = wire.Position(epoch="", seq=0)

    def new_inbox(self) -> None:
        """Begin another session, which has an inbox of its own."""
        self.inbox = wire.Position(epoch="", seq=0)

    def follow(self, joined: wire.Joined) -> None:
        """Take a room as the answer to a join tells it."""
        self.rooms[joined.room] = Room(joined.epoch, joined.seq, joined.version)

    def is_news(self, event: object, reread_members: Callable[[str], None]) -> bool:
        """Tell whether an event is new, and about a room that the session is in; count it as seen.

        ``reread_members`` is called with a room of which changes were missed.
        """
        if isinstance(event, wire.DirectMessage):
            if event.epoch == self.inbox.epoch and event.seq <= self.inbox.seq:
                return False
            self.inbox = wire.Position(epoch=event.epoch, seq=event.seq)
        elif isinstance(event, wire.Notice) and event.room is None and event.epoch is not None:
            self.inbox = wire.Position(epoch=event.epoch, seq=event.seq or 0)
        elif isinstance(event, (wire.Message, wire.Presence, wire.Notice)) and event.room:
            room = self.rooms.get(event.room)
            return room is not None and _is_news(room, event, reread_members)
        return True


def _is_news(
    room: Room,
    event: wire.Message | wire.Presence | wire.Notice,
    reread_members: Callable[[str], None],
) -> bool:
    match event:
        case wire.Message():
            if event.seq <= room.seq:
                return False
            room.seq = event.seq
        case wire.Presence():
            if event.after > room.version:
                reread_members(event.room)
                return False
            if event.version <= room.version:
                return False
            room.version = event.version
        case wire.Notice(room=str(name), epoch=str(epoch), seq=int(seq)):
            if epoch != room.epoch or seq < room.seq:
                reread_members(name)
            room.epoch, room.seq = epoch, seq
    return True
