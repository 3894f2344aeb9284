"""Opens sessions, one after the other, and keeps the tokens of accounts between them."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
import trio

from client.desktop.control.session_controller import SessionController, now
from client.desktop.settings.preferences import PreferencesFile
from client.desktop.settings.servers import SavedServer
from client.desktop.settings.tokens import TokenStore
from client.errors import CannotConnect, NotConnected
from client.model import Chat, SignedOut, SignInMode, SignInRequest
from client.session import (
    ClientSession,
    CommandError,
    Guest,
    Identity,
    Password,
    Registration,
    Token,
    open_session,
)
from gateway import wire

AttemptT = TypeVar("AttemptT", Registration, Password)


class SessionRunner:
    """Runs what the person has asked for on the first page, until it is over.

    ``on_change`` is called after every change of the chat; ``save_input`` before one that may close
    a conversation. ``room`` is opened in the first session.
    """

    def __init__(
        self,
        chat: Chat,
        settings: PreferencesFile,
        *,
        on_change: Callable[[], None],
        save_input: Callable[[], None],
        room: str | None = None,
    ) -> None:
        self.chat, self.tokens = chat, TokenStore(settings.folder)
        self.controller: SessionController | None = None
        """The session that is open; None if there is none."""
        self._settings, self._room = settings, room
        self._changed, self._save_input = on_change, save_input
        self._session: ClientSession | None = None
        self._asked_in, self._asked = trio.open_memory_channel[tuple[SignInRequest, SavedServer]](1)
        self._scope = trio.CancelScope()
        self._request = SignInRequest("")
        self._server = settings.preferences.last_server
        self._token: str | None = None
        self._kept_as: str | None = None
        """The nickname under which a token of the open session is kept."""
        self._attempt: Registration | Password | None = None
        self._is_leaving = False
        """Whether the person ends the session for good, so that nothing of it is to stay."""
        self._is_new = False
        """Whether nothing was shown before the rooms of the account."""

    async def run(self) -> None:
        """Open sessions until cancelled; the first one by itself, if this device is signed in."""
        preferences = self._settings.preferences
        async with trio.open_nursery() as nursery:
            if preferences.nick and not self._asked.statistics().current_buffer_used:
                nursery.start_soon(self._come_back, preferences.nick, preferences.last_server)
            while True:
                await self._run_session(*await self._asked.receive())

    async def _come_back(self, nick: str, server: SavedServer) -> None:
        """Sign in with the token that was kept, unless the person was faster."""
        token = await self.tokens.find(server.urls, nick)
        if token is not None and self.chat.connection == SignedOut():
            self.sign_in(SignInRequest(nick, "account", stays=True), server)

    # --- what the person does -----------------------------------------------------------------

    def sign_in(self, request: SignInRequest, server: SavedServer | None = None) -> None:
        """Open a session; by default with the server of the last time."""
        server = server or self._settings.preferences.last_server
        try:
            self._asked_in.send_nowait((request, server))
        except trio.WouldBlock:
            return  # clicked twice
        self._settings.change(nick=request.nick, server=server.name)
        if request.mode != "guest":
            self._settings.change(stays_signed_in=request.stays, device=request.device)

    def sign_in_again(self) -> None:
        """Open a session as the same person, after the last one has ended."""
        mode: SignInMode = "guest" if self.chat.account is None else "account"
        self.sign_in(dataclasses.replace(self._request, nick=self.chat.nick, mode=mode))

    def stop(self) -> None:
        """Cancel the attempt to open a session, or end the one that is open."""
        self._scope.cancel()

    async def leave(self, ask: Callable[[], Awaitable[None]]) -> None:
        """End the session by ``ask``, and forget all that was read and written in it.

        If that raises, the session goes on.
        """
        scope, self._is_leaving = self._scope, True
        try:
            await ask()
        except (CommandError, NotConnected):
            self._is_leaving = False
            raise
        if self.chat.account is not None:
            await self._keep_token(None)
        scope.cancel()

    def retry_now(self) -> None:
        """Connect again at once, without waiting for the next attempt."""
        if self._session is not None:
            self._session.retry_now()

    async def register(self, request: SignInRequest) -> None:
        """Make an account of the guest whose session is open; raises as its ``register``."""
        if self._session is not None:
            self._request = request
            await self._session.account.register(self._registration_for(request))

    # --- one session --------------------------------------------------------------------------

    async def _run_session(self, request: SignInRequest, server: SavedServer) -> None:
        """Open a session, and return when it has ended."""
        if self.chat.account is not None and not self._is_the_same(request, server):
            self.chat.forget()
            self._token = None
        self._request, self._server, self._kept_as = request, server, None
        self._is_new = False
        self.chat.sign_in(request.nick, request.mode)
        self._changed()
        with trio.CancelScope() as self._scope:
            try:
                identity = await self._identity(request, server)
                if identity is None:
                    self.chat.fail_sign_in()
                else:
                    await self._converse(identity, server)
            except (CannotConnect, CommandError) as error:
                self.chat.fail_sign_in(error, now())
        if self._is_leaving:
            self._is_leaving = False
            mode: SignInMode = "account" if self.chat.account is not None else "guest"
            self.chat.connection = SignedOut(self.chat.nick, mode=mode)
            self.chat.forget()
        elif self._scope.cancelled_caught:
            self.chat.fail_sign_in()
        self._session = self.controller = None
        self._changed()

    async def _converse(self, identity: Identity, server: SavedServer) -> None:
        if isinstance(identity, (Guest, Registration)):
            usual = None if server.rooms else wire.LOBBY
            self.chat.open_rooms(server.rooms, self._room or usual)
        else:
            self.chat.open_rooms((), self._room)  # the account has its own
            self._is_new = not self.chat.conversations
        async with (
            open_session(
                server.urls,
                identity,
                tls_hosts=self._settings.preferences.tls_hosts,
                on_token=self._keep_token,
            ) as self._session,
            trio.open_nursery() as nursery,
        ):
            self._attempt = None
            self.controller = SessionController(
                self.chat,
                self._session,
                nursery,
                on_change=self._changed,
                on_room=self.keep_rooms,
                on_account=self._note_account,
                save_input=self._save_input,
            )
            await self.controller.run()
            nursery.cancel_scope.cancel()

    def _is_the_same(self, request: SignInRequest, server: SavedServer) -> bool:
        """Return whether this is who was there last, by all that can be known before."""
        names = {request.nick.casefold(), self.chat.nick.casefold()}
        urls = set(self._server.urls)
        return request.mode == "account" and len(names) == 1 and not urls.isdisjoint(server.urls)

    async def _identity(self, request: SignInRequest, server: SavedServer) -> Identity | None:
        """Return who somebody is to be; None if a password is needed for that."""
        if request.mode == "register":
            return self._registration_for(request)
        if request.password:
            made = Password(request.nick, request.password, request.device or None)
            return self._attempt_like(made)
        token = self._token if request.mode == "account" else None
        token = token or await self.tokens.find(server.urls, request.nick)
        if token is not None:
            self._kept_as = request.nick
            self._request = dataclasses.replace(request, stays=True)
            self.chat.sign_in(request.nick, "account")
            return Token(token)
        return Guest(request.nick) if request.mode == "guest" else None

    def _registration_for(self, request: SignInRequest) -> Registration:
        return self._attempt_like(
            Registration(
                request.nick, request.password, request.invite or None, request.device or None
            )
        )

    def _attempt_like(self, made: AttemptT) -> AttemptT:
        """Return the last attempt if the same was filled in, to make one account or device."""
        before = self._attempt
        if isinstance(before, type(made)) and dataclasses.replace(made, id=before.id) == before:
            return before
        self._attempt = made
        return made

    async def _keep_token(self, token: str | None) -> None:
        self._token = token
        nick = self._kept_as or self._request.nick
        if token is None:
            await self.tokens.forget(self._server.urls, nick)
            self._kept_as = None
        elif self._request.stays:
            await self.tokens.keep(self._server.urls, nick, token)
            self._kept_as = nick
        if self.tokens.problem is not None and self.chat.current is not None:
            self.chat.current.report(now(), self.tokens.problem, warning=True)

    async def _note_account(self) -> None:
        """Note the nickname that the account has now, and show its rooms in the order used here."""
        nick = self.chat.nick
        self._settings.change(nick=nick)
        if self._is_new:
            self._is_new = False
            for name in self._server.rooms:  # the last used one last
                if (conversation := self.chat.open_room(name)) is not None:
                    self.chat.use(conversation)
            self.chat.current = next(iter(self.chat.rooms), None)
            self._changed()
        if self._kept_as is not None and self._kept_as != nick:
            before, self._kept_as = self._kept_as, nick
            await self.tokens.rename(self._server.urls, before, nick)

    def keep_rooms(self) -> None:
        """Save which rooms are open, without those that could not be joined, and who speaks TLS."""
        preferences = self._settings.preferences
        spoke = self._session.tls_hosts if self._session else frozenset()
        here = preferences.last_server
        rooms = tuple(
            conversation.name
            for conversation in reversed(self.chat.rooms)
            if conversation.join_refusal is None
            and (conversation.was_joined or conversation.name in here.rooms)
        )
        changed = msgspec.structs.replace(here, rooms=rooms)
        servers = tuple(changed if s is here else s for s in preferences.servers)
        self._settings.change(servers=servers, tls_hosts=preferences.tls_hosts | spoke)
