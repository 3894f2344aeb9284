"""Messages that are sent and not acknowledged, in order for each room and person. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final

from client.i18n.texts import _
from client.session.correspondents import is_own
from gateway import wire

MOST_GIVEN_UP: Final = 1_000
"""How many messages are remembered that were given up while they were uncertain."""

SendCommand = wire.Send | wire.SendDirect
QueueKey = tuple[type[SendCommand], str]
"""A room, or a person: where messages must not overtake each other."""


def queue_key(command: SendCommand) -> QueueKey:
    """Return where a message goes to."""
    return type(command), command.room if isinstance(command, wire.Send) else command.to


@dataclass(eq=False)
class PendingSend:
    """One message on its way.

    - ``seq``: its position in the log, once the server has told it;
    - ``problem``: how the last attempt ended;
    - ``uncertain``: whether an attempt may have delivered it, or may yet;
    - ``abandoned``: whether another attempt could deliver it twice.
    """

    command: SendCommand
    seq: int | None = None
    problem: str = field(default_factory=lambda: _("not connected"))
    uncertain: bool = False
    abandoned: bool = False


class PendingSends:
    """A queue for each room and person, in which only the first message may be sent.

    It is sent with the same id until it is acknowledged, so that no message overtakes an earlier
    one, whatever becomes of connections.
    """

    def __init__(self) -> None:
        self._queues: dict[QueueKey, deque[PendingSend]] = {}
        self._given_up: dict[str, PendingSend] = {}
        """Messages that were given up while they were uncertain, by id."""

    def put(self, command: SendCommand) -> PendingSend:
        """Queue a message; the caller removes it with `drop`.

        One that was given up while it was uncertain is uncertain, or abandoned, from the start.
        """
        message = PendingSend(command)
        if (before := self._given_up.pop(command.id, None)) is not None:
            message = replace(before, command=command, seq=None)
        self._queues.setdefault(queue_key(command), deque()).append(message)
        return message

    def drop(self, message: PendingSend) -> None:
        """Remove a message that is acknowledged or given up."""
        if message.uncertain and message.seq is None and not message.abandoned:
            self._given_up[message.command.id] = message
            if len(self._given_up) > MOST_GIVEN_UP:
                del self._given_up[next(iter(self._given_up))]
        key = queue_key(message.command)
        queue = self._queues[key]
        queue.remove(message)
        if not queue:
            del self._queues[key]

    def is_due(self, message: PendingSend) -> bool:
        """Return whether a message is the first of its queue."""
        return self._queues[queue_key(message.command)][0] is message

    @property
    def all(self) -> list[PendingSend]:
        """All messages that are not acknowledged, queue by queue."""
        queued = chain.from_iterable(self._queues.values())
        return [message for message in queued if message.seq is None]

    def waiting(self, room: str) -> list[PendingSend]:
        """Return the queue of a room, in order."""
        return list(self._queues.get((wire.Send, room), ()))

    def heard(self, messages: Iterable[wire.Message | wire.DirectMessage], me: str) -> bool:
        """Note the ``seq`` of own messages among these; return whether one was found.

        Such a message was delivered although its answer was lost, perhaps with the session that
        sent it; a new session would deliver it twice.
        """
        found = False
        for message in messages:
            if not is_own(message, me):
                continue
            place: QueueKey = (
                (wire.SendDirect, message.to)
                if isinstance(message, wire.DirectMessage)
                else (wire.Send, message.room)
            )
            for unsent in self._queues.get(place, ()):
                if unsent.command.id == message.id and unsent.seq is None:
                    unsent.seq = message.seq
                    found = True
        return found

    def begin_anew(self) -> None:
        """Note that there is a new session, which cannot read the inbox of the last one.

        Whether a direct message that is uncertain has arrived will then never be known: it is
        abandoned.
        """
        for message in (*chain.from_iterable(self._queues.values()), *self._given_up.values()):
            if isinstance(message.command, wire.SendDirect) and message.uncertain:
                message.abandoned = True
                message.problem = _("the connection was lost; it may have arrived or not")
