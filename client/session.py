"""A headless chat client: one session with a cluster, over whichever of its nodes can be reached.

::

    async with open_session(["ws://127.0.0.1:8765/ws"], nick="alice") as session:
        lobby = await session.join("lobby")
        await session.send("lobby", "Hello!")
        async for event in session.events:
            ...
"""

from __future__ import annotations

import itertools
import random
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

import trio

from client.connection import CannotConnect, Closed, Connection, ConnectionLost
from gateway import wire
from gateway.wire import CommandError

__all__ = [
    "CannotConnect", "CommandError", "Connected", "ConnectionLost", "Disconnected", "Ended",
    "Event", "Rejoined", "Session", "open_session",
]  # fmt: skip

MOST_UNREAD: Final = 10_000
"""Events that may wait to be read; then the session reads no further from its connection."""
SEND_SECONDS: Final = 30.0
"""How long `Session.send` goes on trying while the server is unavailable."""
NICK_GRACE_SECONDS: Final = 60.0
"""How long a session that comes back waits for its old connection to be noticed as dead."""

_FIRST_BACKOFF: Final = 0.25
_LONGEST_BACKOFF: Final = 15.0
_PING_SECONDS: Final = 20.0
_PONG_SECONDS: Final = 10.0
_PASSING: Final = frozenset({"unavailable", "too_fast"})

OkT = TypeVar("OkT", bound=wire.Ok)


@dataclass(frozen=True)
class Connected:
    """The session has a connection; its rooms are joined again, each told by `Rejoined`."""

    url: str
    node: str
    nick: str


@dataclass(frozen=True)
class Disconnected:
    """There is no connection; the next attempt is in ``retry_in`` seconds, at ``next_url``."""

    reason: str
    retry_in: float
    next_url: str


@dataclass(frozen=True)
class Rejoined:
    """A room after a reconnection: what was missed or, with ``recovered`` false, what is recent."""

    joined: wire.Joined


@dataclass(frozen=True)
class Ended:
    """The session is over and will not come back by itself; the last event."""

    reason: str


Event = Connected | Disconnected | Rejoined | Ended | wire.AnyEvent | wire.MemberList
"""`wire.MemberList` comes unasked when changes of a room's members were missed."""


@dataclass
class _Room:
    """How far this session has come in a room it joined."""

    epoch: str
    seq: int
    version: int


class Session:
    """What can be done in an open session; made by `open_session`.

    Commands raise `CommandError` if the server refuses, and `ConnectionLost` if there is no
    connection or it is lost before the answer; then whether the command took effect is unknown.
    Every message of a joined room comes as an event, in ``seq`` order and once. Events must be
    read: with `MOST_UNREAD` of them waiting, answers wait too.
    """

    def __init__(self, urls: Sequence[str], nick: str) -> None:
        if not urls:
            raise ValueError("a session needs the URL of at least one node")
        self.urls = list(urls)
        """The nodes to try, in turn; may be changed at any time."""
        self._turn = random.randrange(len(urls))  # noqa: S311 - spreads clients over the nodes
        self.nick = nick
        self.limits: wire.Limits | None = None
        prefix = secrets.token_hex(4)
        self._ids = (f"{prefix}-{number}" for number in itertools.count(1))
        self._connection: Connection | None = None
        self._rooms: dict[str, _Room] = {}
        self._events, self.events = trio.open_memory_channel[Event](MOST_UNREAD)
        self._came_in = trio.Event()
        self._retry_now = trio.Event()
        self._failure: CannotConnect | CommandError | None = None

    # --- commands -----------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Whether commands can be sent now."""
        return self._connection is not None

    @property
    def rooms(self) -> list[str]:
        """The rooms this session is in, and joins again after a reconnection."""
        return list(self._rooms)

    async def join(self, room: str, *, history: int = 50) -> wire.Joined:
        """Enter a room; its messages behind the answer's ``seq`` come as events."""
        connection = await self._require_connection()
        command = wire.Join(id=next(self._ids), room=room, history=history)
        return await connection.ask(command, wire.Joined, on_answer=self._follow)

    async def leave(self, room: str) -> None:
        """Leave a room."""
        await self.command(wire.Leave(id=next(self._ids), room=room), wire.Ok)
        self._rooms.pop(room, None)

    async def send(self, room: str, text: str, *, message_id: str | None = None) -> int:
        """Say something in a room and give its ``seq``.

        While the server is unavailable it is tried again with the same id, so that it is said
        once; after `SEND_SECONDS` the refusal is raised.
        """
        command = wire.Send(id=message_id or next(self._ids), room=room, text=text)
        give_up_at = trio.current_time() + SEND_SECONDS
        while True:
            try:
                return (await self.command(command, wire.Sent)).seq
            except CommandError as error:
                if error.code != "unavailable" or trio.current_time() > give_up_at:
                    raise
                await trio.sleep(random.uniform(0.1, error.retry_after or 1.0))  # noqa: S311

    async def history(
        self, room: str, *, before: int | None = None, limit: int = 50
    ) -> wire.HistoryPage:
        """Read messages of a joined room that came before ``before``, or the newest ones."""
        command = wire.History(id=next(self._ids), room=room, before=before, limit=limit)
        return await self.command(command, wire.HistoryPage)

    async def members(self, room: str) -> wire.MemberList:
        """List everybody in a joined room."""
        return await self.command(wire.Members(id=next(self._ids), room=room), wire.MemberList)

    async def list_rooms(self) -> list[wire.RoomInfo]:
        """List the rooms that exist, the fullest first."""
        return (await self.command(wire.Rooms(id=next(self._ids)), wire.RoomList)).rooms

    async def rename(self, nick: str) -> str:
        """Take another nickname; gives it as others see it."""
        self.nick = (await self.command(wire.Nick(id=next(self._ids), nick=nick), wire.Named)).nick
        return self.nick

    async def ping(self) -> float:
        """Ask the node for a sign of life; gives the seconds that took."""
        began = trio.current_time()
        await self.command(wire.Ping(id=next(self._ids)), wire.Ok)
        return trio.current_time() - began

    async def command(self, command: wire.Command, answer: type[OkT]) -> OkT:
        """Send any command that has an id and give its answer."""
        return await (await self._require_connection()).ask(command, answer)

    def retry_now(self) -> None:
        """Make the next attempt to connect at once, if one is being waited for."""
        self._retry_now.set()

    @property
    def _url(self) -> str:
        return self.urls[self._turn % len(self.urls)]

    async def _require_connection(self) -> Connection:
        if self._connection is None:
            await trio.lowlevel.checkpoint()
            raise ConnectionLost("not connected")
        return self._connection

    # --- staying connected --------------------------------------------------------------------

    async def came_in(self) -> None:
        """Wait for the first connection; raises as `open_session`."""
        await self._came_in.wait()
        if self._failure is not None:
            raise self._failure

    async def run(self) -> None:
        """Connect, and stay connected until the session ends; started once, by `open_session`."""
        attempt = 0
        refused_since: float | None = None
        async with self._events:
            while True:
                was_in = self._came_in.is_set()
                ending = await self._one_connection(self._url)
                self._turn += 1
                if isinstance(ending, Closed):
                    attempt, refused_since, reason = 0, None, ending.reason
                    if not wire.may_reconnect(ending.code):
                        break
                else:
                    reason = str(ending)
                    attempt += 1
                    refused = isinstance(ending, CommandError) and ending.code not in _PASSING
                    if not was_in and (refused or attempt >= len(self.urls)):
                        self._failure = ending
                        break
                    refused_since = (refused_since or trio.current_time()) if refused else None
                    if refused_since and trio.current_time() - refused_since > NICK_GRACE_SECONDS:
                        break
                if self._came_in.is_set():
                    await self._wait_to_retry(reason, attempt)
            if self._failure is None:
                await self._events.send(Ended(reason))
            self._came_in.set()

    async def _wait_to_retry(self, reason: str, attempt: int) -> None:
        ceiling = min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2**attempt)
        delay = random.uniform(0, ceiling)  # noqa: S311 - full jitter: a node's clients spread out
        self._retry_now = trio.Event()
        await self._events.send(Disconnected(reason, delay, self._url))
        with trio.move_on_after(delay):
            await self._retry_now.wait()

    async def _one_connection(self, url: str) -> Closed | CannotConnect | CommandError:
        """Connect, come in, and stay until that ends; give how it ended."""
        ending: Closed | CannotConnect | CommandError
        async with trio.open_nursery() as nursery:
            try:
                connection = await Connection.open(nursery, url)
                ending = await self._converse(nursery, connection, url)
            except (CannotConnect, CommandError) as error:
                ending = error
            except ConnectionLost as error:
                ending = CannotConnect(f"{url}: {error}")
            finally:
                self._connection = None
            nursery.cancel_scope.cancel()
        return ending

    async def _converse(self, nursery: trio.Nursery, connection: Connection, url: str) -> Closed:
        ended = trio.Event()
        closed = Closed(1006, "the connection broke")

        async def hear() -> None:
            nonlocal closed
            closed = await connection.hear(partial(self._take, nursery))
            ended.set()

        try:
            nursery.start_soon(hear)
            hello = wire.Hello(id=next(self._ids), nick=self.nick)
            welcome = await connection.ask(hello, wire.Welcome)
            self.nick, self.limits = welcome.nick, welcome.limits
            self._connection = connection
            await self._events.send(Connected(url, welcome.node, welcome.nick))
            self._came_in.set()
            for name in list(self._rooms):
                nursery.start_soon(self._rejoin, connection, name)
            nursery.start_soon(self._keep_alive, connection, ended)
            await ended.wait()
        finally:
            with trio.CancelScope(shield=True):
                await connection.close()
        return closed

    async def _rejoin(self, connection: Connection, name: str) -> None:
        """Join a room again and have what was missed told in its place among the events."""

        def follow(joined: wire.Joined) -> Rejoined:
            self._follow(joined)
            return Rejoined(joined)

        while (room := self._rooms.get(name)) is not None:
            since = wire.Position(epoch=room.epoch, seq=room.seq)
            command = wire.Join(id=next(self._ids), room=name, since=since)
            try:
                await connection.ask(command, wire.Joined, on_answer=follow)
            except CommandError as error:
                if error.code in _PASSING:
                    await trio.sleep(error.retry_after or 1.0)
                    continue
                self._rooms.pop(name, None)
                await self._events.send(wire.Error(code=error.code, message=error.message))
            except ConnectionLost:
                pass  # the room stays noted, and the next connection joins it again
            return

    async def _keep_alive(self, connection: Connection, ended: trio.Event) -> None:
        """End a connection whose other side is dead but never said so."""
        try:
            while True:
                await trio.sleep(_PING_SECONDS)
                with trio.fail_after(_PONG_SECONDS):
                    await connection.ping()
        except (trio.TooSlowError, ConnectionLost):
            ended.set()

    # --- what comes in ------------------------------------------------------------------------

    def _follow(self, joined: wire.Joined) -> None:
        self._rooms[joined.room] = _Room(joined.epoch, joined.seq, joined.version)

    async def _take(self, nursery: trio.Nursery, event: Event) -> None:
        """Hand on an event that is new, in order, and about a room that we are in."""
        if isinstance(event, (wire.Message, wire.Presence, wire.Notice)) and event.room is not None:
            room = self._rooms.get(event.room)
            if room is None or not self._is_news(nursery, room, event):
                return
        await self._events.send(event)

    def _is_news(
        self, nursery: trio.Nursery, room: _Room, event: wire.Message | wire.Presence | wire.Notice
    ) -> bool:
        match event:
            case wire.Message():
                if event.seq <= room.seq:
                    return False
                room.seq = event.seq
            case wire.Presence():
                if event.after > room.version:
                    nursery.start_soon(self._reread_members, event.room)
                    return False
                if event.version <= room.version:
                    return False
                room.version = event.version
            case wire.Notice(room=str(name), epoch=str(epoch), seq=int(seq)):
                if epoch != room.epoch or seq < room.seq:
                    nursery.start_soon(self._reread_members, name)
                room.epoch, room.seq = epoch, seq
        return True

    async def _reread_members(self, name: str) -> None:
        connection = self._connection
        if connection is None:
            return

        def settle(answer: wire.MemberList) -> wire.MemberList:
            if name in self._rooms:
                self._rooms[name].version = answer.version
            return answer

        command = wire.Members(id=next(self._ids), room=name)
        try:
            await connection.ask(command, wire.MemberList, on_answer=settle)
        except CommandError as error:
            await self._events.send(wire.Error(code=error.code, message=error.message))
        except ConnectionLost:
            pass  # coming back reads them anyway


@asynccontextmanager
async def open_session(urls: Sequence[str], *, nick: str) -> AsyncIterator[Session]:
    """Open a session with a cluster, given the URLs of any of its nodes.

    The session comes back by itself, to the next node, whenever its connection is lost.

    :raises CannotConnect: if none of the nodes can be reached.
    :raises CommandError: if the nickname is refused: ``nick_taken`` (with a ``suggestion``) or
        ``bad_nick``.
    """
    session = Session(urls, nick)
    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(session.run)
        try:
            await session.came_in()
            yield session
        except Exception as error:  # noqa: BLE001 - raised again below, outside the nursery's group
            failure = error
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure
