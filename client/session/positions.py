"""The position of a session in each of its rooms and in its inbox. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway import wire

REMEMBERED_DIRECTS: Final = 200
"""How many direct messages are remembered, so that none is delivered again."""

_OF_ROOMS: Final = (wire.Message, wire.Erased, wire.Presence, wire.Notice)


@dataclass
class RoomPosition:
    """The last message and the version of the members that a session has seen in a room."""

    seen: wire.Position
    version: int


class Positions:
    """What a session has seen; it tells which events are new, and moves with them."""

    def __init__(self) -> None:
        self.rooms: dict[str, RoomPosition] = {}
        self.new_inbox()

    def new_inbox(self, end: wire.Position | None = None) -> None:
        """Begin the inbox of another session, at its end if that of an account has messages."""
        self.inbox = end or wire.Position(epoch="", seq=0)
        self._directs: deque[wire.DirectMessage] = deque(maxlen=REMEMBERED_DIRECTS)

    def took_up(self, welcome: wire.Welcome) -> list[wire.DirectMessage]:
        """Apply the inbox in the welcome to a resumed session; return the messages that are new.

        After the server lost something, the welcome may repeat messages from before that.
        """
        told = {(direct.at, direct.sender, direct.id) for direct in self._directs}
        news = [d for d in welcome.directs if (d.at, d.sender, d.id) not in told]
        self._directs.extend(news)
        if welcome.inbox is not None:
            ids = {direct.seq: direct.id for direct in welcome.directs}
            epoch, seq = welcome.inbox.epoch, welcome.inbox.seq
            known = self.inbox.id if welcome.recovered and self.inbox.seq == seq else None
            known = welcome.inbox.id or known
            self.inbox = wire.Position(epoch=epoch, seq=seq, id=ids.get(seq, known))
        return news

    def follow(self, joined: wire.Joined) -> None:
        """Apply the answer to a join."""
        ids = {message.seq: message.id for message in joined.messages[-1:]}
        known, before = None, self.rooms.get(joined.room)
        if before is not None and joined.recovered and before.seen.seq == joined.seq:
            known = before.seen.id
        known = joined.last_id or known
        seen = wire.Position(epoch=joined.epoch, seq=joined.seq, id=ids.get(joined.seq, known))
        self.rooms[joined.room] = RoomPosition(seen, joined.version)

    def is_news(self, event: object, reread_members: Callable[[str], None]) -> bool:
        """Return whether an event is new and about a room of the session, and count it as seen.

        ``reread_members`` is called with the name of a room if changes of its members were missed.
        """
        if isinstance(event, wire.DirectMessage):
            if event.epoch == self.inbox.epoch and event.seq <= self.inbox.seq:
                return False
            self.inbox = wire.Position(epoch=event.epoch, seq=event.seq, id=event.id)
            self._directs.append(event)
        elif isinstance(event, wire.Notice) and event.room is None and event.epoch is not None:
            self.inbox = wire.Position(epoch=event.epoch, seq=event.seq or 0)
        elif isinstance(event, _OF_ROOMS) and event.room:
            room = self.rooms.get(event.room)
            return room is not None and _is_news(room, event, reread_members)
        return True


def _is_news(
    room: RoomPosition,
    event: wire.Message | wire.Erased | wire.Presence | wire.Notice,
    reread_members: Callable[[str], None],
) -> bool:
    match event:
        case wire.Message():
            if event.seq <= room.seen.seq:
                return False
            room.seen = wire.Position(epoch=room.seen.epoch, seq=event.seq, id=event.id)
        case wire.Presence():
            if event.after > room.version:
                reread_members(event.room)
                return False
            if event.version <= room.version:
                return False
            room.version = event.version
        case wire.Notice(room=str(name), epoch=str(epoch), seq=int(seq)):
            if epoch != room.seen.epoch or seq < room.seen.seq:
                reread_members(name)
            room.seen = wire.Position(epoch=epoch, seq=seq)
    return True
