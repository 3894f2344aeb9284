"""What a session has said and nobody has acknowledged: in order for each place it goes to. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from client.i18n.texts import _
from gateway import wire

SendCommand = wire.Send | wire.SendDirect
Place = tuple[type[SendCommand], str]
"""A room, or a person: where messages must not overtake each other."""


def place_of(said: SendCommand) -> Place:
    """Give where a message goes to."""
    return type(said), said.room if isinstance(said, wire.Send) else said.to


@dataclass(eq=False)
class PendingSend:
    """One message on its way. ``seq`` is its place in the log once the server has told it.

    ``problem`` is what the last attempt ended with; ``attempted``, that there was one;
    ``abandoned``, that another could double it.
    """

    said: SendCommand
    seq: int | None = None
    problem: str = field(default_factory=lambda: _("not connected"))
    attempted: bool = False
    abandoned: bool = False


class PendingSends:
    """A queue for each place, in which only the first may be sent, again and again with its id.

    So a later message never overtakes an earlier one, whatever becomes of connections.
    """

    def __init__(self) -> None:
        self._queues: dict[Place, deque[PendingSend]] = {}

    def put(self, said: SendCommand) -> PendingSend:
        """Queue a message; whoever does so takes it out again with `drop`."""
        message = PendingSend(said)
        self._queues.setdefault(place_of(said), deque()).append(message)
        return message

    def drop(self, message: PendingSend) -> None:
        """Take a message out, acknowledged or given up."""
        place = place_of(message.said)
        queue = self._queues[place]
        queue.remove(message)
        if not queue:
            del self._queues[place]

    def is_due(self, message: PendingSend) -> bool:
        """Tell whether it is a message's turn: all said before it to the same place are out."""
        return self._queues[place_of(message.said)][0] is message

    def waiting(self, room: str) -> list[PendingSend]:
        """Give what is queued for a room, in order."""
        return list(self._queues.get((wire.Send, room), ()))

    def heard(self, messages: Iterable[wire.Message | wire.DirectMessage], me: str) -> bool:
        """Find one's own among messages that were told; tell whether one was there.

        It was delivered though its answer was lost, perhaps with the session that sent it: a new
        one could not send it again without doubling it.
        """
        found = False
        for message in messages:
            if message.sender != me:
                continue
            place: Place = (
                (wire.SendDirect, message.to)
                if isinstance(message, wire.DirectMessage)
                else (wire.Send, message.room)
            )
            for unsent in self._queues.get(place, ()):
                if unsent.said.id == message.id and unsent.seq is None:
                    unsent.seq = message.seq
                    found = True
        return found

    def begin_anew(self) -> None:
        """Note that the session is another one, to which the inbox of the last one is closed.

        Whether a direct message that was attempted has arrived cannot be learnt any more.
        """
        for (kind, _whom), queue in self._queues.items():
            for message in queue:
                if kind is wire.SendDirect and message.attempted:
                    message.abandoned = True
                    message.problem = _("the connection was lost; it may have arrived or not")
