"""The invitations in Redis, by which one may register where that is not open to all."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

from gateway.backplane.redis.calls import Calls
from gateway.backplane.redis.scripts import USE_INVITE

NO_END: Final = 0
"""In place of the time at which an invitation ends."""
InviteUse = Literal["ok", "wrong", "used", "expired"]

_USES: Final[dict[bytes, InviteUse]] = {
    b"ok": "ok", b"wrong": "wrong", b"used": "used", b"expired": "expired",
}  # fmt: skip
_SCAN_COUNT: Final = 500


class Invite(Struct, frozen=True):
    """An invitation; ``until`` is a Unix time in seconds, or `NO_END`.

    ``key`` is the hash of its code (`gateway.auth.codes.hash_code`); the code itself is not kept.
    ``uses`` is how many are left.
    """

    key: str
    uses: int
    until: int = NO_END
    note: str = ""


class InviteStore:
    """The invitations of a cluster. Every method raises `Unavailable` if Redis cannot answer."""

    def __init__(self, calls: Calls, *, namespace: str) -> None:
        self._calls = calls
        self._namespace = namespace
        self._index = f"{namespace}:invites"

    def _key(self, key: str) -> str:
        return f"{self._namespace}:{{invite:{key}}}"

    async def create(self, invite: Invite) -> None:
        """Record an invitation."""
        await self._calls.call_all(
            [
                ("SADD", self._index, invite.key),
                (
                    "HSET", self._key(invite.key),
                    "uses", invite.uses, "until", invite.until, "note", invite.note,
                ),
            ]
        )  # fmt: skip

    async def use(self, key: str) -> InviteUse:
        """Use an invitation once, if it can be."""
        return await self._count(key, -1)

    async def give_back(self, key: str) -> None:
        """Take back a `use` that was ``ok``: nobody has registered by it."""
        await self._count(key, 1)

    async def _count(self, key: str, change: int) -> InviteUse:
        answer: bytes = await self._calls.run_script(USE_INVITE, (self._key(key),), change)
        return _USES[answer]

    async def all(self) -> list[Invite]:
        """Return the invitations, also those that are used up or expired."""
        keys = await self._keys()
        replies = await self._calls.call_all(
            [("HMGET", self._key(key), "uses", "until", "note") for key in keys]
        )
        found = [_read(key, reply) for key, reply in zip(keys, replies, strict=True)]
        return [invite for invite in found if invite is not None]

    async def _keys(self) -> list[str]:
        keys: set[str] = set()
        cursor = b"0"
        while True:
            cursor, page = await self._calls.call(
                "SSCAN", self._index, cursor, "COUNT", _SCAN_COUNT
            )
            keys |= {key.decode("utf-8", "replace") for key in page}
            if cursor == b"0":
                return sorted(keys)

    async def revoke(self, key: str) -> bool:
        """Delete an invitation, given its key; return whether there was one."""
        deleted, _ = await self._calls.call_all(
            [("UNLINK", self._key(key)), ("SREM", self._index, key)]
        )
        return bool(deleted)


def _read(key: str, values: list[bytes | None]) -> Invite | None:
    uses, until, note = values
    if uses is None:
        return None
    try:
        return Invite(key, int(uses), int(until or 0), (note or b"").decode("utf-8", "replace"))
    except ValueError:  # another program wrote it
        return None
