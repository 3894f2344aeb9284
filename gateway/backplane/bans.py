"""The bans in Redis, which every node keeps a copy of."""

from __future__ import annotations

import secrets
from typing import Final, NamedTuple

import msgspec

from gateway.backplane.redis.link import Link
from gateway.backplane.redis.scripts import BAN, EXPIRE_BANS, UNBAN
from gateway.policy.bans import FOREVER, Ban, Target

MOST_BANS: Final = 10_000
"""Bans that may hold at the same time."""
_ENDED: Final = -2
_FULL: Final = -1

_decoder = msgspec.json.Decoder(Ban)


class CannotBan(Exception):
    """A ban that was not recorded; the text is one line for the operator."""


class BansVersion(NamedTuple):
    """Which bans Redis has: another version after each change; and Redis's time.

    ``now`` is a Unix time in milliseconds.
    """

    version: bytes | None
    now: int


class BanStore:
    """The bans of a cluster. Every method raises `Unavailable` if Redis cannot answer."""

    def __init__(self, link: Link, *, namespace: str) -> None:
        self._link = link
        bans = f"{namespace}:{{bans}}"
        self._keys = (bans, f"{bans}:ends", f"{bans}:version")

    async def add(self, ban: Ban) -> bool:
        """Record a ban, in place of the one that its target may have; return whether it is new.

        :raises CannotBan: if its end is past, or there are `MOST_BANS`.
        """
        end = "inf" if ban.until == FOREVER else str(ban.until)
        added: int = await self._link.run_script(
            BAN, self._keys, str(ban.target), msgspec.json.encode(ban), end, MOST_BANS, _token()
        )
        if added == _ENDED:
            raise CannotBan("the end of the ban is in the past")
        if added == _FULL:
            raise CannotBan(f"there are {MOST_BANS} bans: lift some, or ban whole networks")
        return bool(added)

    async def remove(self, target: Target) -> bool:
        """Delete a target's ban; return whether there was one."""
        removed: int = await self._link.run_script(UNBAN, self._keys, str(target), _token())
        return bool(removed)

    async def forget_ended(self) -> None:
        """Delete the bans that have ended by the clock of Redis."""
        await self._link.run_script(EXPIRE_BANS, self._keys[:2])

    async def version(self) -> BansVersion:
        """Return which bans Redis has. Call it before `all`: then that has no older ones."""
        version, (seconds, microseconds) = await self._link.call_all(
            [("GET", self._keys[2]), ("TIME",)]
        )
        return BansVersion(version, int(seconds) * 1000 + int(microseconds) // 1000)

    async def all(self) -> list[Ban]:
        """Return all bans, also some that have ended; what another program wrote is left out."""
        bans = []
        flat: list[bytes] = await self._link.call("HGETALL", self._keys[0])
        for encoded in flat[1 : 4 * MOST_BANS : 2]:
            try:
                bans.append(_decoder.decode(encoded))
            except msgspec.MsgspecError:
                continue
        return bans


def _token() -> str:
    return secrets.token_hex(8)
