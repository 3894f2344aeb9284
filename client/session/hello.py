"""Says hello on a new connection: resumes the session, or begins another one."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Final

import trio

from client.errors import NotConnected
from client.i18n.texts import _
from client.session.connection import ClientConnection
from client.session.positions import Positions
from gateway import wire
from gateway.wire import CommandError
from gateway.wire.close_codes import SESSION_OVER

HELLO_SECONDS: Final = 30.0
"""How long a server may take to answer a hello."""
_SECRET_BYTES: Final = 18


class HelloSequence:
    """The hellos of one client, and the secret of its session."""

    def __init__(self, ids: Iterator[str], positions: Positions) -> None:
        """Take the ids of commands from ``ids``; begin ``positions`` anew with a new inbox."""
        self._ids = ids
        self._positions = positions
        self._secret: str | None = None

    def closed(self, code: int) -> None:
        """Note with which code a connection was closed: the session may be over."""
        if code == SESSION_OVER.code:
            self._secret = None

    async def say(self, connection: ClientConnection, nick: str) -> wire.Welcome:
        """Resume the session or, if the server does not know it any more, begin another one.

        Raises as `ClientConnection.ask`; `NotConnected` too if that takes `HELLO_SECONDS`.
        """
        try:
            with trio.fail_after(HELLO_SECONDS):
                welcome = await self._say(connection, nick)
        except trio.TooSlowError:
            raise NotConnected(_("the server does not answer")) from None
        self._secret = welcome.session
        return welcome

    async def _say(self, connection: ClientConnection, nick: str) -> wire.Welcome:
        if self._secret is not None:
            hello = wire.Hello(id=next(self._ids), resume=self._secret, inbox=self._positions.inbox)
            try:
                return await connection.ask(hello, wire.Welcome, on_answer=lambda w: w)
            except CommandError as error:
                if error.code != "unauthorized":
                    raise
        self._positions.new_inbox()
        if self._secret is not None:
            # With the same secret, messages of the earlier session are recognised if sent again.
            try:
                return await self._begin(connection, nick, self._secret)
            except CommandError as error:
                if error.code != "unauthorized":
                    raise
        # We choose the secret, so that the session can be resumed even if this answer is lost.
        return await self._begin(connection, nick, secrets.token_urlsafe(_SECRET_BYTES))

    async def _begin(self, connection: ClientConnection, nick: str, secret: str) -> wire.Welcome:
        """Begin a session with this secret."""
        self._secret = secret
        hello = wire.Hello(id=next(self._ids), nick=nick, session=secret)
        try:
            return await connection.ask(hello, wire.Welcome)
        except CommandError as error:
            if not (error.temporary or error.uncertain):  # else the server may have begun it
                self._secret = None
            raise
