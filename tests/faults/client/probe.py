"""Tries a credential, or a nickname, over a connection of its own that knows nothing else."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import trio

from client.session import CannotConnect, CommandError, NotConnected
from client.session.connection import ClientConnection, Closed
from gateway import wire
from tests.faults.client.account import Account
from tests.faults.history import Credential

PROBE_SECONDS: Final = 5.0
REFUSALS: Final = frozenset({"bad_token", "bad_credentials", "unauthorized"})


class ProbeConnection:
    """A connection that has said hello.

    - ``welcome``: the answer, if it was accepted; ``refusal``: the code, if it was refused
    - ``ended``: set once the connection is closed
    """

    def __init__(self, connection: ClientConnection) -> None:
        self.welcome: wire.Welcome | None = None
        self.refusal = ""
        self.closed: Closed | None = None
        self.ended = trio.Event()
        self._connection = connection

    async def listen(self) -> None:
        """Read what comes, until the connection ends."""

        async def ignore(_: object) -> None:
            await trio.lowlevel.checkpoint()

        self.closed = await self._connection.hear(ignore)
        self.ended.set()

    async def hello(self, hello: wire.Hello) -> None:
        """Say hello; without an answer there is neither a welcome nor a refusal."""
        with trio.move_on_after(PROBE_SECONDS):
            try:
                self.welcome = await self._connection.ask(hello, wire.Welcome)
            except CommandError as error:
                self.refusal = error.code
            except NotConnected:
                return


@asynccontextmanager
async def probe(url: str, hello: wire.Hello) -> AsyncIterator[ProbeConnection | None]:
    """Provide a connection on which hello was said; None if there is none."""
    async with trio.open_nursery() as nursery:
        connection = None
        with trio.move_on_after(PROBE_SECONDS):
            with suppress(CannotConnect):
                connection = await ClientConnection.open(nursery, url)
        if connection is None:
            yield None
        else:
            opened = ProbeConnection(connection)
            nursery.start_soon(opened.listen)
            await opened.hello(hello)
            yield opened
            with trio.CancelScope(shield=True):
                await connection.close(patience=0.2)
        nursery.cancel_scope.cancel()


def hello_of(credential: Credential, nick: str) -> wire.Hello:
    """Return the hello that tries a credential."""
    command_id = secrets.token_hex(8)
    match credential.kind:
        case "token":
            return wire.Hello(id=command_id, token=credential.secret)
        case "session":
            return wire.Hello(id=command_id, resume=credential.secret)
        case "password":
            return wire.Hello(id=command_id, nick=nick, password=credential.secret)


async def try_credential(account: Account, credential: Credential, url: str) -> None:
    """Try a credential on a node and record what became of it, if that is certain."""
    began = trio.current_time()
    async with probe(url, hello_of(credential, account.nick)) as connection:
        if connection is None:
            return
        accepted = connection.welcome is not None
        if accepted or connection.refusal in REFUSALS:
            now = trio.current_time()
            account.tried(credential, began, now, accepted=accepted, where=url)
