"""Which nodes are alive, as every node sees it."""

from __future__ import annotations

from typing import NamedTuple

from gateway.backplane.link import Link
from gateway.backplane.scripts import BEAT


class Beats(NamedTuple):
    """The answer to a heartbeat: whether this node is registered, and the others' beats."""

    registered: bool
    beats: dict[str, int]


class Nodes:
    """The register of nodes. Every method raises `Unavailable` if Redis cannot answer."""

    def __init__(self, link: Link, *, namespace: str, node: str) -> None:
        self._link = link
        self._node = node
        self._namespace = namespace
        self._key = f"{namespace}:nodes"
        self._channel = self.channel_of(node)

    @property
    def channel(self) -> bytes:
        """This node's own channel, on which its probes must come back."""
        return self._channel

    def channel_of(self, node: str) -> bytes:
        """The channel of any node: what its sessions alone are told is published there."""
        return f"{self._namespace}:{{node:{node.partition('~')[0]}}}".encode()

    async def tell(self, node: str, payload: bytes) -> None:
        """Publish something on a node's channel, kept nowhere."""
        await self._link.call("PUBLISH", self.channel_of(node), payload)

    async def register(self) -> None:
        """Count as alive from now on."""
        await self._link.call("HSET", self._key, self._node, 0)

    async def beat(self, probe: str) -> Beats:
        """Give a sign of life, and publish ``probe`` on the node's own channel."""
        flat: list[bytes] = await self._link.run_script(
            BEAT, (self._key,), self._node, self._channel, probe
        )
        beats = {
            node.decode(): int(count) for node, count in zip(flat[::2], flat[1::2], strict=True)
        }
        return Beats(beats.pop(self._node, -1) >= 0, beats)

    async def declare_dead(self, node: str) -> None:
        """Let a node, should it come back, find that it must register and claim everything anew."""
        await self._link.call("HSET", self._key, node, -1)

    async def remove(self, node: str) -> None:
        """Strike a node off the register."""
        await self._link.call("HDEL", self._key, node)


class Deaths:
    """Tells from successive heartbeats which other nodes have stopped beating. Pure.

    Judged by this node's clock and by changes only, so clocks need not agree. After a time without
    Redis everybody's beats have stood still: `forget` starts all over.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._seen: dict[str, tuple[int, float]] = {}

    def judge(self, beats: dict[str, int], now: float) -> list[str]:
        """Take in a heartbeat's answer; give the nodes that have not beaten for too long."""
        self._seen = {
            node: seen
            if (seen := self._seen.get(node)) is not None and seen[0] == count
            else (count, now)
            for node, count in beats.items()
        }
        return [node for node, (_, since) in self._seen.items() if now - since > self._timeout]

    def forget(self) -> None:
        """Count everybody as having beaten just now, at the next judgement."""
        self._seen.clear()
