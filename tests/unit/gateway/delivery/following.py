"""A roster, and somebody who follows it by its pages and ``presence`` frames."""

from __future__ import annotations

from typing import Final

import msgspec

from gateway.backplane import member_line
from gateway.delivery.roster import Roster
from gateway.wire import Member, Presence

OUTBOX: Final = 1 << 20
ONE_CHANGE: Final = 150
"""Bytes of a frame that tells one change, at most."""


def known(version: int = 4, **members: str) -> Roster:
    roster = Roster(OUTBOX)
    roster.replace(version, members)
    return roster


def lines(members: list[Member]) -> dict[str, str]:
    """Who members are, by nickname, as nodes write it."""
    return {
        m.nick: member_line.write(m.nick, m.state, m.text, registered=m.registered) for m in members
    }


def page(roster: Roster, after: str | None, limit: int | None = None) -> list[Member]:
    return msgspec.json.decode(roster.page(after, limit).encoded, type=list[Member])


def pages(roster: Roster, limit: int | None = None) -> list[Member]:
    """All members, page for page."""
    members, after = page(roster, None, limit), roster.page(None, limit).next
    while after is not None:
        members += page(roster, after, limit)
        after = roster.page(after, limit).next
    return members


def listed(roster: Roster) -> set[str]:
    """Who is listed, by member line."""
    return set(lines(pages(roster)).values())


class Client:
    """Somebody who follows the protocol to the letter (PROTOCOL.md, "Presence" and "Paging").

    One with a ``session`` has joined by it just now, and is listed in the answer in any case.
    """

    def __init__(self, roster: Roster, session: str = "", line: str = "") -> None:
        self.session = session
        self.known: dict[str, str] = {}
        self.begin_anew()
        self.read(roster)
        if session and roster.introduce(session, line):
            self.known |= lines([member_line.read(line)])

    @property
    def nicks(self) -> set[str]:
        return set(self.known.values())

    def begin_anew(self) -> None:
        self.version: int | None = None
        self.next: str | None = None

    @property
    def is_reading(self) -> bool:
        return self.version is None or self.next is not None

    def read(self, roster: Roster) -> None:
        """Read one page."""
        if self.version != roster.announced_version and self.next is not None:
            self.begin_anew()
        if self.version is None:
            self.version, self.known = roster.announced_version, {}
        self.known |= lines(page(roster, self.next))
        self.next = roster.page(self.next).next

    def hear(self, presence: Presence) -> None:
        if self.version is None or presence.version <= self.version:
            return
        if presence.after > self.version:
            self.begin_anew()
            return
        self.version = presence.version
        self.known |= lines(presence.joined)
        for nick in presence.left:
            self.known.pop(nick, None)
        for renamed in presence.changed:
            self.known.pop(renamed.was, None)
            self.known[renamed.nick] = member_line.write(
                renamed.nick, renamed.state, renamed.text, registered=renamed.registered
            )
