"""The connection that a session has at the moment, and commands over it."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import trio

from client.errors import NotConnected
from client.i18n.server_texts import in_own_words
from client.i18n.texts import _
from client.session.connection import ClientConnection
from client.session.delivery import settle
from client.session.scheme import keeps_secrets
from gateway import wire

OkT = TypeVar("OkT", bound=wire.Ok)


class CurrentConnection:
    """One connection after the other, each with a URL, until the session is over.

    Commands raise as those of `ClientSession`.
    """

    def __init__(self) -> None:
        prefix = secrets.token_hex(4)
        self.ids = (f"{prefix}-{number}" for number in itertools.count(1))
        """The ids of commands."""
        self.connection: ClientConnection | None = None
        self._url = ""
        self._is_over = False
        self._changed = trio.lowlevel.ParkingLot()

    def connected(self, connection: ClientConnection, url: str) -> None:
        """Send commands over this connection."""
        self.connection, self._url = connection, url
        self._changed.unpark_all()

    def disconnected(self) -> None:
        """Refuse commands until there is another connection."""
        self.connection = None

    def end(self) -> None:
        """Note that there will be no other connection."""
        self._is_over = True
        self._changed.unpark_all()

    async def another(self, last: ClientConnection | None = None) -> ClientConnection | None:
        """Wait for a connection other than the last one; None if there will be none."""
        await trio.lowlevel.checkpoint()
        while not self._is_over:
            if self.connection is not None and self.connection is not last:
                return self.connection
            await self._changed.park()
        return None

    async def require(self) -> ClientConnection:
        """Return the connection; :raises NotConnected: if there is none now."""
        if self.connection is None:
            await trio.lowlevel.checkpoint()
            raise NotConnected(_("not connected"))
        return self.connection

    async def command(
        self,
        command: wire.Command,
        answer: type[OkT],
        on_answer: Callable[[OkT], Any | None] | None = None,
    ) -> OkT:
        """Send a command that has an id and return its answer."""
        return await (await self.require()).ask(command, answer, on_answer=on_answer)

    async def change(
        self,
        command: wire.Command,
        answer: type[OkT],
        on_answer: Callable[[OkT], Any | None] | None = None,
    ) -> OkT:
        """Send a command that changes something, until it is certain whether it was carried out."""
        return await settle(partial(self.command, command, answer, on_answer))

    async def require_secrecy(self) -> None:
        """Require a connection on which nobody else can read a password.

        :raises CommandError: ``insecure``, as the server would, if others can.
        :raises NotConnected: if there is no connection now.
        """
        await self.require()
        if not keeps_secrets(self._url):
            raise in_own_words(wire.Error(code="insecure", message="")).as_exception()
