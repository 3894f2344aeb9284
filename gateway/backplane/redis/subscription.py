"""The subscription: receives what all nodes publish, in bursts of one read each."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import trio

from gateway.backplane.redis.connection import (
    Pipeline,
    Reconnector,
    RedisConnection,
    RedisConnectionLost,
)
from gateway.backplane.redis.errors import Unavailable, Unsuitable
from gateway.backplane.redis.replication import ReplicationIds
from gateway.backplane.redis.server import Topology
from gateway.backplane.redis.server_health import ServerHealth

Burst = list[tuple[bytes, bytes]]
"""The channel and payload of each publication, in order of arrival."""

SUBSCRIBE_BATCH: Final = 500


class _Confirmation:
    """A SUBSCRIBE of one channel that Redis has not confirmed yet."""

    __slots__ = ("arrived", "done")

    def __init__(self) -> None:
        self.arrived = trio.Event()
        self.done = False


class Subscription:
    """The channels of a node; each new connection subscribes to all of them again."""

    def __init__(
        self,
        topology: Topology,
        *,
        name: str,
        timeout: float,
        health: ServerHealth | None = None,
        replication: ReplicationIds | None = None,
    ) -> None:
        self._health = health or ServerHealth()
        self._replication = replication or ReplicationIds()
        self._reconnector = Reconnector(topology, name, self._health)
        self._name = name
        self._timeout = timeout
        self._channels: dict[bytes, None] = {}
        self._pipeline = Pipeline()
        self._unconfirmed: deque[_Confirmation] = deque()
        self.connected = False
        self.replication_id = ""
        """As `Link.replication_id`."""

    async def run(
        self,
        *,
        on_burst: Callable[[Burst], Awaitable[None]],
        on_restored: Callable[[], None],
        on_moved: Callable[[], None] = lambda: None,
    ) -> None:
        """Keep the connection open; runs for as long as the node does.

        - ``on_burst``: awaited with all publications that one read brought, before the next read;
        - ``on_restored``: called once all channels are confirmed on a new connection; any
          publication before that may have been missed;
        - ``on_moved``: called when a new connection finds another `replication_id`, before anything
          is read from it.
        """
        serve = partial(self._serve, on_burst=on_burst, on_restored=on_restored, on_moved=on_moved)
        await self._reconnector.run([], serve)

    async def subscribe(self, channel: bytes) -> bool:
        """Subscribe to a channel; return whether Redis has confirmed it in time.

        If so, everything published from now on is delivered. If not, it is subscribed later, unless
        `unsubscribe` is called before.
        """
        self._channels[channel] = None
        if not self.connected:
            await trio.lowlevel.checkpoint()
            return False
        confirmation = _Confirmation()
        self._unconfirmed.append(confirmation)
        self._pipeline.put((b"SUBSCRIBE", channel))
        with trio.move_on_after(self._timeout):
            await confirmation.arrived.wait()
        return confirmation.done

    def unsubscribe(self, channel: bytes) -> None:
        """Unsubscribe from a channel; publications under way may still arrive."""
        self._channels.pop(channel, None)
        if self.connected:
            self._pipeline.put((b"UNSUBSCRIBE", channel))

    def reconnect(self) -> None:
        """Open another connection: this one does not deliver, or the primary has moved."""
        self._reconnector.reconnect()

    async def _serve(
        self,
        connection: RedisConnection,
        *,
        on_burst: Callable[[Burst], Awaitable[None]],
        on_restored: Callable[[], None],
        on_moved: Callable[[], None],
    ) -> None:
        self._pipeline.clear()
        before = self.replication_id
        self.replication_id = await self._replication.read(connection) or before
        if "" != before != self.replication_id:
            on_moved()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._pipeline.run, connection)
                nursery.start_soon(self._read, connection, on_burst)
                nursery.start_soon(self._restore, connection.server.place, on_restored)
        finally:
            self.connected = False
            while self._unconfirmed:
                self._unconfirmed.popleft().arrived.set()

    async def _restore(self, server: str, on_restored: Callable[[], None]) -> None:
        """Subscribe to all channels, in batches; call ``on_restored`` when all are confirmed."""
        self.connected = True
        channels = list(self._channels)
        last: _Confirmation | None = None
        for start in range(0, len(channels), SUBSCRIBE_BATCH):
            batch = [c for c in channels[start : start + SUBSCRIBE_BATCH] if c in self._channels]
            if not batch:
                continue
            confirmations = [_Confirmation() for _ in batch]
            self._unconfirmed.extend(confirmations)
            self._pipeline.put((b"SUBSCRIBE", *batch))
            last = confirmations[-1]
            await last.arrived.wait()
        if last is None or last.done:
            self._health.mark_usable(self._name, server)
            on_restored()

    async def _read(
        self, connection: RedisConnection, on_burst: Callable[[Burst], Awaitable[None]]
    ) -> None:
        while True:
            burst: Burst = []
            for reply in await connection.receive():
                if isinstance(reply, Unavailable) and not reply.passes:
                    raise Unsuitable(f"Redis refuses SUBSCRIBE: {reply}")
                if isinstance(reply, Exception):
                    raise RedisConnectionLost(str(reply))
                kind = reply[0]
                if kind == b"message":
                    burst.append((reply[1], reply[2]))
                elif kind == b"subscribe":
                    # Redis confirms in the order it was asked, one channel at a time.
                    if not self._unconfirmed:
                        raise RedisConnectionLost("a confirmation that nobody asked for")
                    confirmation = self._unconfirmed.popleft()
                    confirmation.done = True
                    confirmation.arrived.set()
            if burst:
                await on_burst(burst)
