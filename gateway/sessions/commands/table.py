"""The command table: the handler of each command, and what it requires."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from gateway import wire
from gateway.policy.permissions import Permission
from gateway.sessions.commands import connection, directs, messages, people, rooms

UNREADABLE_COST: Final = 1.0
"""The `CommandRow.cost` of a frame that is not a command."""


@dataclass(frozen=True, slots=True)
class CommandRow:
    """One command.

    - ``handler``: carries it out and answers it. It is called with the `Session`, or with the
      `CommandDispatcher` if no hello is needed;
    - ``needs_hello``: whether it is refused before a hello;
    - ``cost``: tokens of flood control that it costs, at most ``flood_burst``;
    - ``permission``: what the session must have; only with ``needs_hello``.
    """

    handler: Callable[[Any, Any], Awaitable[None]]
    needs_hello: bool = True
    cost: float = 1.0
    permission: Permission = Permission.CHAT


COMMANDS: Final[dict[type[wire.AnyCommand], CommandRow]] = {
    wire.Hello: CommandRow(connection.hello, needs_hello=False),
    wire.Ping: CommandRow(connection.ping),
    wire.Join: CommandRow(rooms.join),
    wire.Leave: CommandRow(rooms.leave),
    wire.Members: CommandRow(rooms.members),
    wire.Rooms: CommandRow(rooms.listing),
    wire.Send: CommandRow(messages.send),
    wire.History: CommandRow(messages.history_page),
    wire.SendDirect: CommandRow(directs.send),
    wire.NoteTyping: CommandRow(directs.note_typing),
    wire.Nick: CommandRow(people.rename),
    wire.SetStatus: CommandRow(people.set_status),
}
