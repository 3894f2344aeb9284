"""What a session has said and nobody has acknowledged: by room, in order, with a deadline. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from gateway import wire


@dataclass(eq=False)
class Unsent:
    """One message on its way, into a room or, in a queue of its own, ``to`` one person.

    ``seq`` is its place in the room once the server has told it; ``problem`` is what the last
    attempt ended with.
    """

    room: str
    id: str
    text: str
    deadline: float
    to: str | None = None
    seq: int | None = None
    problem: str = "not connected"


class Outbox:
    """A queue for each room, in which only the first may be sent, again and again with its id.

    So a later message never overtakes an earlier one, whatever becomes of connections.
    """

    def __init__(self) -> None:
        self._rooms: dict[str, deque[Unsent]] = {}

    def put(self, room: str, id: str, text: str, deadline: float) -> Unsent:  # noqa: A002
        """Queue a message; whoever does so takes it out again with `drop`."""
        message = Unsent(room, id, text, deadline)
        self._rooms.setdefault(room, deque()).append(message)
        return message

    def put_direct(self, to: str, id: str, text: str, deadline: float) -> Unsent:  # noqa: A002
        """Queue a message to one person, as `put`."""
        queue = f"to {to}"  # no room has a space in its name
        message = Unsent(queue, id, text, deadline, to=to)
        self._rooms.setdefault(queue, deque()).append(message)
        return message

    def drop(self, message: Unsent) -> None:
        """Take a message out, acknowledged or given up."""
        queue = self._rooms[message.room]
        queue.remove(message)
        if not queue:
            del self._rooms[message.room]

    def is_due(self, message: Unsent) -> bool:
        """Tell whether it is a message's turn: all said before it in its room are out."""
        return self._rooms[message.room][0] is message

    def waiting(self, room: str) -> list[Unsent]:
        """Give what is queued for a room, in order."""
        return list(self._rooms.get(room, ()))

    def heard(self, messages: Iterable[wire.Message], me: str) -> bool:
        """Find one's own among messages of a room; tell whether one was there.

        It was delivered though its answer was lost, perhaps with the session that sent it: a new
        one could not send it again without doubling it.
        """
        found = False
        for message in messages:
            for unsent in self._rooms.get(message.room, ()):
                if unsent.id == message.id and message.sender == me and unsent.seq is None:
                    unsent.seq = message.seq
                    found = True
        return found
