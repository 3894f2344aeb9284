"""Commands about the connection itself: hello, ping."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from gateway import wire
from gateway.sessions.session import Session
from gateway.wire import CommandError

if TYPE_CHECKING:
    from gateway.sessions.dispatcher import CommandDispatcher


async def hello(dispatcher: CommandDispatcher, command: wire.Hello) -> None:
    """Establish the client's session, new or resumed."""
    if dispatcher.session is not None:
        raise CommandError("bad_frame", "You have said hello already.")
    dispatcher.session = await dispatcher.authentication.hello(command)


async def ping(session: Session, command: wire.Ping) -> None:
    """Answer with ``ok``."""
    await trio.lowlevel.checkpoint()
    session.send(wire.Ok(id=command.id))
