"""Nicknames and sessions as all nodes share them: one owner each, on one node, in the cluster."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from gateway.backplane.errors import reading
from gateway.backplane.incarnation import Incarnation
from gateway.backplane.link import Link
from gateway.backplane.nodes import channel_of
from gateway.backplane.scripts import CLAIM, RELEASE, RESUME
from gateway.nicknames import fold
from gateway.who import nick_of

_SCAN_COUNT: Final = 500
_REPLACED: Final = -2


class NickTaken(Exception):
    """Somebody else has the nickname; ``free_variant`` is one that nobody had a moment ago."""

    def __init__(self, free_variant: str | None) -> None:
        super().__init__("nickname taken")
        self.free_variant = free_variant


class Replaced(Exception):
    """The session goes on at another node, which has taken it up."""


class Owner(NamedTuple):
    """Who has a nickname, how they write it, and on which node they are."""

    session: str
    node: str
    nick: str


class Nicks:
    """Two hashes in Redis, changed together: who owns a nickname, and which one a session owns.

    Every method raises `Unavailable` if Redis cannot answer; doing it again is safe.
    """

    def __init__(self, link: Link, *, namespace: str, scope: str, incarnation: Incarnation) -> None:
        self._link = link
        self._incarnation = incarnation
        self._nicks = f"{namespace}:{{nicks}}"
        self._keys = (self._nicks, f"{self._nicks}:sessions")
        self._channel_around = channel_of(scope, "\n").split("\n")

    async def claim(
        self,
        who: str,
        session: str,
        *,
        variants: Callable[[str], Sequence[str]] = lambda _: (),
    ) -> None:
        """Make a nickname the session's, on this node, and set free the one it had.

        ``who`` is it with the status that goes with it (`gateway.who`); ``variants`` is asked for
        other nicknames like it if it is taken.

        :raises NickTaken: with the first variant that is free.
        :raises Replaced: if another node has taken the session up.
        """
        nick = nick_of(who)
        claim = (session, self._incarnation.name, who, fold(nick))
        answer: int = await self._link.run_script(CLAIM, self._keys, *claim)
        others: Sequence[str] = ()
        if answer not in {0, _REPLACED} and (others := variants(nick)):
            answer = await self._link.run_script(CLAIM, self._keys, *claim, *map(fold, others))
        if answer == _REPLACED:
            raise Replaced
        if answer:  # else it has just been set free
            raise NickTaken(others[answer - 1] if answer > 0 else None)

    @reading
    async def resume(self, session: str) -> str | None:
        """Have a session on this node from now on, wherever it was; that node is told.

        :returns: who it is (`gateway.who`), or None if there is no such session.
        """
        who: bytes | None = await self._link.run_script(
            RESUME, self._keys, session, self._incarnation.name, *self._channel_around
        )
        return None if who is None else who.decode()

    @reading
    async def owner(self, nick: str) -> Owner | None:
        """Look up who has a nickname; None if nobody does."""
        found: bytes | None = await self._link.call("HGET", self._nicks, fold(nick))
        if found is None:
            return None
        session, node, who = found.decode().split(" ", 2)
        return Owner(session, node, nick_of(who))

    async def has(self, session: str) -> bool:
        """Tell whether there is a session, on whichever node."""
        found: int = await self._link.call("HEXISTS", self._keys[1], session)
        return bool(found)

    async def release(self, sessions: Iterable[str]) -> list[str]:
        """End sessions and set their nicknames free, as far as they are on this node still.

        :returns: those that were.
        """
        return await self._release(sessions, self._incarnation.any)

    async def astray(self, sessions: Mapping[str, str]) -> dict[str, bool]:
        """Return which sessions, of these with their nicknames, may not be on this node now.

        True for one of which Redis has lost that it owns its nickname.
        """
        folded = {session: fold(nick) for session, nick in sessions.items()}
        if not folded:
            return {}
        owners, owned = await self._link.call_all(
            [("HMGET", self._keys[0], *folded.values()), ("HMGET", self._keys[1], *folded)]
        )
        astray: dict[str, bool] = {}
        for session, owner, nick in zip(folded, owners, owned, strict=True):
            mark = f"{session} {self._incarnation.name} ".encode()
            if owner is None or nick is None:
                astray[session] = True
            elif not owner.startswith(mark) or nick != folded[session].encode():
                astray[session] = False
        return astray

    async def release_held(self, held: Mapping[str, str]) -> list[str]:
        """End sessions as `release` does, given what each holds by `holdings`.

        It works even if Redis has lost which nickname a session owns.
        """
        return await self._release_held(held, self._incarnation.any)

    async def release_node(self, node: str) -> list[str]:
        """End every session that a dead node held, in batches; safe to do twice or at once.

        :returns: those that were ended by this call.
        """
        ended: list[str] = []
        async for some in self._scan():
            held = {session: folded for session, holder, folded in some if holder == node}
            ended += await self._release_held(held, node)
        return ended

    async def holdings(self) -> dict[str, dict[str, str]]:
        """Return by the node, alive or not, its sessions with their nicknames, folded."""
        holdings: dict[str, dict[str, str]] = {}
        async for some in self._scan():
            for session, holder, folded in some:
                holdings.setdefault(holder, {})[session] = folded
        return holdings

    async def _scan(self) -> AsyncIterator[list[tuple[str, str, str]]]:
        """Give all sessions with their nodes and folded nicknames, some at a time."""
        cursor = b"0"
        while True:
            cursor, flat = await self._link.call("HSCAN", self._nicks, cursor, "COUNT", _SCAN_COUNT)
            # Nothing here may fail over what somebody else has put there.
            text = [part.decode("utf-8", "replace") for part in flat]
            marks = [owner.split(" ", 2)[:2] for owner in text[1::2]]
            yield [(m[0], m[-1], folded) for folded, m in zip(text[::2], marks, strict=True)]
            if cursor == b"0":
                return

    async def _release_held(self, held: Mapping[str, str], node: str) -> list[str]:
        # Should one have ended meanwhile, releasing it removes what is noted of it here.
        notes = [("HSETNX", self._keys[1], session, folded) for session, folded in held.items()]
        await self._link.call_all(notes)
        return await self._release(held, node)

    async def _release(self, sessions: Iterable[str], node: str) -> list[str]:
        wanted = list(sessions)
        if not wanted:
            return []
        ended: list[bytes] = await self._link.run_script(RELEASE, self._keys, node, *wanted)
        return [session.decode() for session in ended]
