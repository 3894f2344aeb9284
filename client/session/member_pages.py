"""The members of a room, read page by page while the room goes on changing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import trio

from client.session.connection import ClientConnection
from client.session.delivery import pause_after
from gateway import wire
from gateway.wire import CommandError

MOST_BEGINNINGS: Final = 4
"""How often a list is begun, because it changed; the last time its pages are added up as they are.
"""
MOST_PAGES: Final = 1_000
"""How many pages are read for one list at most; what they do not hold is left out."""
MOST_LISTED: Final = 20_000
"""How many members a list has, at the page after which no further one is read."""
MOST_REFUSALS: Final = 20
"""How often in a row a page is asked for again, because the node cannot give it right now."""


class MemberPages:
    """The pages of one room's list that have been read, put together.

    PROTOCOL.md says how under "Paging". Give `take` the answer to each request, and `apply` every
    ``presence`` of the room, in the order in which they come.
    """

    def __init__(self, room: str) -> None:
        self.room = room
        self.version = 0
        """The version of what has been read."""
        self.after: str | None = None
        """The cursor of the page to be asked for next; None for the first page."""
        self.is_complete = False
        self._members: dict[str, wire.Member] = {}
        self._missed_change = False
        self._beginnings = self._pages = 0

    @property
    def listing(self) -> wire.MemberList:
        """What has been read, as one list."""
        members = list(self._members.values())
        return wire.MemberList(room=self.room, version=self.version, members=members)

    def take(self, page: wire.MemberList) -> None:
        """Add the page that begins at `after`, or begin anew if it is of another list."""
        self._pages += 1
        is_of_another = self._missed_change or page.version != self.version
        if self.after is not None and is_of_another and self._beginnings < MOST_BEGINNINGS:
            self.after = None
        else:
            self._add(page)
        self.is_complete = self.is_complete or self._pages >= MOST_PAGES

    def _add(self, page: wire.MemberList) -> None:
        if self.after is None:
            self._beginnings += 1
            self._members.clear()
            self.version, self._missed_change = page.version, False
        self._members.update((member.nick, member) for member in page.members)
        # A node that never comes to an end must not keep us asking.
        leads_on = page.next is not None and page.next != self.after and bool(page.members)
        leads_on = leads_on and len(self._members) < MOST_LISTED
        self.after, self.is_complete = page.next, not leads_on

    def apply(self, presence: wire.Presence) -> None:
        """Apply a change of the members to the pages that have been read."""
        if presence.version <= self.version or not self._beginnings:
            return
        if presence.after > self.version:
            self._missed_change = True
        self.version = presence.version
        for member in presence.joined:
            self._members[member.nick] = member
        for nick in presence.left:
            self._members.pop(nick, None)
        for change in presence.changed:
            self._members.pop(change.was, None)
            self._members[change.nick] = wire.Member(
                nick=change.nick,
                state=change.state,
                text=change.text,
                registered=change.registered,
            )


class MemberReader:
    """Reads the members of rooms over whichever connection there is."""

    def __init__(self, ids: Iterator[str]) -> None:
        """Take the ids of commands from ``ids``."""
        self._ids = ids
        self._reading: list[MemberPages] = []

    def apply(self, presence: wire.Presence) -> None:
        """Apply a change of a room's members to what is being read of it."""
        for pages in self._reading:
            if pages.room == presence.room:
                pages.apply(presence)

    async def read(
        self,
        connection: ClientConnection,
        room: str,
        *,
        on_page: Callable[[MemberPages], wire.MemberList | None] = lambda _: None,
    ) -> wire.MemberList:
        """Return all members of a joined room.

        ``on_page`` is called with what has been read after each page, as the ``on_answer`` of
        `ClientConnection.ask`.

        :raises CommandError: if the node refuses.
        :raises NotConnected: if the connection is lost.
        """
        pages = MemberPages(room)

        def take(page: wire.MemberList) -> wire.MemberList | None:
            pages.take(page)
            return on_page(pages)

        self._reading.append(pages)
        try:
            while not pages.is_complete:
                await self._ask(connection, pages, take)
        finally:
            self._reading.remove(pages)
        return pages.listing

    async def _ask(
        self,
        connection: ClientConnection,
        pages: MemberPages,
        take: Callable[[wire.MemberList], wire.MemberList | None],
    ) -> None:
        """Ask for the next page; if the node cannot give it right now, a little later again."""
        for attempt in range(1, MOST_REFUSALS + 1):
            command = wire.Members(id=next(self._ids), room=pages.room, after=pages.after)
            try:
                await connection.ask(command, wire.MemberList, on_answer=take)
            except CommandError as error:
                if not error.temporary or attempt == MOST_REFUSALS:
                    raise
                await trio.sleep(pause_after(error))
            else:
                return
