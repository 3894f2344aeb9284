"""The roster: the members of one room on all nodes, and the changes to send to clients. Pure."""

from __future__ import annotations

from operator import attrgetter
from typing import Final

import msgspec

from gateway.backplane import Change, member_line
from gateway.delivery.paged_list import Page, PagedList
from gateway.delivery.sessions_by_nick import SessionsByNick
from gateway.net import shares
from gateway.wire import MAX_LISTED_MEMBERS, Member, Presence, Renamed

UNKNOWN: Final = -1
"""The version of a roster that has not been read yet."""

Difference = Member | str | Renamed
"""Somebody who came; the nickname of somebody who went; or who has another nickname or status."""

_encode = msgspec.json.Encoder().encode
_nick = attrgetter("nick")


class Roster:
    """The members of a room, at a version; changes are collected until a flush.

    - Members are kept as member lines (`gateway.backplane.member_line`), which are parsed only for
      clients.
    - Clients are told of people: whoever has several sessions joins with the first and leaves with
      the last (`SessionsByNick`).
    - Clients get the members as they were told last, at ``announced_version``, and then each
      flush: so all see the same sequence of lists, and nobody who came and went between two
      flushes stays in any of them.
    - A flush is bounded in bytes. What does not fit is told by the next ones, each of which is a
      step of ``announced_version``; that may therefore be ahead of ``version``.
    """

    __slots__ = (
        "_introduced", "_listed", "_sessions", "_shown", "_step_bytes", "_told", "_were",
        "announced_version", "seen", "version",
    )  # fmt: skip

    def __init__(self, outbox_bytes: int) -> None:
        """Begin with no members; ``outbox_bytes`` is what may wait for one client."""
        self.version = UNKNOWN
        self.seen = UNKNOWN
        """The highest version of a published change or a read list."""
        self.announced_version = UNKNOWN
        self._sessions = SessionsByNick()
        self._told: dict[str, str | None] = {}
        """The nicknames that changed, each with its line as it was told; None if it was not."""
        self._were: dict[str, str] = {}
        """The sessions of changed nicknames that were listed, each with its nickname then."""
        self._introduced: dict[str, str] = {}
        """The lines of members that only the answers to their own joins list so far."""
        self._shown: dict[str, set[str]] = {}
        """The lines of changed nicknames that such answers have listed."""
        self._listed = PagedList(limit=MAX_LISTED_MEMBERS, most_bytes=shares.page(outbox_bytes))
        """The nicknames at ``announced_version``."""
        self._step_bytes = shares.presence(outbox_bytes)

    @property
    def members(self) -> dict[str, str]:
        """The member lines by session, at ``version``."""
        return self._sessions.lines

    @property
    def incomplete(self) -> bool:
        """Whether a change could not be applied, so that the members must be read again."""
        return self.version < self.seen or self.version == UNKNOWN

    @property
    def changed(self) -> bool:
        """Whether there is something to flush."""
        return bool(self._told)

    # --- what happens in the room -------------------------------------------------------------

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
            self.announced_version = version
            self._sessions = SessionsByNick()
            for session, line in members.items():
                self._sessions.add(session, line)
            for changes in (self._told, self._were, self._introduced, self._shown):
                changes.clear()
            self._listed.replace(self._sessions.nicks)
            return
        for session in self.members.keys() - members.keys():
            self._set(session, None)
        for session, line in members.items():
            self._set(session, line)

    def invalidate(self) -> None:
        """Forget the version: Redis lost data, and versions may have begun again."""
        self.version = self.seen = self.announced_version = UNKNOWN

    def _set(self, session: str, line: str | None) -> None:
        before = self.members.get(session)
        if before == line:
            return
        if (shown := self._introduced.pop(session, None)) is not None:
            self._show(shown)
        if before is not None:
            self._change(member_line.nick_of(before))
            self._sessions.remove(session)
        if line is None:
            self._were.pop(session, None)
            return
        self._change(member_line.nick_of(line))
        self._sessions.add(session, line)

    def _change(self, nick: str) -> None:
        """Remember how a nickname was told, and whose it was, before it changes."""
        if nick not in self._told:
            self._told[nick] = self._sessions.line(nick)
            for session in self._sessions.sessions(nick):
                self._were[session] = nick

    # --- what clients are told of it ----------------------------------------------------------

    def introduce(self, session: str, line: str) -> bool:
        """Return whether the answer to a session's join must add it to the page.

        If so, and its member line changes before it is told to all, it is corrected then.
        """
        nick = member_line.nick_of(line)
        if self._as_told(nick) is not None:
            return False
        if self.members.get(session) == line:
            self._show(line)
        else:
            self._introduced[session] = line
        return True

    def forget(self, session: str) -> None:
        """Record that a session's own client no longer follows the room."""
        self._introduced.pop(session, None)

    def count(self) -> int:
        """Return the number of members at ``announced_version``."""
        return len(self._listed)

    def page(self, after: str | None = None, limit: int | None = None) -> Page:
        """Return a page of the members at ``announced_version``, in the order of their nicknames.

        ``after`` is the ``next`` of the page before; None for the first page.
        """
        return self._listed.page(after, self._encoded, limit=limit)

    def flush(self, room: str) -> Presence | None:
        """Return what changed since the last flush as one frame; None if nothing did.

        If that is too long for one frame, the roster is still `changed`.
        """
        if self.version == UNKNOWN:
            return None
        differences = self._take_differences()
        if not differences:
            return None
        after = self.announced_version
        self.announced_version = after + 1 if self._told else max(self.version, after + 1)
        return Presence(
            room=room,
            version=self.announced_version,
            after=after,
            joined=sorted((d for d in differences if isinstance(d, Member)), key=_nick),
            left=sorted(d for d in differences if isinstance(d, str)),
            changed=[d for d in differences if isinstance(d, Renamed)],
        )

    def _take_differences(self) -> list[Difference]:
        """Return the oldest changes that fit into one frame, which count as told from now on."""
        renamed = self._find_renamed()
        differences: list[Difference] = []
        size = 0
        for name in list(self._told):
            if name not in self._told:
                continue  # the other name of somebody who was renamed
            was, nick = renamed.get(name, (name, name))
            difference = self._difference(was, nick)
            if difference is not None:
                size += len(_encode(difference)) + len(b",")
                if differences and size > self._step_bytes:
                    break
                differences.append(difference)
            for settled in {was, nick}:
                self._settle(settled)
        self._were = {sid: nick for sid, nick in self._were.items() if nick in self._told}
        return differences

    def _find_renamed(self) -> dict[str, tuple[str, str]]:
        """Return the members with another nickname, as (was, is) under each of the two."""
        found: dict[str, tuple[str, str]] = {}
        for session, was in self._were.items():
            nick = member_line.nick_of(self.members[session])
            is_new = self._as_told(nick) is None
            # Of several sessions, the first decides: a person has one nickname before and after.
            if was not in self._sessions and is_new and not found.keys() & {was, nick}:
                found[was] = found[nick] = was, nick
        return found

    def _difference(self, was: str, nick: str) -> Difference | None:
        """Return how somebody is to be told of, who is listed as ``was``; None if not at all."""
        line = self._sessions.line(nick)
        shown = self._shown.get(nick, ())
        if was == nick and all(_look_same(known, line) for known in (self._told[nick], *shown)):
            return None
        if line is None:
            return nick
        member = member_line.read(line)
        if was == nick and self._told[nick] is None:
            return member
        return Renamed(
            nick=nick, was=was, state=member.state, text=member.text, registered=member.registered
        )

    def _settle(self, nick: str) -> None:
        """List a nickname as it is now."""
        was_listed = self._told.pop(nick) is not None
        self._shown.pop(nick, None)
        is_here = nick in self._sessions
        if is_here and not was_listed:
            self._listed.add(nick)
        elif was_listed and not is_here:
            self._listed.remove(nick)
        elif is_here:
            self._listed.changed(nick)

    def _show(self, line: str) -> None:
        """Remember a line that a client has been told of itself, and nobody else."""
        nick = member_line.nick_of(line)
        self._change(nick)
        self._shown.setdefault(nick, set()).add(line)

    def _as_told(self, nick: str) -> str | None:
        """Return the line of a nickname at ``announced_version``; None if it is not listed."""
        return self._told[nick] if nick in self._told else self._sessions.line(nick)

    def _encoded(self, nick: str) -> bytes:
        return _encode(member_line.read(self._as_told(nick) or nick))


def _look_same(one: str | None, other: str | None) -> bool:
    """Return whether two lines of a nickname, or None for nobody, are the same for clients."""
    if one == other:
        return True
    if one is None or other is None:
        return False
    return member_line.read(one) == member_line.read(other)
