"""Who is in one room, whichever node they are on, and what to tell about its changes. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

import msgspec

from gateway.backplane import Change
from gateway.wire import MAX_LISTED_MEMBERS, Member, Presence, Renamed

UNKNOWN: Final = -1
"""The version of a roster that has not been read yet."""


class Roster:
    """The members of a room by session, at a version; changes gather until they are flushed.

    Clients are only ever told of the members as they were at the last flush, ``told_version``:
    so all of them see the same succession of states, and nobody is left with somebody who came
    and went between two flushes.
    """

    __slots__ = (
        "_before", "_introduced", "_listing", "members", "seen", "told_version", "version",
    )  # fmt: skip

    def __init__(self) -> None:
        self.version = UNKNOWN
        self.members: dict[str, str] = {}
        self.seen = UNKNOWN
        """The youngest version that a change was published for."""
        self.told_version = UNKNOWN
        self._before: dict[str, str | None] = {}
        self._introduced: dict[str, str] = {}
        """Who is listed in the answer to its own join before all are told of it, and how."""
        self._listing: bytes | None = None

    @property
    def incomplete(self) -> bool:
        """Whether a change was seen that cannot be applied: the members must be read anew."""
        return self.version < self.seen or self.version == UNKNOWN

    @property
    def changed(self) -> bool:
        """Whether there is something to flush."""
        return bool(self._before)

    def apply(self, change: Change) -> None:
        """Take in a change that was published; one that does not follow makes it incomplete."""
        self.seen = max(self.seen, change.version)
        if change.version != self.version + 1 or self.version == UNKNOWN:
            return
        self.version = change.version
        for session, nick in change.here.items():
            self._set(session, nick)
        for session in change.gone:
            self._set(session, None)

    def replace(self, version: int, members: dict[str, str]) -> None:
        """Take in the members as they were read; what differs counts as changed.

        If none were known, all of it counts as told: those who need it ask for it.
        """
        self.version = version
        self.seen = max(self.seen, version)
        if self.told_version == UNKNOWN:
            self.members = members
            self.told_version = version
            self._before.clear()
            self._introduced.clear()
            self._listing = None
            return
        for session in self.members.keys() - members.keys():
            self._set(session, None)
        for session, nick in members.items():
            self._set(session, nick)

    def invalidate(self) -> None:
        """Know nothing any more: Redis lost data, and versions may have begun again."""
        self.version = self.seen = self.told_version = UNKNOWN

    def flush(self, room: str) -> Presence | None:
        """Give what changed since the last flush as one frame; None if it all came to nothing."""
        if self.version == UNKNOWN:
            return None
        before = {nick for nick in self._before.values() if nick is not None}
        now = {nick for session in self._before if (nick := self.members.get(session))}
        # By nickname: whoever comes back as another session within one flush was never away.
        left, joined = before - now, now - before
        changed: list[Renamed] = []
        for session, was in self._before.items():
            nick = self.members.get(session)
            if was in left and nick in joined:
                left.discard(was)
                joined.discard(nick)
                changed.append(Renamed(nick=nick, was=was))
        # What newcomers were called before all were told of them, they themselves must forget.
        introduced = self._introduced.keys() & self._before.keys()
        left |= {self._introduced.pop(session) for session in introduced} - now
        self._before.clear()
        if not (joined or left or changed):
            return None
        after, self.told_version = self.told_version, self.version
        self._listing = None
        return Presence(
            room=room,
            version=self.version,
            after=after,
            joined=[Member(nick=nick) for nick in sorted(joined)],
            left=sorted(left),
            changed=changed,
        )

    def introduce(self, session: str, nick: str) -> bool:
        """Tell whether a session that joins is missing in the listing, so that its answer adds it.

        Should it have another name by the time that all are told of it, the flush puts that right.
        """
        if self._before.get(session, self.members.get(session)) is not None:
            return False
        self._introduced[session] = nick
        return True

    def forget(self, session: str) -> None:
        """Take note that a session's own client does not follow the room any more."""
        self._introduced.pop(session, None)

    def told(self) -> Iterator[str]:
        """Give the nicknames of the members at ``told_version``."""
        before = self._before
        for session, nick in self.members.items():
            if session not in before:
                yield nick
        yield from (nick for nick in before.values() if nick is not None)

    def listing(self) -> bytes:
        """Give the first members at ``told_version`` as an encoded list."""
        if self._listing is None:
            nicks = islice(self.told(), MAX_LISTED_MEMBERS)
            self._listing = msgspec.json.encode([Member(nick=nick) for nick in nicks])
        return self._listing

    def count(self) -> int:
        """Give how many members there were at ``told_version``."""
        absent = sum(1 for nick in self._before.values() if nick is None)
        gone = sum(1 for session in self._before if session not in self.members)
        return len(self.members) - absent + gone

    def _set(self, session: str, nick: str | None) -> None:
        before = self.members.get(session)
        if before == nick:
            return
        self._before.setdefault(session, before)
        if nick is None:
            del self.members[session]
        else:
            self.members[session] = nick
