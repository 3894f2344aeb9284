"""The names of rooms in Redis: how each is written, and that no two rooms look alike.

A room's keys are named by the key of its name (`gateway.policy.room_names`); the name itself, as
it was first written, is in the room's hash ``meta``, and lasts as long. What a name looks like is a
key of its own, which belongs to one room: so two nodes cannot make rooms that look alike.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from gateway.backplane.errors import LooksAlike
from gateway.backplane.redis.errors import reading
from gateway.backplane.redis.link import Link
from gateway.backplane.redis.scripts import CLAIM_LOOK
from gateway.policy import names


class Entered(NamedTuple):
    """The result of a join: the room's epoch, its number of erasures so far, and its name.

    Unless the name is ``settled``, another room may look the same: see `RoomNames.settle`.
    """

    epoch: str
    erasures: int
    name: str
    settled: bool

    @classmethod
    def read(
        cls, epoch: bytes, erasures: bytes | None, name: bytes, settled: bytes | None
    ) -> Entered:
        """Return what the script of a join has found."""
        return cls(epoch.decode(), int(erasures or 0), name.decode(), settled is not None)


class _Known(NamedTuple):
    name: str
    look_keys: list[str]


class RoomNames:
    """The names of rooms; ``seconds`` is how long what they look like stays claimed.

    Methods that ask Redis raise `Unavailable` if it cannot answer; repeating them is safe.
    """

    def __init__(
        self, link: Link, *, namespace: str, meta_of: Callable[[str], str], seconds: int
    ) -> None:
        self._link = link
        self._namespace = namespace
        self._meta_of = meta_of
        self._seconds = seconds
        self._known: dict[str, _Known] = {}

    def known(self, room: str) -> str | None:
        """Return the name that a room had when a session of this node joined it last."""
        known = self._known.get(room)
        return None if known is None else known.name

    def remember(self, room: str, name: str) -> None:
        """Remember a room's name, in case Redis loses it, until `forget`."""
        if self.known(room) != name:
            self._known[room] = _Known(name, look_keys(self._namespace, name))

    def forget(self, room: str) -> None:
        """Forget a room that no session of this node is in any more."""
        self._known.pop(room, None)

    @reading
    async def settle(self, room: str, name: str) -> None:
        """Make sure that no other room looks like one that a session has just joined.

        Of rooms made at the same time that look alike, one is settled; the others should be left.

        :raises LooksAlike: if another room looks the same.
        """
        for key in look_keys(self._namespace, name):
            await self._claim(key, room)
        await self._link.call("HSET", self._meta_of(room), "settled", 1)

    async def _claim(self, look_key: str, room: str) -> None:
        gone = b""
        while True:
            held: bytes | None = await self._link.run_script(
                CLAIM_LOOK, (look_key,), room, new_claim(room), gone, self._seconds
            )
            if held is None:
                return
            other = held.decode("utf-8", "replace").partition(" ")[2]
            if other_name := (await self.read([other]))[0]:
                raise LooksAlike(other_name)
            gone = held  # the room is; if it is made again meanwhile, its claim is another

    async def read(self, rooms: Sequence[str]) -> list[str | None]:
        """Return the names of rooms; None for one that does not exist."""
        found = await self._link.try_all([("HGET", self._meta_of(room), "name") for room in rooms])
        return [
            name.decode("utf-8", "replace") if isinstance(name, bytes) else None for name in found
        ]

    def renewals(self, rooms: Iterable[str]) -> Iterator[tuple[str | int, ...]]:
        """Yield the commands that renew what `settle` claimed, or claim it if Redis has lost it."""
        for room in rooms:
            if (known := self._known.get(room)) is not None:
                for key in known.look_keys:
                    yield "SET", key, new_claim(room), "EX", self._seconds, "NX"
                    yield "EXPIRE", key, self._seconds


def look_keys(namespace: str, name: str) -> list[str]:
    """Return the names of the keys that belong to the room which looks like ``name``.

    They are in order: so of two rooms that are made at the same time, one gets all.
    """
    return [f"{namespace}:{{look:{look}}}" for look in names.looks(name)]


def new_claim(room: str) -> str:
    """Return another value with which a room claims a look; no two are equal."""
    return f"{secrets.token_hex(8)} {room}"
