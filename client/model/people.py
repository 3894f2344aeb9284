"""The members of a room with their status, and who of them is typing."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Final

from client.i18n.texts import _, ngettext
from client.model.display_text import name_some
from client.model.lines import MembershipLine
from client.text.visible import shown_line
from gateway import wire

MOST_PEOPLE: Final = 20_000
"""How many members of a room are known; others are left out."""
MOST_TYPISTS: Final = 100
"""How many people count as typing in one conversation."""
TYPING_MILLISECONDS: Final = 6_000
"""How long somebody counts as typing who does not say so again."""


class People:
    """The members of a room; `listed` is a new tuple after every change."""

    def __init__(self) -> None:
        self._by_nick: dict[str, wire.Member] = {}
        self._listed: tuple[wire.Member, ...] | None = ()

    @property
    def listed(self) -> tuple[wire.Member, ...]:
        """All members, in alphabetical order."""
        if self._listed is None:
            self._listed = tuple(sorted(self._by_nick.values(), key=order_of))
        return self._listed

    @property
    def nicks(self) -> tuple[str, ...]:
        """The nicknames of all members, in the same order."""
        return tuple(member.nick for member in self.listed)

    def get(self, nick: str) -> wire.Member | None:
        """Return a member; None if there is none of that nickname."""
        return self._by_nick.get(nick)

    def replace(self, members: Iterable[wire.Member]) -> None:
        """Replace all members."""
        self._by_nick = {m.nick: m for m in itertools.islice(members, MOST_PEOPLE)}
        self._listed = None

    def apply(self, presence: wire.Presence, at: int) -> MembershipLine:
        """Apply changes, and return those that change something."""
        left = [nick for nick in presence.left if self._by_nick.pop(nick, None)]
        changed = [change for change in presence.changed if self._by_nick.pop(change.was, None)]
        for change in changed:
            self._by_nick[change.nick] = member_of(change)
        joined: list[str] = []
        for member in presence.joined:
            if member.nick not in self._by_nick:
                if len(self._by_nick) >= MOST_PEOPLE:
                    continue
                joined.append(member.nick)
            self._by_nick[member.nick] = member
        self._listed = None
        renamed = [(change.was, change.nick) for change in changed if change.was != change.nick]
        return MembershipLine(at, tuple(joined), tuple(left), tuple(renamed))


class Typists:
    """Who is typing; each for `TYPING_MILLISECONDS` after they last said so."""

    def __init__(self) -> None:
        self._until: dict[str, int] = {}

    def note(self, nick: str, now: int) -> None:
        """Note that somebody is typing."""
        if len(self._until) >= MOST_TYPISTS:
            self._forget_late(now)
        if nick in self._until or len(self._until) < MOST_TYPISTS:
            self._until[nick] = now + TYPING_MILLISECONDS

    def rename(self, was: str, nick: str) -> None:
        """Note that somebody has another nickname."""
        if was in self._until:
            self._until[nick] = self._until.pop(was)

    def forget(self, nick: str) -> None:
        """Note that somebody has sent what they were typing, or has left."""
        self._until.pop(nick, None)

    def next_change(self, now: int) -> int | None:
        """Return when the next person stops counting as typing; None if nobody is typing."""
        return min((until for until in self._until.values() if until > now), default=None)

    def text(self, now: int) -> str:
        """Return who is typing, in words; empty if nobody is."""
        self._forget_late(now)
        if not self._until:
            return ""
        names = name_some([shown_line(nick) for nick in self._until])
        text = ngettext("{names} is typing …", "{names} are typing …", len(self._until))
        return text.format(names=names)

    def _forget_late(self, now: int) -> None:
        # A clock that was set back must not keep somebody typing for hours.
        self._until = {
            nick: until
            for nick, until in self._until.items()
            if now < until <= now + TYPING_MILLISECONDS
        }


def member_of(change: wire.Renamed) -> wire.Member:
    """Return a member as they are after a change."""
    return wire.Member(
        nick=change.nick, state=change.state, text=change.text, registered=change.registered
    )


def state_text(state: wire.State) -> str:
    """Return the name of a status."""
    return {"online": _("Online"), "away": _("Away"), "busy": _("Busy")}[state]


def registered_text(nick: str) -> str:
    """Return what the sign of an account says."""
    return _("{nick} has an account here: nobody else can have this nickname.").format(nick=nick)


def order_of(member: wire.Member) -> tuple[str, str]:
    """Return the key that members are sorted by."""
    return (member.nick.casefold(), member.nick)
