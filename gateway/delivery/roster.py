"""The roster: the members of one room on all nodes, and the changes to send to clients. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

import msgspec

from gateway.backplane import Change, member_line
from gateway.wire import MAX_LISTED_MEMBERS, Presence, Renamed

UNKNOWN: Final = -1
"""The version of a roster that has not been read yet."""


class Roster:
    """The members of a room by session, at a version; changes are collected until a flush.

    - Members are kept as member lines (`gateway.backplane.member_line`), which are parsed only for
      clients.
    - Clients get the members as they were at the last flush, at ``announced_version``, and then
      each flush: so all see the same sequence of lists, and nobody who came and went between two
      flushes stays in any of them.
    """

    __slots__ = (
        "_before",
        "_introduced",
        "_listing",
        "announced_version",
        "members",
        "seen",
        "version",
    )  # fmt: skip

    def __init__(self) -> None:
        self.version = UNKNOWN
        self.members: dict[str, str] = {}
        self.seen = UNKNOWN
        """The highest version of a published change or a read list."""
        self.announced_version = UNKNOWN
        self._before: dict[str, str | None] = {}
        self._introduced: dict[str, str] = {}
        """The lines of members that only the answers to their own joins list so far."""
        self._listing: bytes | None = None

    @property
    def incomplete(self) -> bool:
        """Whether a change could not be applied, so that the members must be read again."""
        return self.version < self.seen or self.version == UNKNOWN

    @property
    def changed(self) -> bool:
        """Whether there is something to flush."""
        return bool(self._before)

    def apply(self, change: Change) -> None:
        """Apply a published change; one out of sequence makes the roster incomplete."""
        self.seen = max(self.seen, change.version)
        if change.version != self.version + 1 or self.version == UNKNOWN:
            return
        self.version = change.version
        for session, line in change.here.items():
            self._set(session, line)
        for session in change.gone:
            self._set(session, None)

    def replace(self, version: int, members: dict[str, str]) -> None:
        """Replace the members by those that were read; what differs is in the next flush.

        If none were known, nothing is flushed: clients that need the list ask for it.
        """
        self.version = version
        self.seen = max(self.seen, version)
        if self.announced_version == UNKNOWN:
            self.members = members
            self.announced_version = version
            self._before.clear()
            self._introduced.clear()
            self._listing = None
            return
        for session in self.members.keys() - members.keys():
            self._set(session, None)
        for session, line in members.items():
            self._set(session, line)

    def invalidate(self) -> None:
        """Forget the version: Redis lost data, and versions may have begun again."""
        self.version = self.seen = self.announced_version = UNKNOWN

    def flush(self, room: str) -> Presence | None:
        """Return what changed since the last flush as one frame; None if nothing did."""
        if self.version == UNKNOWN:
            return None
        before = _by_nick(self._before.values())
        now = _by_nick(self.members.get(session) for session in self._before)
        # By nickname: a member who returns as another session before a flush was never away.
        left, joined = before.keys() - now.keys(), now.keys() - before.keys()
        changed = self._renamed(left, joined)
        # Newcomers have seen themselves as they were when they joined.
        introduced = self._introduced.keys() & self._before.keys()
        known = _by_nick([self._introduced.pop(session) for session in introduced])
        left |= known.keys() - now.keys()
        for nick in before.keys() & now.keys():
            if before[nick] != now[nick] or known.get(nick, now[nick]) != now[nick]:
                changed.append(_renamed(now[nick], nick))
        self._before.clear()
        if not (joined or left or changed):
            return None
        after, self.announced_version = self.announced_version, self.version
        self._listing = None
        return Presence(
            room=room,
            version=self.version,
            after=after,
            joined=[member_line.read(now[nick]) for nick in sorted(joined)],
            left=sorted(left),
            changed=changed,
        )

    def _renamed(self, left: set[str], joined: set[str]) -> list[Renamed]:
        """Remove members with another nickname from both sets; return them as renamed."""
        renamed = []
        for session, old in self._before.items():
            new = self.members.get(session)
            if old is None or new is None:
                continue
            was, nick = member_line.nick_of(old), member_line.nick_of(new)
            if was in left and nick in joined:
                left.discard(was)
                joined.discard(nick)
                renamed.append(_renamed(new, was))
        return renamed

    def introduce(self, session: str, line: str) -> bool:
        """Return whether the answer to a session's join must add it to the `listing`.

        If so, and its member line changes before the next flush, that flush corrects the line.
        """
        if self._before.get(session, self.members.get(session)) is not None:
            return False
        self._introduced[session] = line
        return True

    def forget(self, session: str) -> None:
        """Record that a session's own client no longer follows the room."""
        self._introduced.pop(session, None)

    def announced(self) -> Iterator[str]:
        """Yield the member lines at ``announced_version``."""
        before = self._before
        for session, line in self.members.items():
            if session not in before:
                yield line
        yield from (line for line in before.values() if line is not None)

    def listing(self) -> bytes:
        """Return the first members at ``announced_version`` as an encoded list."""
        if self._listing is None:
            first = islice(self.announced(), MAX_LISTED_MEMBERS)
            self._listing = msgspec.json.encode([member_line.read(line) for line in first])
        return self._listing

    def count(self) -> int:
        """Return the number of members at ``announced_version``."""
        absent = sum(1 for line in self._before.values() if line is None)
        gone = sum(1 for session in self._before if session not in self.members)
        return len(self.members) - absent + gone

    def _set(self, session: str, line: str | None) -> None:
        before = self.members.get(session)
        if before == line:
            return
        self._before.setdefault(session, before)
        if line is None:
            del self.members[session]
        else:
            self.members[session] = line


def _by_nick(lines: Iterable[str | None]) -> dict[str, str]:
    return {member_line.nick_of(line): line for line in lines if line is not None}


def _renamed(line: str, was: str) -> Renamed:
    now = member_line.read(line)
    return Renamed(nick=now.nick, was=was, state=now.state, text=now.text)
