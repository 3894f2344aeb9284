"""Nicknames as all nodes share them: one owner each in the whole cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from gateway.backplane.connection import Argument
from gateway.backplane.link import Link
from gateway.backplane.scripts import CLAIM, RELEASE
from gateway.nicknames import fold
from gateway.who import nick_of

_SCAN_COUNT: Final = 500


class NickTaken(Exception):
    """Somebody else has the nickname; ``free_variant`` is one that nobody had a moment ago."""

    def __init__(self, free_variant: str | None) -> None:
        super().__init__("nickname taken")
        self.free_variant = free_variant


class Owner(NamedTuple):
    """Who has a nickname, how they write it, and on which node they are."""

    session: str
    node: str
    nick: str


class Nicks:
    """One hash in Redis, so that a rename gives up the old name exactly as it takes the new one.

    Every method raises `Unavailable` if Redis cannot answer; doing it again is safe.
    """

    def __init__(self, link: Link, *, namespace: str, node: str) -> None:
        self._link = link
        self._node = node
        self._key = f"{namespace}:nicks"

    async def claim(
        self,
        who: str,
        session: str,
        *,
        giving_up: Iterable[str] = (),
        variants: Callable[[str], Sequence[str]] = lambda _: (),
    ) -> None:
        """Make a nickname the session's, and set those free that it gives up.

        ``who`` is it with the status that goes with it (`gateway.who`); ``variants`` is asked for
        other nicknames like it if it is taken.

        :raises NickTaken: with the first variant that is free.
        """
        given_up = [fold(old) for old in giving_up]
        nick = nick_of(who)
        owner = f"{session} {self._node} {who}"
        claim: list[Argument] = [fold(nick), owner, session, len(given_up), *given_up]
        if not await self._link.run_script(CLAIM, (self._key,), *claim):
            return
        others = variants(nick)
        answer: int = await self._link.run_script(CLAIM, (self._key,), *claim, *map(fold, others))
        if answer:  # else it has just been set free
            raise NickTaken(others[answer - 1] if answer > 0 else None)

    async def owner(self, nick: str) -> Owner | None:
        """Look up who has a nickname; None if nobody does."""
        found: bytes | None = await self._link.call("HGET", self._key, fold(nick))
        if found is None:
            return None
        session, node, who = found.decode().split(" ", 2)
        return Owner(session, node, nick_of(who))

    async def release(self, claims: Iterable[tuple[str, str]]) -> None:
        """Set nicknames free, each given with its session, as far as that still holds it."""
        pairs = [part for nick, session in claims for part in (fold(nick), session)]
        if pairs:
            await self._link.run_script(RELEASE, (self._key,), *pairs)

    async def release_node(self, node: str) -> None:
        """Set every nickname free that a dead node's sessions held, in batches."""
        cursor = b"0"
        while True:
            cursor, flat = await self._link.call("HSCAN", self._key, cursor, "COUNT", _SCAN_COUNT)
            pairs: list[bytes] = []
            for key, owner in zip(flat[::2], flat[1::2], strict=True):
                session, holder, _ = owner.split(b" ", 2)
                if holder == node.encode():
                    pairs += key, session
            if pairs:
                await self._link.run_script(RELEASE, (self._key,), *pairs)
            if cursor == b"0":
                return
