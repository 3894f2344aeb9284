"""The sessions in a room by nickname, and the line that stands for whoever has one. Pure."""

from __future__ import annotations

from collections.abc import Collection

from gateway.backplane import member_line


class SessionsByNick:
    """The sessions in a room with their member lines, found by nickname too.

    Several sessions have one nickname if they are of one account, or for the moment in which it
    passes to somebody else. They are listed as one person, by one of their lines, which depends on
    these lines alone: so every node shows the same one, whatever it has heard, in any order.
    """

    __slots__ = ("_one", "_several", "lines")

    def __init__(self) -> None:
        self.lines: dict[str, str] = {}
        """The member line of each session."""
        self._one: dict[str, str] = {}
        """A session of each nickname."""
        self._several: dict[str, set[str]] = {}
        """All sessions of the nicknames that have more than one."""

    def __contains__(self, nick: str) -> bool:
        return nick in self._one

    @property
    def nicks(self) -> Collection[str]:
        """The nicknames of everybody."""
        return self._one.keys()

    def sessions(self, nick: str) -> Collection[str]:
        """Return the sessions that have a nickname."""
        return self._several.get(nick) or ([self._one[nick]] if nick in self._one else [])

    def line(self, nick: str) -> str | None:
        """Return the line of whoever has a nickname; None if nobody has.

        An account comes before a guest who has yet to give the nickname up, and a device in use
        before one that is idle.
        """
        if nick in self._several:
            return self.lines[max(self._several[nick], key=self._precedence)]
        session = self._one.get(nick)
        return None if session is None else self.lines[session]

    def _precedence(self, session: str) -> tuple[bool, bool, str]:
        line = self.lines[session]
        return member_line.is_registered(line), not member_line.is_idle(line), session

    def add(self, session: str, line: str) -> None:
        """Add a session that is not there."""
        nick = member_line.nick_of(line)
        self.lines[session] = line
        other = self._one.setdefault(nick, session)
        if other != session:
            self._several.setdefault(nick, {other}).add(session)

    def remove(self, session: str) -> None:
        """Remove a session that is there."""
        nick = member_line.nick_of(self.lines.pop(session))
        sessions = self._several.get(nick)
        if sessions is None:
            del self._one[nick]
            return
        sessions.remove(session)
        self._one[nick] = next(iter(sessions))
        if len(sessions) == 1:
            del self._several[nick]
