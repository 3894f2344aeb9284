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
from gateway.backplane.redis.scripts import CLAIM_LOOK, RELEASE_LOOK, SETTLE, Command
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
    """The names of rooms; ``kept_seconds`` is how long an empty room may exist, at most.

    Methods that ask Redis raise `Unavailable` if it cannot answer; repeating them is safe.
    """

    def __init__(
        self, link: Link, *, namespace: str, meta_of: Callable[[str], str], kept_seconds: int
    ) -> None:
        self._link = link
        self._namespace = namespace
        self._meta_of = meta_of
        self._kept_seconds = kept_seconds
        self._known: dict[str, _Known] = {}

    def known(self, room: str) -> str | None:
        """Return the name of a room in which sessions of this node are; None if unknown."""
        known = self._known.get(room)
        return None if known is None else known.name

    def remember(self, room: str, name: str) -> None:
        """Remember the settled name of a room, in case Redis loses it, until `forget`."""
        if self.known(room) != name:
            self._known[room] = _Known(name, look_keys(self._namespace, name))

    def forget(self, room: str) -> None:
        """Forget a room in which no session of this node is any more."""
        self._known.pop(room, None)

    @reading
    async def settle(self, room: str, name: str) -> None:
        """Make sure that no other room looks like one that a session has just joined.

        Of rooms made at the same time that look alike, one is settled; the others should be left.

        :raises LooksAlike: if another room looks the same.
        """
        keys = look_keys(self._namespace, name)
        for key in keys:
            await self._claim(key, room)
        await self._link.run_script(SETTLE, (self._meta_of(room),))
        self._known[room] = _Known(name, keys)

    async def _claim(self, look_key: str, room: str) -> None:
        gone = b""
        while True:
            held: bytes | None = await self._link.run_script(
                CLAIM_LOOK, (look_key,), room, new_claim(room), gone
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

    async def learn(self, rooms: Iterable[str]) -> None:
        """Read and remember the names of those rooms whose names are unknown."""
        unknown = [room for room in rooms if room not in self._known]
        for room, name in zip(unknown, await self.read(unknown), strict=True):
            if name is not None:
                self.remember(room, name)

    async def keep(self, rooms: Iterable[str]) -> None:
        """Renew the claims of rooms that another node's sessions have left, and may be empty."""
        elsewhere = [room for room in rooms if room not in self._known]
        renewals: list[Command] = []
        for room, name in zip(elsewhere, await self.read(elsewhere), strict=True):
            if name is not None:
                keys = look_keys(self._namespace, name)
                renewals += _until_expiry(room, keys, self._kept_seconds)
        if renewals:
            await self._link.call_all(renewals)

    def renewals(self, rooms: Iterable[str], *, emptied: bool = False) -> Iterator[Command]:
        """Yield the commands that renew the claims of known rooms, or make what Redis has lost.

        Claims of rooms in use have no expiry, since the clock of Redis may jump; those of rooms
        that may be ``emptied`` last as long as such a room.
        """
        for room in rooms:
            if (known := self._known.get(room)) is None:
                continue
            if emptied:
                yield from _until_expiry(room, known.look_keys, self._kept_seconds)
            else:
                for key in known.look_keys:
                    yield "SET", key, new_claim(room), "NX"
                    yield "PERSIST", key

    async def release_abandoned(self, looks: Iterable[str]) -> None:
        """Release the claims of rooms that are gone, given what names look like."""
        keys = [_look_key(self._namespace, look) for look in looks]
        held = await self._link.try_all([("GET", key) for key in keys])
        claims = {k: value for k, value in zip(keys, held, strict=True) if isinstance(value, bytes)}
        rooms = [value.decode("utf-8", "replace").partition(" ")[2] for value in claims.values()]
        names = await self.read(rooms)
        for (key, value), name in zip(claims.items(), names, strict=True):
            if name is None:
                await self._link.run_script(RELEASE_LOOK, (key,), value)


def _until_expiry(room: str, look_keys: Iterable[str], seconds: int) -> Iterator[Command]:
    for key in look_keys:
        yield "SET", key, new_claim(room), "NX"
        yield "PEXPIRE", key, seconds * 1000


def _look_key(namespace: str, look: str) -> str:
    return f"{namespace}:{{look:{look}}}"


def look_keys(namespace: str, name: str) -> list[str]:
    """Return the names of the keys that belong to the room which looks like ``name``.

    They are in order: so of two rooms that are made at the same time, one gets all.
    """
    return [_look_key(namespace, look) for look in names.looks(name)]


def new_claim(room: str) -> str:
    """Return another value with which a room claims a look; no two are equal."""
    return f"{secrets.token_hex(8)} {room}"
