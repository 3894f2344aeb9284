"""A headless chat client: one session with a cluster, over whichever node can be reached.

::

    async with open_session(["ws://127.0.0.1:8765/ws"], nick="alice") as session:
        lobby = await session.join("lobby")
        await session.send("lobby", "Hello!")
        async for event in session.events:
            ...

With an account: ``open_session(urls, Password("alice", "…"), on_token=keep)``, and the next time
``open_session(urls, Token(token), on_token=keep)``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Final, TypeVar

import trio

from client.errors import CannotConnect, NotConnected
from client.events import AccountState, Connected, Event
from client.i18n.server_texts import why_closed
from client.i18n.texts import _
from client.session.account import SessionAccount
from client.session.connection import COMING_BACK, GOODBYE, ClientConnection, Closed
from client.session.current_connection import CurrentConnection
from client.session.delivery import Delivery
from client.session.hello import HelloSequence, NewJwt
from client.session.identity import Guest, Identity
from client.session.kept_token import KeepToken
from client.session.positions import Positions
from client.session.reconnection import Ending, Reconnection
from client.session.rooms import SessionRooms
from client.session.route import Route
from client.session.scheme import SchemeChooser
from client.session.session_status import SessionStatus
from gateway import wire
from gateway.wire import CommandError
from gateway.wire.close_codes import SIGNED_OUT

MOST_UNREAD: Final = 10_000
"""The number of unread events at which the session stops reading from its connection."""
_HASTY_CLOSE_SECONDS: Final = 0.2

OkT = TypeVar("OkT", bound=wire.Ok)


class ClientSession:
    """An open session; made by `open_session`.

    - Commands raise `CommandError` if the server refuses, `NotConnected` if there is no connection,
      and `NotConfirmed`, a subclass of it, if it is lost before the answer.
    - After `NotConfirmed`, or a `CommandError` that is ``uncertain``, the command may have been
      carried out, or may yet be; after any other of these it was not.
    - Every message of a joined room is an event, in ``seq`` order and once.
    - A room is called in events as the answer to its join calls it; commands may go on calling it
      as it was called in `join`.
    - Events must be read: while `MOST_UNREAD` of them wait, no answer is received either.
    - ``account`` has the commands of those who have one. What another device of the account does,
      this session follows: rooms are joined and left with it.
    """

    def __init__(
        self,
        urls: Sequence[str],
        identity: Identity,
        *,
        tls_hosts: Iterable[str] = (),
        on_token: KeepToken | None = None,
        new_jwt: NewJwt | None = None,
    ) -> None:
        self._route = Route(urls)
        self._schemes = SchemeChooser(tls_hosts)
        self.limits: wire.Limits | None = None
        self._current = CurrentConnection()
        positions = Positions()
        self._hello = HelloSequence(
            self._current.ids, positions, identity, on_token=on_token, new_jwt=new_jwt
        )
        self._delivery = Delivery()
        self._rooms = SessionRooms(
            self._current, positions, self._delivery, lambda: self.nick, self._tell
        )
        self.account = SessionAccount(
            self._current, self._hello, positions, self._delivery, self._rooms.name
        )
        self._status = SessionStatus(self._current)
        self._events, self.events = trio.open_memory_channel[Event](MOST_UNREAD)
        self._begun = trio.Event()
        """Whether the welcome of this connection has been applied."""
        self._reconnection = Reconnection(
            self._route, self._connect, self._tell, lambda: self._hello.is_unsettled
        )

    # --- commands -----------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Whether commands can be sent now."""
        return self._current.connection is not None

    @property
    def nick(self) -> str:
        """The nickname as the server has it; '' as long as it has not said."""
        return self._hello.nick

    @property
    def urls(self) -> list[str]:
        """The nodes to try, in turn; may be changed at any time."""
        return self._route.urls

    @property
    def tls_hosts(self) -> frozenset[str]:
        """The hosts that have spoken TLS; a bare address of one is never used without."""
        return frozenset(self._schemes.tls_hosts)

    @property
    def rooms(self) -> list[str]:
        """The rooms this session is in, and joins again after a reconnection."""
        return self._rooms.names

    async def join(self, room: str, *, history: int = 50) -> wire.Joined:
        """Join a room; messages after the answer's ``seq`` come as events."""
        return await self._rooms.join(room, history)

    async def leave(self, room: str) -> None:
        """Leave a room."""
        await self._rooms.leave(room)

    async def send(self, room: str, text: str, *, message_id: str | None = None) -> int:
        """Send a message to a room and return its ``seq``.

        It waits for earlier messages to the room, and is sent again with the same id, and so
        delivered once, over as many connections as it takes; after 30 s it fails. If that is with
        `NotConfirmed`, send it again with the same ``message_id``.
        """
        name = self._rooms.name(room)
        command = wire.Send(id=message_id or self._next_id(), room=name, text=text)
        return await self._delivery.send(command)

    async def direct(
        self, to: str, text: str, *, message_id: str | None = None, person: str | None = None
    ) -> int:
        """Send a message to a person and return its ``seq`` in one's own inbox; else as `send`.

        If it would go to somebody else than the last one did, it is refused with ``other_person``;
        with the error's ``suggestion`` as ``person`` it is sent to them all the same.
        """
        person = person or self._rooms.person(to)
        command = wire.SendDirect(id=message_id or self._next_id(), to=to, text=text, person=person)
        return await self._delivery.send(command)

    async def history(
        self, room: str, *, before: int | None = None, limit: int = 50
    ) -> wire.HistoryPage:
        """Return messages of a joined room from before ``before``, or the newest ones."""
        name = self._rooms.name(room)
        command = wire.History(id=self._next_id(), room=name, before=before, limit=limit)
        return await self.command(command, wire.HistoryPage)

    async def members(self, room: str) -> wire.MemberList:
        """Return all members of a joined room, read page by page."""
        return await self._rooms.members(room)

    async def list_rooms(self) -> list[wire.RoomInfo]:
        """Return the rooms that exist, the fullest first."""
        return (await self.command(wire.Rooms(id=self._next_id()), wire.RoomList)).rooms

    async def rename(self, nick: str) -> str:
        """Change the nickname, and return it as others see it.

        If the answer is lost, `nick` has the right one after the next connection.
        """
        command = wire.Nick(id=self._next_id(), nick=nick)
        self._hello.nick = (await self._current.change(command, wire.Named)).nick
        return self.nick

    async def set_status(self, state: wire.State, text: str = "") -> None:
        """Set the status that others see.

        A guest's is set again after a reconnection; an account's is kept by the server, for all its
        devices.
        """
        await self._status.choose(state, text)

    async def set_idle(self, *, idle: bool) -> None:
        """Set whether nobody uses this device now; it is set again after a reconnection.

        Without a connection it is set over the next one.
        """
        await self._status.set_idle(idle=idle)

    async def typing(self, *, room: str | None = None, to: str | None = None) -> None:
        """Send a room or a person a typing note; servers pass one on every 2 s at most."""
        await self.command(wire.NoteTyping(id=self._next_id(), room=room, to=to), wire.Ok)

    async def ping(self) -> float:
        """Ask the node for an answer, and return how many seconds it took."""
        began = trio.current_time()
        await self.command(wire.Ping(id=self._next_id()), wire.Ok)
        return trio.current_time() - began

    async def command(self, command: wire.Command, answer: type[OkT]) -> OkT:
        """Send any command that has an id and return its answer."""
        return await self._current.command(command, answer)

    def _next_id(self) -> str:
        return next(self._current.ids)

    def retry_now(self) -> None:
        """Connect at once; or, if connected, find out now whether the node still answers."""
        self._reconnection.retry_now()
        if self._current.connection is not None:
            self._current.connection.doubt()

    async def close(self) -> None:
        """End the session at the node."""
        self._delivery.end(_("the session is closed"))
        self._current.end()
        if self._current.connection is not None:
            await self._current.connection.close()

    # --- staying connected --------------------------------------------------------------------

    async def wait_connected(self) -> None:
        """Wait for the first connection; raises as `open_session`."""
        await self._reconnection.wait_accepted()

    async def run(self) -> None:
        """Connect and stay connected until the session ends; started once, by `open_session`."""
        async with self._events:
            ended = await self._reconnection.run()
            if ended is not None:
                ended = replace(ended, unsent=self._delivery.unsent)
                self._delivery.end(ended.reason)
                self._current.end()
                await self._tell(ended)

    async def _tell(self, event: Event) -> None:
        """Deliver an event, unless whoever reads them has closed ``events``."""
        with suppress(trio.BrokenResourceError):
            await self._events.send(event)

    async def _connect(self, address: str) -> Ending:
        """Connect to a node, begin the session there, stay, and return how that ended."""
        ending: Ending
        url = address
        async with trio.open_nursery() as nursery:
            try:
                await self._hello.prepare()
                url = await self._schemes.url(address, secret=self._hello.has_secrets)
                connection = await ClientConnection.open(nursery, url)
                self._schemes.spoke(url)
                ending = await self._converse(nursery, connection, url)
            except CannotConnect as error:
                ending = self._schemes.explain(address, url, error)
            except CommandError as error:
                ending = error
            except NotConnected as error:
                ending = CannotConnect(f"{url}: {error}")
            finally:
                self._current.disconnected()
                self._delivery.disconnected()
            nursery.cancel_scope.cancel()
        return ending

    async def _converse(
        self, nursery: trio.Nursery, connection: ClientConnection, url: str
    ) -> Closed:
        ended, self._begun = trio.Event(), trio.Event()
        closed, code = Closed(1006, why_closed(1006)), GOODBYE

        async def hear() -> None:
            nonlocal closed
            closed = await connection.hear(partial(self._take, nursery))
            ended.set()

        async def watch() -> None:
            await connection.until_silent()
            ended.set()

        try:
            nursery.start_soon(hear)
            welcome = await self._hello.say(connection)
            await self._begin(nursery, connection, url, welcome)
            nursery.start_soon(watch)
            await ended.wait()
            if self._hello.is_signed_out:
                closed = Closed(SIGNED_OUT.code, _("you have signed out on this device"))
            await self._hello.closed(closed.code)
            code = COMING_BACK
        finally:
            # If we are cancelled, so is the task that would read the answer to the close frame.
            with trio.CancelScope(shield=True):
                await connection.close(patience=_HASTY_CLOSE_SECONDS, code=code)
        return closed

    async def _begin(
        self,
        nursery: trio.Nursery,
        connection: ClientConnection,
        url: str,
        welcome: wire.Welcome,
    ) -> None:
        """Take up everything over a new connection."""
        before = self.account.state
        account = self.account.begin(welcome)
        returns = is_same_device = False
        if before is not None and account is not None:
            returns = before.account == account.account
            is_same_device = returns and before.device == account.device
        self.limits = welcome.limits
        self._current.connected(connection, url)
        self._delivery.connected(connection, resumed=welcome.resumed or is_same_device)
        await self._tell(Connected(url, welcome.node, welcome.nick, welcome.resumed))
        if account is not None:
            await self._tell(account)
        self._reconnection.accepted()
        self._status.begin(is_new=not welcome.resumed, has_account=account is not None)
        nursery.start_soon(self._status.tell_again, self._tell)
        await self._rooms.begin(nursery, welcome, returns=returns)
        self.account.start_telling(nursery)
        self._begun.set()

    async def _take(self, nursery: trio.Nursery, event: Event) -> None:
        """Deliver an event, after what it changes for the session."""
        await self.account.take(event, self._tell)
        if isinstance(event, AccountState):
            self._rooms.add(nursery, [each.room for each in event.rooms])
        elif isinstance(event, (wire.JoinedElsewhere, wire.LeftElsewhere)):
            await self._begun.wait()  # they are changes of the rooms in the welcome
        await self._rooms.take(nursery, event)


@asynccontextmanager
async def open_session(
    urls: Sequence[str],
    identity: Identity | None = None,
    *,
    nick: str | None = None,
    tls_hosts: Iterable[str] = (),
    on_token: KeepToken | None = None,
    new_jwt: NewJwt | None = None,
) -> AsyncIterator[ClientSession]:
    """Open a session with a cluster, given the addresses of any of its nodes.

    Whenever its connection is lost, the session reconnects by itself, to the next node.

    - ``urls``: ``ws://`` and ``wss://`` URLs, used as they are; or bare (``host``, ``host:port``),
      for which TLS is used wherever the node speaks it;
    - ``identity``: who one is, or ``nick``, the nickname of a guest. All but a guest are secrets,
      which are sent to other machines with TLS only;
    - ``tls_hosts``: hosts that have spoken TLS before, as the session's ``tls_hosts`` has them.
      Bare addresses of them are never used without TLS;
    - ``on_token``: awaited with each new token of this device, before it is used, and with None
      when the token is worth nothing any more; it must not raise;
    - ``new_jwt``: awaited when the JSON Web Token has expired; it may raise `CannotConnect`, and is
      asked again later.

    :raises CannotConnect: if none of the nodes can be reached; ``uncertain`` if a registration may
        have been carried out.
    :raises CommandError: if the server refuses: for a nickname ``nick_taken`` (with a
        ``suggestion``) or ``bad_nick``; for an account ``bad_credentials``, ``bad_token``,
        ``weak_password`` and others.
    """
    if (identity is None) == (nick is None):
        raise ValueError("a session has either an identity or a nick")
    session = ClientSession(
        urls,
        identity or Guest(nick or ""),
        tls_hosts=tls_hosts,
        on_token=on_token,
        new_jwt=new_jwt,
    )
    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(session.run)
        try:
            await session.wait_connected()
            yield session
        except Exception as error:  # noqa: BLE001 - raised again below, outside the nursery's group
            failure = error
        await session.close()
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure
