"""The rooms of a session: what it joins by itself, and which events of rooms it delivers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Final

import trio

from client.errors import NotConnected
from client.events import Event, NotRejoined, Rejoined
from client.i18n.server_texts import in_own_words
from client.session.connection import ClientConnection
from client.session.correspondents import Correspondents
from client.session.current_connection import CurrentConnection
from client.session.delivery import Delivery, insist
from client.session.member_pages import MemberPages, MemberReader
from client.session.positions import Positions
from gateway import wire
from gateway.wire import CommandError

JOINS_AT_ONCE: Final = 16
"""How many rooms are being joined at one time, after a connection was made."""


class SessionRooms:
    """Joins rooms, again after each connection, and follows what another device does.

    ``nick`` returns the own nickname; ``tell`` delivers an event of the session.
    """

    def __init__(
        self,
        current: CurrentConnection,
        positions: Positions,
        delivery: Delivery,
        nick: Callable[[], str],
        tell: Callable[[Event], Awaitable[None]],
    ) -> None:
        self._current, self._positions, self._delivery = current, positions, delivery
        self._nick, self._tell = nick, tell
        self._joined = positions.rooms
        self._expected: dict[str, None] = {}
        """Rooms of the account that are still to be joined, in order."""
        self._named: dict[str, str] = {}
        """The rooms that were asked for by another name than they have."""
        self._correspondents = Correspondents()
        self._members = MemberReader(current.ids)
        self._rereading: set[str] = set()
        """The rooms whose members are read again, since changes of them were missed."""

    @property
    def names(self) -> list[str]:
        """The rooms that the session is in."""
        return list(self._joined)

    def name(self, asked: str) -> str:
        """Return the name of a room that may have been asked for by another one."""
        return self._named.get(asked, asked)

    def person(self, nick: str) -> str | None:
        """Return the tag of the person that one knows under a nickname; None if there is none."""
        return self._correspondents.meant_by(nick)

    async def join(self, room: str, history: int) -> wire.Joined:
        """Join a room, and follow it."""
        command = wire.Join(id=next(self._current.ids), room=room, history=history)
        connection = await self._current.require()
        return await connection.ask(command, wire.Joined, on_answer=partial(self._follow, room))

    async def leave(self, room: str) -> None:
        """Leave a room."""
        room = self.name(room)
        await self._current.change(wire.Leave(id=next(self._current.ids), room=room), wire.Ok)
        self._forget(room)

    async def members(self, room: str) -> wire.MemberList:
        """Return all members of a joined room."""
        return await self._members.read(await self._current.require(), self.name(room))

    def _follow(self, asked: str, joined: wire.Joined) -> None:
        if asked != joined.room:
            self._named[asked] = joined.room
        for name in (asked, joined.room):
            self._expected.pop(name, None)
        self._positions.follow(joined)
        self._delivery.joined(joined, self._nick())

    def _forget(self, room: str) -> None:
        self._joined.pop(room, None)
        self._expected.pop(room, None)
        self._delivery.left(room)
        self._named = {asked: name for asked, name in self._named.items() if name != room}

    # --- joining by itself --------------------------------------------------------------------

    async def begin(self, nursery: trio.Nursery, welcome: wire.Welcome, *, returns: bool) -> None:
        """Join the rooms of the session again, and those of its account.

        ``returns`` is whether the account is the same one as before: then rooms that are not its
        any more were left on another device. A resumed session may be told of none.
        """
        if returns and (welcome.rooms or not welcome.resumed):
            listed = {each.room for each in welcome.rooms}
            for left in [name for name in (*self._joined, *self._expected) if name not in listed]:
                self._forget(left)
                await self._tell(wire.LeftElsewhere(room=left))
        self._expect(each.room for each in welcome.rooms)
        self._join_all(nursery, [*self._joined, *self._expected])

    def add(self, nursery: trio.Nursery, rooms: Iterable[str]) -> None:
        """Join rooms of the account, if the session is not in them."""
        self._join_all(nursery, self._expect(rooms))

    def _expect(self, rooms: Iterable[str]) -> list[str]:
        """Note that these rooms are to be joined; return those that are news."""
        known = self._joined.keys() | self._expected.keys()
        missing = [room for room in rooms if room not in known]
        self._expected.update(dict.fromkeys(missing))
        return missing

    def _join_all(self, nursery: trio.Nursery, rooms: Sequence[str]) -> None:
        left, connection = iter(rooms), self._current.connection
        if connection is not None:
            for _ in range(min(JOINS_AT_ONCE, len(rooms))):
                nursery.start_soon(self._join_each, connection, left)

    async def _join_each(self, connection: ClientConnection, rooms: Iterator[str]) -> None:
        for room in rooms:
            await self._rejoin(connection, room)

    async def _rejoin(self, connection: ClientConnection, name: str) -> None:
        """Join a room again; what was missed is delivered in order among the events."""

        def follow(joined: wire.Joined) -> Rejoined:
            if joined.room != name:
                self._forget(name)
            self._follow(name, joined)
            return Rejoined(joined, was=name if joined.room != name else None)

        async def join() -> None:
            room = self._joined.get(name)
            if room is not None or name in self._expected:
                since = None if room is None else room.seen
                command = wire.Join(id=next(self._current.ids), room=name, since=since)
                await connection.ask(command, wire.Joined, on_answer=follow)

        if refusal := await insist(join):
            self._forget(name)
            await self._tell(NotRejoined(name, refusal.message))

    # --- what comes in ------------------------------------------------------------------------

    async def take(self, nursery: trio.Nursery, event: Event) -> None:
        """Deliver an event if it is new and about a room that the session is in."""

        def reread(name: str) -> None:
            if name not in self._rereading:
                self._rereading.add(name)
                nursery.start_soon(self._reread_members, name)

        self._correspondents.apply(event, self._nick())
        if isinstance(event, wire.Presence):
            self._members.apply(event)
        if isinstance(event, wire.Welcome):
            await self._take_up(event)
        elif self._positions.is_news(event, reread):
            if isinstance(event, (wire.Message, wire.DirectMessage)):
                self._delivery.heard(event, self._nick())
            self._follow_elsewhere(nursery, event)
            await self._tell(event)

    async def _take_up(self, welcome: wire.Welcome) -> None:
        if not welcome.recovered:
            await self._tell(in_own_words(wire.Notice(code="history_gap", message="")))
        for direct in self._positions.took_up(welcome):
            self._delivery.heard(direct, self._nick())
            await self._tell(direct)

    def _follow_elsewhere(self, nursery: trio.Nursery, event: Event) -> None:
        """Join, or forget, what another device has joined or left."""
        match event:
            case wire.JoinedElsewhere(room=room):
                self.add(nursery, [room])
            case wire.LeftElsewhere(room=room):
                self._forget(room)

    async def _reread_members(self, name: str) -> None:
        """Read the members of a room again; the whole list is an event, in order with others."""

        def settle(pages: MemberPages) -> wire.MemberList | None:
            if name in self._joined:
                self._joined[name].version = pages.version
            if not pages.is_complete:
                return None
            self._rereading.discard(name)
            return pages.listing

        try:
            if (connection := self._current.connection) is not None:
                await self._members.read(connection, name, on_page=settle)
        except CommandError as error:
            await self._tell(wire.Error(code=error.code, message=error.message))
        except NotConnected:
            pass  # the room is joined again on the next connection
        finally:
            self._rereading.discard(name)
