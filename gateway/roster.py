"""Who is in one room, whichever node they are on, and what to tell about its changes. Pure."""

from __future__ import annotations

from itertools import islice
from typing import Final

import msgspec

from gateway.backplane import Change
from gateway.wire import MAX_LISTED_MEMBERS, Member, Presence, Renamed

UNKNOWN: Final = -1
"""The version of a roster that has not been read yet."""


class Roster:
    """The members of a room by session, at a version; changes gather until they are flushed."""

    __slots__ = ("_before", "_flushed", "_listing", "members", "seen", "version")

    def __init__(self) -> None:
        self.version = UNKNOWN
        self.members: dict[str, str] = {}
        self.seen = UNKNOWN
        """The youngest version that a change was published for."""
        self._flushed = UNKNOWN
        self._before: dict[str, str | None] = {}
        self._listing: msgspec.Raw | None = None

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
        """Take in the members as they were read; what differs counts as changed."""
        first = self._flushed == UNKNOWN
        self.version = version
        self.seen = max(self.seen, version)
        if first:
            self.members = members
            self._flushed = version
            self._listing = None
            return
        for session in self.members.keys() - members.keys():
            self._set(session, None)
        for session, nick in members.items():
            self._set(session, nick)

    def invalidate(self) -> None:
        """Have the members read anew: Redis lost data, and versions may have begun again."""
        self.version = self.seen = UNKNOWN

    def flush(self, room: str) -> Presence | None:
        """Give what changed since the last flush as one frame; None if it all came to nothing."""
        joined: list[Member] = []
        left: list[str] = []
        changed: list[Renamed] = []
        for session, before in self._before.items():
            now = self.members.get(session)
            if before is None and now is not None:
                joined.append(Member(nick=now))
            elif before is not None and now is None:
                left.append(before)
            elif before is not None and now is not None and before != now:
                changed.append(Renamed(nick=now, was=before))
        self._before.clear()
        if not (joined or left or changed):
            # The next frame reaches back over this time too: readers see no hole in the versions.
            return None
        after, self._flushed = self._flushed, self.version
        return Presence(
            room=room, version=self.version, after=after, joined=joined, left=left, changed=changed
        )

    def listing(self) -> msgspec.Raw:
        """Give the first members as an encoded list, for answers to ``join``."""
        if self._listing is None:
            nicks = islice(self.members.values(), MAX_LISTED_MEMBERS)
            self._listing = msgspec.Raw(msgspec.json.encode([Member(nick=nick) for nick in nicks]))
        return self._listing

    def _set(self, session: str, nick: str | None) -> None:
        before = self.members.get(session)
        if before == nick:
            return
        self._before.setdefault(session, before)
        self._listing = None
        if nick is None:
            del self.members[session]
        else:
            self.members[session] = nick
