"""The register of nicknames and sessions in Redis: each nickname has one owner."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from typing import Final, NamedTuple

from gateway.auth.identity import account_of
from gateway.backplane.errors import Outdated, Replaced
from gateway.backplane.incarnation import Incarnation
from gateway.backplane.member_line import nick_of
from gateway.backplane.nodes import channel_of
from gateway.backplane.redis.errors import reading
from gateway.backplane.redis.link import Link
from gateway.backplane.redis.scripts import CLAIM, RELEASE, RESUME
from gateway.backplane.terms import NO_TERM, up_to_terms
from gateway.policy.nicknames import fold

TAKEN_MARK: Final = b"taken "
"""Published before the id of a session, to the node that had it until another resumed it."""
_SCAN_COUNT: Final = 500
_OWN: Final = 0
_REPLACED: Final = -2
_OUTDATED: Final = -3
_REGISTERED: Final = -4
_ACCOUNT: Final = re.compile("[0-9a-f]{16}")
_DELETED: Final = b"deleted"
_OWNER: Final = re.compile("(\\S+) (\\S+) ([0-9]{1,16}) ")


class NickTaken(Exception):
    """Somebody else has the nickname; ``free_variant`` was free a moment ago, if not None.

    ``registered`` is whether it is reserved for an account.
    """

    def __init__(self, free_variant: str | None, *, registered: bool = False) -> None:
        super().__init__("nickname taken")
        self.free_variant = free_variant
        self.registered = registered


class ResumedSession(NamedTuple):
    """A resumed session: its new term, its line, and its age in seconds, by Redis's clock.

    The line is that of `gateway.backplane.member_line`.
    """

    term: int
    line: str
    age: float


class Owner(NamedTuple):
    """The owner of a nickname: session, node, and the nickname as they write it.

    The owner of a reserved nickname is an account: its id is in place of the session, and ``node``
    is empty.
    """

    session: str
    node: str
    nick: str


class HeldNick(NamedTuple):
    """The key (`claimed_key`) that a session holds, and the term in which it claimed it."""

    term: int
    nick: str


class NickKeys(NamedTuple):
    """The names of the hashes of nicknames, which are on one hash slot.

    - ``owners``: by folded nickname, "session node term line";
    - ``sessions``: by session, the folded nickname;
    - ``began``: by session, when it began;
    - ``reserved``: by folded nickname, the account that it is reserved for.
    """

    owners: str
    sessions: str
    began: str
    reserved: str


def nick_keys(namespace: str) -> NickKeys:
    """Return the names of the hashes of nicknames."""
    nicks = f"{namespace}:{{nicks}}"
    return NickKeys(nicks, f"{nicks}:sessions", f"{nicks}:began", f"{nicks}:accounts")


def account_meta_key(namespace: str, account: str) -> str:
    """Return the name of the hash that describes an account: ``nick``, ``state`` and more."""
    return f"{namespace}:{{account:{account}}}:meta"


def read_reservation(value: bytes | None) -> str:
    """Return the account in a reservation; empty for none, and for that of a deleted account."""
    account, _, ends = (value or b"").decode("utf-8", "replace").partition(" ")
    return "" if ends else account


def claimed_key(session: str, nick: str) -> str:
    """Return the key under which a session claims a nickname: the folded nickname.

    That of an account is reserved, and each of its sessions claims a key of its own, to which no
    nickname can be folded.
    """
    return f"@{session}" if account_of(session) else fold(nick)


class NickRegistry:
    """Hashes that change together: the owner of each nickname; each session's nickname and begin.

    Every method raises `Unavailable` if Redis cannot answer; repeating it is safe.
    """

    def __init__(self, link: Link, *, namespace: str, scope: str, incarnation: Incarnation) -> None:
        self._link = link
        self._incarnation = incarnation
        self._namespace = namespace
        self._keys = nick_keys(namespace)
        self._session_keys = self._keys[:3]
        self._scope = scope

    async def claim(
        self,
        line: str,
        session: str,
        *,
        term: int = NO_TERM,
        variants: Callable[[str], Sequence[str]] = lambda _: (),
    ) -> int:
        """Claim a nickname for a session of this node, and release the one that it had.

        A session of an account has the account's nickname, which is reserved: it is never taken.

        - ``line``: the member line, with the nickname (`gateway.backplane.member_line`);
        - ``term``: that of the session, `NO_TERM` for a new one;
        - ``variants``: called for similar nicknames to suggest if this one is taken.

        :returns: the session's term.
        :raises NickTaken: with the first variant that is free.
        :raises Replaced: if another node has resumed the session.
        :raises Outdated: if this node has resumed it in a later term.
        """
        nick = nick_of(line)
        mark = self._incarnation.name
        claim: list[str | int] = [session, mark, term, line, claimed_key(session, nick)]
        answer, *more = await self._link.run_script(CLAIM, self._keys, *claim)
        others: Sequence[str] = ()
        if answer not in {_OWN, _REPLACED, _OUTDATED} and (others := variants(nick)):
            claim += map(fold, others)
            answer, *more = await self._link.run_script(CLAIM, self._keys, *claim)
        if answer == _REPLACED:
            raise Replaced(term)
        if answer == _OUTDATED:
            raise Outdated(more[0], more[1].decode())
        if answer != _OWN:  # else it was released between the two calls
            free = others[more[0] - 1] if more[0] > 0 else None
            raise NickTaken(free, registered=answer == _REGISTERED)
        claimed, moved_from = more
        await self._notify_taken(session, moved_from)
        return int(claimed)

    @reading
    async def resume(self, session: str) -> ResumedSession | None:
        """Move a session to this node from wherever it is, in a new term, and notify that node.

        :returns: None if there is no such session.
        """
        found: tuple[int, bytes, bytes, int] | None = await self._link.run_script(
            RESUME, self._session_keys, session, self._incarnation.name
        )
        if found is None:
            return None
        term, line, moved_from, age = found
        await self._notify_taken(session, moved_from)
        return ResumedSession(term, line.decode(), age / 1000)

    async def _notify_taken(self, session: str, node: bytes) -> None:
        """Notify the node that had a session; ``node`` is empty if none had it, or this one.

        If this node is cut off before, the other finds out by `astray` within its next rounds.
        """
        if node:
            channel = channel_of(self._scope, node.decode())
            await self._link.call("PUBLISH", channel, TAKEN_MARK + session.encode())

    @reading
    async def owner(self, nick: str) -> Owner | None:
        """Return who owns a nickname, there or not if it is reserved; None if nobody does."""
        folded = fold(nick)
        reserved: bytes | None
        found: bytes | None
        reserved, found = await self._link.call_all(
            [("HGET", self._keys.reserved, folded), ("HGET", self._keys.owners, folded)]
        )
        if account := read_reservation(reserved):
            shown = await self._nick_of_account(account)
            return None if shown is None else Owner(account, "", shown)
        if found is None:
            return None
        session, node, _, line = found.decode().split(" ", 3)
        return Owner(session, node, nick_of(line))

    async def has(self, owner: str) -> bool:
        """Return whether there is a session on any node, or an account that is not deleted."""
        if _ACCOUNT.fullmatch(owner):
            return await self._nick_of_account(owner) is not None
        found: int = await self._link.call("HEXISTS", self._keys.sessions, owner)
        return bool(found)

    async def _nick_of_account(self, account: str) -> str | None:
        """Return the nickname of an account; None if it is deleted, or there is no such account."""
        nick: bytes | None
        state: bytes | None
        meta = account_meta_key(self._namespace, account)
        nick, state = await self._link.call("HMGET", meta, "nick", "state")
        return None if nick is None or state == _DELETED else nick.decode()

    async def sessions_among(self, sessions: Collection[str]) -> frozenset[str]:
        """Return those of these ids that are of a session, on any node."""
        if not sessions:
            return frozenset()
        ids = list(sessions)
        nicks: list[bytes | None] = await self._link.call("HMGET", self._keys.sessions, *ids)
        return frozenset(
            session for session, nick in zip(ids, nicks, strict=True) if nick is not None
        )

    async def release(self, sessions: Mapping[str, int]) -> list[str]:
        """End sessions that are still on this node, and release their nicknames.

        ``sessions`` has a term of each; one that is in a later term stays.

        :returns: the sessions that were ended.
        """
        return await self._release(sessions, self._incarnation.any)

    async def astray(self, sessions: Mapping[str, str]) -> dict[str, bool]:
        """Return the sessions that Redis has differently, given their nicknames on this node.

        - True: Redis has lost that the session owns its nickname.
        - False: the session is on another node, or owns another nickname.
        """
        folded = {session: claimed_key(session, nick) for session, nick in sessions.items()}
        if not folded:
            return {}
        owners, owned = await self._link.call_all(
            [
                ("HMGET", self._keys.owners, *folded.values()),
                ("HMGET", self._keys.sessions, *folded),
            ]
        )
        astray: dict[str, bool] = {}
        for session, owner, nick in zip(folded, owners, owned, strict=True):
            mark = f"{session} {self._incarnation.name} ".encode()
            if owner is None or nick is None:
                astray[session] = True
            elif not owner.startswith(mark) or nick != folded[session].encode():
                astray[session] = False
        return astray

    async def release_held(self, held: Mapping[str, HeldNick]) -> list[str]:
        """End sessions as `release` does, given what each holds by `holdings`.

        Works even if Redis has lost which nickname a session owns.
        """
        return await self._release_held(held, self._incarnation.any)

    async def release_node(self, node: str) -> list[str]:
        """End all sessions of a dead node; several nodes may do so at the same time.

        :returns: the sessions that this call ended.
        """
        ended: list[str] = []
        async for some in self._scan():
            held = {s: each for s, (holder, each) in some.items() if holder == node}
            ended += await self._release_held(held, node)
        return ended

    async def holdings(self) -> dict[str, dict[str, HeldNick]]:
        """Return what each session holds, by node, alive or dead, and by session."""
        holdings: dict[str, dict[str, HeldNick]] = {}
        async for some in self._scan():
            for session, (holder, held) in some.items():
                holdings.setdefault(holder, {})[session] = held
        return holdings

    async def _scan(self) -> AsyncIterator[dict[str, tuple[str, HeldNick]]]:
        """Yield all sessions with their nodes and what they hold, a page at a time."""
        cursor = b"0"
        while True:
            cursor, flat = await self._link.call(
                "HSCAN", self._keys.owners, cursor, "COUNT", _SCAN_COUNT
            )
            # Entries of other programs are skipped.
            text = [part.decode("utf-8", "replace") for part in flat]
            found: dict[str, tuple[str, HeldNick]] = {}
            for folded, owner in zip(text[::2], text[1::2], strict=True):
                if read := _OWNER.match(owner):
                    session, node, term = read.groups()
                    found[session] = node, HeldNick(int(term), folded)
            yield found
            if cursor == b"0":
                return

    async def _release_held(self, held: Mapping[str, HeldNick], node: str) -> list[str]:
        # If a session has ended meanwhile, the release deletes what is recorded here.
        sessions = self._keys.sessions
        notes = [("HSETNX", sessions, session, each.nick) for session, each in held.items()]
        await self._link.call_all(notes)
        return await self._release({session: each.term for session, each in held.items()}, node)

    async def _release(self, sessions: Mapping[str, int], node: str) -> list[str]:
        if not sessions:
            return []
        due = up_to_terms(sessions)
        ended: list[bytes] = await self._link.run_script(RELEASE, self._session_keys, node, *due)
        return [session.decode() for session in ended]
