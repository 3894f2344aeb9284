"""The register of nodes, their heartbeats, and the channel of each node."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from gateway.backplane.incarnation import Incarnation
from gateway.backplane.redis.link import Link
from gateway.backplane.redis.scripts import BEAT

_BEATS: Final = re.compile(rb"-1|[0-9]{1,18}")

DEAD: Final = -1
"""In place of a node's number of heartbeats once it was declared dead."""


class Beats(NamedTuple):
    """The answer to a heartbeat: whether this node is registered, and the others' heartbeats."""

    registered: bool
    beats: dict[str, int]


def channel_of(scope: str, node: str) -> str:
    """Return the name of a node's own channel; ``scope`` is that of `channel_scope`."""
    return f"{scope}:{{node:{node}}}"


def channel_scope(namespace: str, database: int) -> str:
    """Return the prefix of a cluster's channels.

    It names the database, to keep apart clusters in two databases of one server: keys belong to a
    database, but channels to the whole server (Redis, "Pub/Sub & Database").
    """
    return f"{namespace}@{database}"


class NodeRegistry:
    """The register of nodes. Every method raises `Unavailable` if Redis cannot answer."""

    def __init__(self, link: Link, *, namespace: str, scope: str, incarnation: Incarnation) -> None:
        self._link = link
        self._incarnation = incarnation
        self._scope = scope
        self._key = f"{namespace}:heartbeats"
        self._channel = channel_of(scope, incarnation.node)

    @property
    def channel(self) -> bytes:
        """The channel of this node, for its probes and for what other nodes send to it."""
        return self._channel.encode()

    def channel_of(self, node: str) -> bytes:
        """Return the channel of a node, given the name of any incarnation."""
        return channel_of(self._scope, node.partition("~")[0]).encode()

    def is_own(self, node: str) -> bool:
        """Return whether a name is that of this node, in any incarnation."""
        return node.partition("~")[0] == self._incarnation.node

    async def notify(self, node: str, payload: bytes) -> None:
        """Publish on a node's channel without logging."""
        await self._link.call("PUBLISH", self.channel_of(node), payload)

    async def register(self) -> None:
        """Add this node to the register."""
        await self._link.call("HSET", self._key, self._incarnation.name, 0)

    async def beat(self, probe: bytes) -> Beats:
        """Count a heartbeat, and publish ``probe`` on this node's own channel."""
        flat: list[bytes]
        flat, _ = await self._link.call_all(
            [
                BEAT.command((self._key,), self._incarnation.name),
                ("PUBLISH", self._channel, probe),
            ]
        )
        beats = {
            node.decode("utf-8", "replace"): int(count)
            for node, count in zip(flat[::2], flat[1::2], strict=True)
            if _BEATS.fullmatch(count)  # else another program's entry
        }
        return Beats(beats.pop(self._incarnation.name, DEAD) >= 0, beats)

    async def registered(self) -> set[str]:
        """Return the nodes on the register, alive or dead."""
        names: list[bytes] = await self._link.call("HKEYS", self._key)
        return {name.decode("utf-8", "replace") for name in names}

    async def alive(self) -> set[str]:
        """Return the nodes on the register that were not declared dead."""
        flat: list[bytes] = await self._link.call("HGETALL", self._key)
        beats = zip(flat[::2], flat[1::2], strict=True)
        return {node.decode("utf-8", "replace") for node, count in beats if count != b"-1"}

    async def listening(self) -> set[str]:
        """Return the nodes on the register that are subscribed to their own channels."""
        names = await self.registered()
        asked = {self.channel_of(name): name.partition("~")[0] for name in names}
        if not asked:
            return set()
        flat: list[Any] = await self._link.call("PUBSUB", "NUMSUB", *asked)
        counts = zip(flat[::2], flat[1::2], strict=True)
        return {asked[channel] for channel, listeners in counts if listeners}

    async def declare_dead(self, node: str) -> None:
        """Mark a node as dead; if it is alive, it registers and claims everything again."""
        await self._link.call("HSET", self._key, node, DEAD)

    async def remove(self, node: str) -> None:
        """Remove a node from the register."""
        await self._link.call("HDEL", self._key, node)
