"""The command table: the handler of each command, and what it requires."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from gateway import wire
from gateway.policy.permissions import Permission
from gateway.sessions.commands import (
    accounts,
    connection,
    directs,
    messages,
    people,
    reading,
    rooms,
)
from gateway.sessions.session import Session

UNREADABLE_COST: Final = 1.0
"""The `CommandRow.cost` of a frame that is not a command."""
PASSWORD_COST: Final = 5.0
"""The `CommandRow.cost` of trying a password, and of choosing the first one."""
USUAL_PAGE: Final = 50
"""Messages that are read for one token."""
USUAL_MEMBERS: Final = 500
"""Members that are listed for one token."""


@dataclass(frozen=True, slots=True)
class CommandRow:
    """One command.

    - ``handler``: carries it out and answers it. It is called with the `Session`, or with the
      `CommandDispatcher` if no hello is needed;
    - ``needs_hello``: whether it is refused before a hello;
    - ``cost``: tokens of flood control that it costs;
    - ``times``: what it costs is ``cost`` times this, which is at least 1; called without a session
      only if no hello is needed;
    - ``permission``: what the session must have; only with ``needs_hello``.
    """

    handler: Callable[[Any, Any], Awaitable[None]]
    needs_hello: bool = True
    cost: float = 1.0
    times: Callable[[Any, Any], float] | None = None
    permission: Permission = Permission.CHAT

    def cost_for(self, session: Session | None, command: wire.AnyCommand) -> float:
        """Return what this command costs this session."""
        if self.times is None or (session is None and self.needs_hello):
            return self.cost
        return self.cost * max(1.0, self.times(session, command))


def _password(_: Session | None, command: wire.Hello) -> float:
    """Return what a hello costs: with a password, Redis is asked whether it may be tried."""
    return PASSWORD_COST if command.password is not None else 1.0


def _rooms(session: Session, _: wire.AnyCommand) -> float:
    """Return the number of rooms that are told what somebody changes about oneself."""
    return len(session.record.rooms)


def _messages(_: Session, command: wire.History) -> float:
    """Return how many of the usual pages a page is as long as."""
    return command.limit / USUAL_PAGE


def _pages(_: Session, command: wire.Members) -> float:
    """Return how much is sent, as a multiple of what other commands are answered with."""
    return command.limit / USUAL_MEMBERS


COMMANDS: Final[dict[type[wire.AnyCommand], CommandRow]] = {
    wire.Hello: CommandRow(connection.hello, needs_hello=False, times=_password),
    wire.Ping: CommandRow(connection.ping),
    wire.Join: CommandRow(rooms.join),
    wire.Leave: CommandRow(rooms.leave),
    wire.Members: CommandRow(rooms.members, times=_pages),
    wire.Rooms: CommandRow(rooms.listing),
    wire.Send: CommandRow(messages.send),
    wire.History: CommandRow(messages.history_page, times=_messages),
    wire.SendDirect: CommandRow(directs.send),
    wire.NoteTyping: CommandRow(directs.note_typing),
    wire.Nick: CommandRow(people.rename, times=_rooms),
    wire.SetStatus: CommandRow(people.set_status, times=_rooms),
    wire.SetIdle: CommandRow(people.set_idle, times=_rooms),
    wire.Register: CommandRow(accounts.make, needs_hello=False, cost=PASSWORD_COST),
    wire.ChangePassword: CommandRow(accounts.change_password, permission=Permission.ACCOUNT),
    wire.Devices: CommandRow(accounts.devices, permission=Permission.ACCOUNT),
    wire.Revoke: CommandRow(accounts.revoke, permission=Permission.ACCOUNT),
    wire.SignOut: CommandRow(accounts.sign_out, permission=Permission.ACCOUNT),
    wire.DeleteAccount: CommandRow(accounts.delete, permission=Permission.ACCOUNT),
    wire.Refresh: CommandRow(accounts.refresh, permission=Permission.ACCOUNT),
    wire.MarkRead: CommandRow(reading.mark_read, permission=Permission.ACCOUNT),
    wire.Conversations: CommandRow(reading.conversations, permission=Permission.ACCOUNT),
}
