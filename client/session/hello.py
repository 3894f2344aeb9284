"""Says hello on a new connection: resumes the session, or begins another one."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Final

import trio

from client.errors import NotConfirmed, NotConnected
from client.i18n.texts import _
from client.session.connection import ClientConnection
from client.session.identity import (
    Guest,
    Identity,
    Jwt,
    Password,
    Registration,
    Token,
    new_command_id,
    nick_of,
)
from client.session.kept_token import KeepToken, KeptToken
from client.session.positions import Positions
from gateway import wire
from gateway.wire import CommandError
from gateway.wire.close_codes import ACCOUNT_CLOSED, JWT_EXPIRED, SESSION_OVER, SIGNED_OUT

HELLO_SECONDS: Final = 30.0
"""How long a server may take to answer a hello."""
_SECRET_BYTES: Final = 18
_WORTHLESS: Final = frozenset({"bad_token", "account_disabled"})
"""Refusals after which the token of this device is worth nothing."""
_SIGNED_OUT: Final = frozenset({SIGNED_OUT.code, ACCOUNT_CLOSED.code})

NewJwt = Callable[[], Awaitable[str]]
"""Gets a JSON Web Token in place of one that has expired."""


class HelloSequence:
    """The hellos of one client, with what they need: an identity, a token, a session's secret."""

    def __init__(
        self,
        ids: Iterator[str],
        positions: Positions,
        identity: Identity,
        *,
        on_token: KeepToken | None = None,
        new_jwt: NewJwt | None = None,
    ) -> None:
        """Take the ids of commands from ``ids``; begin ``positions`` anew with a new inbox."""
        self._ids = ids
        self._positions = positions
        self.identity = identity
        self.nick = nick_of(identity)
        self.token = KeptToken(identity.token if isinstance(identity, Token) else None, on_token)
        self.is_signed_out = False
        """Whether this device has signed itself out, after which no session is begun."""
        self.refused_registration: CommandError | None = None
        """Why a guest who asked for an account goes on as a guest."""
        self._guest: Guest | None = None
        """What a guest goes on as, if the registration is refused."""
        self._is_registering = False
        self._new_jwt = new_jwt
        self._has_expired = self._is_fresh = self._has_begun = False
        self._secret: str | None = None

    @property
    def has_secrets(self) -> bool:
        """Whether a hello has what lets others into an account."""
        return not isinstance(self.identity, Guest)

    @property
    def is_unsettled(self) -> bool:
        """Whether a first registration was sent, and no answer says what became of it."""
        return self._is_registering and not self._has_begun

    async def closed(self, code: int) -> None:
        """Note with which code a connection was closed: the session may be over."""
        if code in {SESSION_OVER.code, JWT_EXPIRED.code}:
            self._secret = None
        self._has_expired = self._has_expired or code == JWT_EXPIRED.code
        if code in _SIGNED_OUT:
            await self.token.change(None)

    async def prepare(self) -> None:
        """Get a new JSON Web Token if the last one has expired; to be called before connecting."""
        self._is_fresh = False
        if self._has_expired and self._new_jwt is not None and isinstance(self.identity, Jwt):
            self.refreshed(await self._new_jwt())
            self._is_fresh = True

    def refreshed(self, jwt: str) -> None:
        """Begin sessions with this JSON Web Token from now on."""
        if isinstance(self.identity, Jwt):
            self.identity = replace(self.identity, jwt=jwt)
            self._has_expired = False

    def registering(self, registration: Registration) -> None:
        """Note that a guest asks for an account; the next session begins with asking again."""
        if isinstance(self.identity, Guest):
            self._guest = Guest(self.nick)
        self.identity, self.refused_registration = registration, None

    def not_registered(self, refusal: CommandError) -> None:
        """Note that the account was refused: a guest goes on as one."""
        if self._guest is not None:
            self.identity, self._guest = self._guest, None
            self.refused_registration = refusal

    def begun(self, welcome: wire.Welcome) -> None:
        """Note that a session was begun, or taken up."""
        self._secret, self.nick = welcome.session, welcome.nick
        self._has_begun, self._is_registering = True, False
        if isinstance(self.identity, Password):
            self.identity = replace(self.identity, id=new_command_id())
        if welcome.account is not None:
            self._guest = None

    async def say(self, connection: ClientConnection) -> wire.Welcome:
        """Resume the session or, if the server does not know it any more, begin another one.

        A new token is kept when this returns. Raises as `ClientConnection.ask`; `NotConnected` too
        if that takes `HELLO_SECONDS`.
        """
        try:
            with trio.fail_after(HELLO_SECONDS):
                welcome = await self._say(connection)
        except trio.TooSlowError:
            raise NotConnected(_("the server does not answer")) from None
        except CommandError as error:
            await self._refused(error)
            raise
        self.begun(welcome)
        if welcome.token is not None:
            await self.token.change(welcome.token)
        return welcome

    async def _refused(self, error: CommandError) -> None:
        if error.code in _WORTHLESS:
            await self.token.change(None)
        if error.code == "bad_jwt" and self._has_begun and not self._is_fresh:
            self._has_expired = True
            if self._new_jwt is not None:
                raise NotConnected(error.message) from None

    async def _say(self, connection: ClientConnection) -> wire.Welcome:
        if self._secret is not None:
            hello = wire.Hello(id=next(self._ids), resume=self._secret, inbox=self._positions.inbox)
            try:
                return await connection.ask(hello, wire.Welcome, on_answer=lambda w: w)
            except CommandError as error:
                if error.code != "unauthorized":
                    raise
        if self.token.value is None and isinstance(self.identity, Registration):
            try:
                return await self._register(connection, self.identity)
            except CommandError as error:
                if self._guest is None or error.temporary or error.uncertain:
                    raise
                self.not_registered(error)
        if isinstance(self.identity, Guest):
            return await self._say_as_guest(connection)
        self._secret = None
        return await self._ask(connection, self._sign_in())

    async def _ask(
        self, connection: ClientConnection, command: wire.Hello | wire.Register
    ) -> wire.Welcome:
        """Ask for another session, whose inbox begins with it."""

        def begin_inbox(welcome: wire.Welcome) -> None:
            self._positions.new_inbox(welcome.inbox)

        return await connection.ask(command, wire.Welcome, on_answer=begin_inbox)

    async def _register(
        self, connection: ClientConnection, registration: Registration
    ) -> wire.Welcome:
        was_registering, self._is_registering = self._is_registering, True
        try:
            return await self._ask(connection, register_command(registration))
        except NotConfirmed:
            raise
        except NotConnected:
            self._is_registering = was_registering
            raise
        except CommandError as error:
            self._is_registering = error.temporary and (was_registering or error.uncertain)
            raise

    def _sign_in(self) -> wire.Hello:
        """Return the hello of somebody who has an account."""
        if self.token.value is not None and not self._is_fresh:
            return wire.Hello(id=next(self._ids), token=self.token.value)
        match self.identity:
            case Password(nick, password, device, command_id):
                return wire.Hello(id=command_id, nick=nick, password=password, device=device)
            case Jwt(jwt, device):
                return wire.Hello(id=next(self._ids), jwt=jwt, device=device)
            case Token(token):
                return wire.Hello(id=next(self._ids), token=token)
        raise AssertionError(f"a guest or a registration does not sign in: {type(self.identity)}")

    async def _say_as_guest(self, connection: ClientConnection) -> wire.Welcome:
        if self._secret is not None:
            # With the same secret, messages of the earlier session are recognised if sent again.
            try:
                return await self._begin(connection, self._secret)
            except CommandError as error:
                if error.code != "unauthorized":
                    raise
        # We choose the secret, so that the session can be resumed even if this answer is lost.
        return await self._begin(connection, secrets.token_urlsafe(_SECRET_BYTES))

    async def _begin(self, connection: ClientConnection, secret: str) -> wire.Welcome:
        """Begin a guest's session with this secret."""
        self._secret = secret
        hello = wire.Hello(id=next(self._ids), nick=self.nick, session=secret)
        try:
            return await self._ask(connection, hello)
        except CommandError as error:
            if not (error.temporary or error.uncertain):  # else the server may have begun it
                self._secret = None
            raise


def register_command(registration: Registration) -> wire.Register:
    """Return the command that makes an account: the same one each time."""
    return wire.Register(
        id=registration.id,
        nick=registration.nick,
        password=registration.password,
        invite=registration.invite,
        device=registration.device,
    )
