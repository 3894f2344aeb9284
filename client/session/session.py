"""A headless chat client: one session with a cluster, over whichever node can be reached.

::

    async with open_session(["ws://127.0.0.1:8765/ws"], nick="alice") as session:
        lobby = await session.join("lobby")
        await session.send("lobby", "Hello!")
        async for event in session.events:
            ...
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final, TypeVar

import trio

from client.errors import CannotConnect, NotConnected
from client.events import Connected, Ended, Event, NotRejoined, Rejoined
from client.i18n.server_texts import in_own_words, why_closed
from client.i18n.texts import _
from client.session.connection import COMING_BACK, GOODBYE, ClientConnection, Closed
from client.session.correspondents import Correspondents
from client.session.delivery import Delivery, insist, settle
from client.session.hello import HelloSequence
from client.session.member_pages import MemberPages, MemberReader
from client.session.positions import Positions
from client.session.reconnection import Ending, Reconnection
from client.session.route import Route
from client.session.scheme import SchemeChooser
from gateway import wire
from gateway.wire import CommandError

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
    """

    def __init__(self, urls: Sequence[str], nick: str, tls_hosts: Iterable[str] = ()) -> None:
        self._route = Route(urls)
        self._schemes = SchemeChooser(tls_hosts)
        self.nick = nick
        self.limits: wire.Limits | None = None
        prefix = secrets.token_hex(4)
        self._ids = (f"{prefix}-{number}" for number in itertools.count(1))
        self._connection: ClientConnection | None = None
        self._positions = Positions()
        self._hello = HelloSequence(self._ids, self._positions)
        self._rooms = self._positions.rooms
        self._named: dict[str, str] = {}
        """The rooms that were asked for by another name than they have."""
        self._status: tuple[wire.State, str] = ("online", "")
        self._delivery = Delivery()
        self._correspondents = Correspondents()
        self._members = MemberReader(self._ids)
        self._rereading: set[str] = set()
        """The rooms whose members are read again, since changes of them were missed."""
        self._events, self.events = trio.open_memory_channel[Event](MOST_UNREAD)
        self._reconnection = Reconnection(self._route, self._connect, self._tell)

    # --- commands -----------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Whether commands can be sent now."""
        return self._connection is not None

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
        return list(self._rooms)

    async def join(self, room: str, *, history: int = 50) -> wire.Joined:
        """Join a room; messages after the answer's ``seq`` come as events."""
        connection = await self._require_connection()
        command = wire.Join(id=next(self._ids), room=room, history=history)
        return await connection.ask(command, wire.Joined, on_answer=partial(self._follow, room))

    async def leave(self, room: str) -> None:
        """Leave a room."""
        room = self._name(room)
        await self._change(wire.Leave(id=next(self._ids), room=room), wire.Ok)
        self._forget(room)

    async def send(self, room: str, text: str, *, message_id: str | None = None) -> int:
        """Send a message to a room and return its ``seq``.

        It waits for earlier messages to the room, and is sent again with the same id, and so
        delivered once, over as many connections as it takes; after 30 s it fails. If that is with
        `NotConfirmed`, send it again with the same ``message_id``.
        """
        command = wire.Send(id=message_id or next(self._ids), room=self._name(room), text=text)
        return await self._delivery.send(command)

    async def direct(
        self, to: str, text: str, *, message_id: str | None = None, person: str | None = None
    ) -> int:
        """Send a message to a person and return its ``seq`` in one's own inbox; else as `send`.

        If it would go to somebody else than the last one did, it is refused with ``other_person``;
        with the error's ``suggestion`` as ``person`` it is sent to them all the same.
        """
        person = person or self._correspondents.meant_by(to)
        command = wire.SendDirect(id=message_id or next(self._ids), to=to, text=text, person=person)
        return await self._delivery.send(command)

    async def history(
        self, room: str, *, before: int | None = None, limit: int = 50
    ) -> wire.HistoryPage:
        """Return messages of a joined room from before ``before``, or the newest ones."""
        name = self._name(room)
        command = wire.History(id=next(self._ids), room=name, before=before, limit=limit)
        return await self.command(command, wire.HistoryPage)

    async def members(self, room: str) -> wire.MemberList:
        """Return all members of a joined room, read page by page."""
        return await self._members.read(await self._require_connection(), self._name(room))

    async def list_rooms(self) -> list[wire.RoomInfo]:
        """Return the rooms that exist, the fullest first."""
        return (await self.command(wire.Rooms(id=next(self._ids)), wire.RoomList)).rooms

    async def rename(self, nick: str) -> str:
        """Change the nickname, and return it as others see it.

        If the answer is lost, `nick` has the right one after the next connection.
        """
        self.nick = (await self._change(wire.Nick(id=next(self._ids), nick=nick), wire.Named)).nick
        return self.nick

    async def set_status(self, state: wire.State, text: str = "") -> None:
        """Set the status that others see; it is set again after a reconnection."""
        command = wire.SetStatus(id=next(self._ids), state=state, text=text)
        await self._change(command, wire.Ok)
        self._status = state, text

    async def typing(self, *, room: str | None = None, to: str | None = None) -> None:
        """Send a room or a person a typing note; servers pass one on every 2 s at most."""
        await self.command(wire.NoteTyping(id=next(self._ids), room=room, to=to), wire.Ok)

    async def ping(self) -> float:
        """Ask the node for an answer, and return how many seconds it took."""
        began = trio.current_time()
        await self.command(wire.Ping(id=next(self._ids)), wire.Ok)
        return trio.current_time() - began

    async def command(self, command: wire.Command, answer: type[OkT]) -> OkT:
        """Send any command that has an id and return its answer."""
        return await (await self._require_connection()).ask(command, answer)

    async def _change(self, command: wire.Command, answer: type[OkT]) -> OkT:
        """Send a command that changes something, until it is certain whether it was carried out."""
        return await settle(partial(self.command, command, answer))

    def retry_now(self) -> None:
        """Connect at once; or, if connected, find out now whether the node still answers."""
        self._reconnection.retry_now()
        if self._connection is not None:
            self._connection.doubt()

    async def close(self) -> None:
        """End the session at the node."""
        self._delivery.end(_("the session is closed"))
        if self._connection is not None:
            await self._connection.close()

    async def _require_connection(self) -> ClientConnection:
        if self._connection is None:
            await trio.lowlevel.checkpoint()
            raise NotConnected(_("not connected"))
        return self._connection

    # --- staying connected --------------------------------------------------------------------

    async def wait_connected(self) -> None:
        """Wait for the first connection; raises as `open_session`."""
        await self._reconnection.wait_accepted()

    async def run(self) -> None:
        """Connect and stay connected until the session ends; started once, by `open_session`."""
        async with self._events:
            reason = await self._reconnection.run()
            if reason is not None:
                self._delivery.end(reason)
                await self._tell(Ended(reason))

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
                url = await self._schemes.url(address)
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
                self._connection = None
                self._delivery.disconnected()
            nursery.cancel_scope.cancel()
        return ending

    async def _converse(
        self, nursery: trio.Nursery, connection: ClientConnection, url: str
    ) -> Closed:
        ended = trio.Event()
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
            welcome = await self._hello.say(connection, self.nick)
            self.nick, self.limits = welcome.nick, welcome.limits
            self._connection = connection
            self._delivery.connected(connection, resumed=welcome.resumed)
            await self._tell(Connected(url, welcome.node, welcome.nick, welcome.resumed))
            self._reconnection.accepted()
            if not welcome.resumed:
                nursery.start_soon(self._tell_status, connection)
            for name in list(self._rooms):
                nursery.start_soon(self._rejoin, connection, name)
            nursery.start_soon(watch)
            await ended.wait()
            self._hello.closed(closed.code)
            code = COMING_BACK
        finally:
            # If we are cancelled, so is the task that would read the answer to the close frame.
            with trio.CancelScope(shield=True):
                await connection.close(patience=_HASTY_CLOSE_SECONDS, code=code)
        return closed

    async def _tell_status(self, connection: ClientConnection) -> None:
        """Set the status again that was set over an earlier connection."""

        async def tell() -> None:
            state, text = self._status
            command = wire.SetStatus(id=next(self._ids), state=state, text=text)
            await connection.ask(command, wire.Ok)

        if self._status != ("online", "") and (refusal := await insist(tell)):
            await self._tell(wire.Error(code=refusal.code, message=refusal.message))

    async def _rejoin(self, connection: ClientConnection, name: str) -> None:
        """Join a room again; what was missed is delivered in order among the events."""

        def follow(joined: wire.Joined) -> Rejoined:
            if joined.room != name:
                self._forget(name)
            self._follow(name, joined)
            return Rejoined(joined, was=name if joined.room != name else None)

        async def join() -> None:
            if (room := self._rooms.get(name)) is not None:
                command = wire.Join(id=next(self._ids), room=name, since=room.seen)
                await connection.ask(command, wire.Joined, on_answer=follow)

        if refusal := await insist(join):
            self._forget(name)
            await self._tell(NotRejoined(name, refusal.message))

    # --- what comes in ------------------------------------------------------------------------

    def _follow(self, asked: str, joined: wire.Joined) -> None:
        if asked != joined.room:
            self._named[asked] = joined.room
        self._positions.follow(joined)
        self._delivery.joined(joined, self.nick)

    def _name(self, asked: str) -> str:
        """Return the name of a room that may have been asked for by another one."""
        return self._named.get(asked, asked)

    def _forget(self, room: str) -> None:
        self._rooms.pop(room, None)
        self._delivery.left(room)
        self._named = {asked: name for asked, name in self._named.items() if name != room}

    async def _take(self, nursery: trio.Nursery, event: Event) -> None:
        """Deliver an event if it is new and about a room that the session is in."""

        def reread(name: str) -> None:
            if name not in self._rereading:
                self._rereading.add(name)
                nursery.start_soon(self._reread_members, name)

        self._correspondents.apply(event, self.nick)
        if isinstance(event, wire.Presence):
            self._members.apply(event)
        if isinstance(event, wire.Welcome):
            if not event.recovered:
                await self._tell(in_own_words(wire.Notice(code="history_gap", message="")))
            for direct in self._positions.took_up(event):
                self._delivery.heard(direct, self.nick)
                await self._tell(direct)
        elif self._positions.is_news(event, reread):
            if isinstance(event, (wire.Message, wire.DirectMessage)):
                self._delivery.heard(event, self.nick)
            await self._tell(event)

    async def _reread_members(self, name: str) -> None:
        """Read the members of a room again; the whole list is an event, in order with others."""

        def settle(pages: MemberPages) -> wire.MemberList | None:
            if name in self._rooms:
                self._rooms[name].version = pages.version
            if not pages.is_complete:
                return None
            self._rereading.discard(name)
            return pages.listing

        try:
            if (connection := self._connection) is not None:
                await self._members.read(connection, name, on_page=settle)
        except CommandError as error:
            await self._tell(wire.Error(code=error.code, message=error.message))
        except NotConnected:
            pass  # the room is joined again on the next connection
        finally:
            self._rereading.discard(name)


@asynccontextmanager
async def open_session(
    urls: Sequence[str], *, nick: str, tls_hosts: Iterable[str] = ()
) -> AsyncIterator[ClientSession]:
    """Open a session with a cluster, given the addresses of any of its nodes.

    Whenever its connection is lost, the session reconnects by itself, to the next node.

    - ``urls``: ``ws://`` and ``wss://`` URLs, used as they are; or bare (``host``, ``host:port``),
      for which TLS is used wherever the node speaks it;
    - ``tls_hosts``: hosts that have spoken TLS before, as the session's ``tls_hosts`` has them.
      Bare addresses of them are never used without TLS.

    :raises CannotConnect: if none of the nodes can be reached.
    :raises CommandError: if the nickname is refused: ``nick_taken`` (with a ``suggestion``) or
        ``bad_nick``.
    """
    session = ClientSession(urls, nick, tls_hosts)
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
