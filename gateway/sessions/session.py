"""A session as its commands use it: its nickname, its parts, and how it answers."""

from __future__ import annotations

import math
from typing import Final

from gateway import wire
from gateway.config import Settings
from gateway.delivery import history
from gateway.delivery.inbox import Inbox
from gateway.delivery.room import Room
from gateway.net import shares
from gateway.net.write_buffer import WriteBuffer
from gateway.policy.permissions import ACCOUNTS, GUESTS
from gateway.sessions import answers
from gateway.sessions.context import NodeContext
from gateway.sessions.direct_messages import DirectMessages
from gateway.sessions.record import ConnectionHandle, SessionRecord
from gateway.sessions.states import RoomState

_REMEMBERED_ANSWERS: Final = 16
_DAY: Final = 86_400.0


def longest_session(settings: Settings) -> float:
    """Return how long a session may last by these settings, in seconds; infinite for ever."""
    return settings.session_days * _DAY or math.inf


class Session:
    """An established session over one connection; made by `Authentication`.

    Over another connection, the same `SessionRecord` has another `Session`.
    """

    __slots__ = (
        "_answered", "connection", "context", "direct_messages", "inbox", "longest",
        "permissions", "record", "welcome", "write_buffer",
    )  # fmt: skip

    def __init__(
        self,
        context: NodeContext,
        write_buffer: WriteBuffer,
        connection: ConnectionHandle,
        record: SessionRecord,
        inbox: Inbox,
    ) -> None:
        self.context = context
        self.write_buffer = write_buffer
        self.connection = connection
        """The connection over which this is."""
        self.record = record
        self.inbox = inbox
        self.direct_messages = DirectMessages(context.backplane, context.relay, record.sid)
        self.permissions = ACCOUNTS if record.account else GUESTS
        self.welcome: wire.Welcome | None = None
        """The answer to the registration with which the session began, if it did."""
        self.longest = math.inf
        """When the session ends at the latest, on Trio's clock; by its JSON Web Token."""
        self._answered: dict[str, tuple[wire.AnyCommand, wire.Ok]] = {}

    @property
    def sid(self) -> str:
        """The public id of the session."""
        return self.record.sid

    @property
    def nick(self) -> str:
        """The nickname."""
        return self.record.nick

    @property
    def limited_as(self) -> str | None:
        """What stands for the client in limits by address; None if it is exempt from them."""
        return self.connection.limited_as

    @property
    def ends_at(self) -> float:
        """When the session is over, on Trio's clock; infinite if it never is.

        That of a guest is too old then; that of an account, whose JSON Web Token has expired.
        """
        if self.record.account:
            return self.longest
        return self.record.began + longest_session(self.context.settings)

    def is_attached(self) -> bool:
        """Return whether this connection has the session: neither over nor resumed elsewhere."""
        return self.record.connection is self.connection

    def end(self, *, goodbye: bool = False) -> None:
        """Park the session, or release it after a ``goodbye``, when its connection ends."""
        self.context.relay.inboxes.close(self.inbox)
        if not self.is_attached():
            return
        if goodbye:
            self.context.registry.release(self.record)
        else:
            self.context.registry.disconnected(self.record)

    async def hand_over(self, successor: SessionRecord, write_buffer: WriteBuffer) -> None:
        """End the session of a guest, and give its places in rooms to that of an account.

        Nobody leaves a room by that. The connection stays, and is the successor's.

        :raises Unavailable: if Redis does not answer; then some rooms may have been given already.
        """
        registry, rooms = self.context.registry, self.context.backplane.rooms
        for key in self.record.rooms_in(RoomState.FOLLOWED):
            await rooms.people.succeed(
                key, self.sid, successor.sid, successor.line, term=successor.term
            )
            room = self.context.relay.rooms[key]
            await self.context.backplane.account_rooms.add_room(
                successor.account, key, room.name, read=room.position
            )
            registry.take_over_room(self.record, successor, key)
            room.add(successor.sid, write_buffer)
            room.remove(self.sid)
        self.context.relay.inboxes.close(self.inbox)
        registry.release(self.record)

    def room(self, name: str) -> Room:
        """Return a room that the session is in, by its name in any spelling.

        :raises CommandError: ``not_in_room``.
        """
        return self.context.relay.joined(name, self.sid)

    def fitting(self, messages: list[bytes]) -> list[bytes]:
        """Return the newest of these messages, as many as one answer may hold."""
        return history.newest_within(messages, shares.messages(self.write_buffer.limit))

    def send(self, event: wire.Event) -> None:
        """Send an event to the client; the ``ok`` to a command without an id is left out."""
        answers.send(self.write_buffer, event)

    def answer_once(self, command: wire.AnyCommand, answer: wire.Ok) -> None:
        """Answer a command, and remember the answer in case the command is repeated."""
        self.send(answer)
        if command.id is not None:
            self._answered[command.id] = command, answer
            if len(self._answered) > _REMEMBERED_ANSWERS:
                del self._answered[next(iter(self._answered))]

    def answer_to(self, command: wire.AnyCommand) -> wire.Ok | None:
        """Return the remembered answer to a repeated command; None if there is none."""
        if not self._answered or command.id is None:
            return None
        remembered, answer = self._answered.get(command.id, (None, None))
        return answer if remembered == command else None
