"""The names of rooms in Redis: how each is written, and that no two rooms look alike.

A room's keys are named by the key of its name (`gateway.policy.room_names`); the name itself, as it
was first written, is in the room's hash ``meta``, and lasts as long. What a name looks like is a key
of its own, which belongs to one room: so two nodes cannot make rooms that look alike.
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


class _Known(NamedTuple):
    name: str
    look_key: str


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
            self._known[room] = _Known(name, look_key(self._namespace, name))

    def forget(self, room: str) -> None:
        """Forget a room that no session of this node is in any more."""
        self._known.pop(room, None)

    @reading
    async def settle(self, room: str, name: str) -> None:
        """Make sure that no other room looks like one that a session has just joined.

        Of rooms made at the same time that look alike, one is settled; the others should be left.

        :raises LooksAlike: if another room looks the same.
        """
        key, gone = look_key(self._namespace, name), b""
        while True:
            held: bytes | None = await self._link.run_script(
                CLAIM_LOOK, (key,), room, secrets.token_hex(8), gone, self._seconds
            )
            if held is None:
                break
            other = held.decode("utf-8", "replace").partition(" ")[0]
            if other_name := (await self.read([other]))[0]:
                raise LooksAlike(other_name)
            gone = held  # the room is; if it is made again meanwhile, its claim is another
        await self._link.call("HSET", self._meta_of(room), "settled", 1)

    async def read(self, rooms: Sequence[str]) -> list[str | None]:
        """Return the names of rooms; None for one that does not exist."""
        found = await self._link.try_all([("HGET", self._meta_of(room), "name") for room in rooms])
        return [name.decode("utf-8", "replace") if isinstance(name, bytes) else None for name in found]

    def renewals(self, rooms: Iterable[str]) -> Iterator[tuple[str | int, ...]]:
        """Yield the commands that renew what `settle` claimed, or claim it if Redis has lost it."""
        for room in rooms:
            if (known := self._known.get(room)) is not None:
                claim = f"{room} {secrets.token_hex(8)}"
                yield "SET", known.look_key, claim, "EX", self._seconds, "NX"
                yield "EXPIRE", known.look_key, self._seconds


def look_key(namespace: str, name: str) -> str:
    """Return the name of the key that belongs to the room which looks like ``name``."""
    return f"{namespace}:{{look:{names.look(name)}}}"
