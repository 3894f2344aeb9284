"""A TCP proxy before Redis or a node, which can be cut, slowed down or kept from reading."""

from __future__ import annotations

import math
import random
import socket
from collections.abc import Mapping
from functools import partial
from typing import Final

import trio

RECEIVE_BYTES: Final = 32 * 1024
SEGMENT_BYTES: Final = 1400
"""As on a real network. With the large segments of the loopback a sender can buffer megabytes."""
_BROKEN: Final = (OSError, trio.BrokenResourceError, trio.ClosedResourceError)


Target = tuple[str, int] | str
"""A host and a port, or the path of a socket."""


class _ProxiedConnection:
    """One connection through the proxy: ``near`` is who connected, ``far`` where it leads."""

    def __init__(self, near: trio.SocketStream, far: trio.SocketStream) -> None:
        self.near, self.far = near, far
        self.subscribes = False
        self.silent = False
        self.read_on = trio.Event()
        self.read_on.set()


class Proxy:
    """Passes bytes both ways, until it is told not to.

    ``random_`` chooses the delay of each chunk.
    """

    def __init__(self, random_: random.Random) -> None:
        self._random = random_
        self._connections: set[_ProxiedConnection] = set()
        self._open = trio.Event()
        self._open.set()
        self.delay: tuple[float, float] | None = None
        """The least and the most seconds by which bytes are delayed in either direction."""

    async def listen(
        self,
        nursery: trio.Nursery,
        target: Target,
        *,
        host: str = "127.0.0.1",
        renamed: Mapping[bytes, bytes] | None = None,
    ) -> int:
        """Listen on a free port, connect whoever comes to ``target``, and return the port.

        ``renamed``: words in what comes back from the target, and what they are replaced by.
        """
        [listener] = await trio.open_tcp_listeners(0, host=host)
        port: int = listener.socket.getsockname()[1]
        passing = partial(self._pass, target=target, renamed=renamed or {})
        nursery.start_soon(trio.serve_listeners, passing, [listener])
        return port

    def cut(self) -> None:
        """Hold back everything that is sent, as on a network that is down."""
        self._open = trio.Event()

    def heal(self) -> None:
        """Let everything through again, with what was held back."""
        self._open.set()

    def stop_reading(self) -> None:
        """Read no more from the target on the present connections; its data pile up there."""
        for connection in self._connections:
            connection.read_on = trio.Event()

    def read_on(self) -> None:
        """Read from the target again."""
        for connection in self._connections:
            connection.read_on.set()

    @property
    def unread(self) -> bool:
        """Whether there is still a connection on which nothing is read from the target."""
        return any(not connection.read_on.is_set() for connection in self._connections)

    def silence(self) -> int:
        """Discard from now on what Redis sends on the present subscriptions; return how many."""
        subscriptions = [each for each in self._connections if each.subscribes]
        for connection in subscriptions:
            connection.silent = True
        return len(subscriptions)

    async def drop(self) -> None:
        """Break every connection on the near side."""
        for connection in list(self._connections):
            await trio.aclose_forcefully(connection.near)

    async def _pass(
        self, near: trio.SocketStream, *, target: Target, renamed: Mapping[bytes, bytes]
    ) -> None:
        await self._open.wait()
        try:
            far = await _connect(target)
        except OSError:
            await trio.aclose_forcefully(near)
            return
        connection = _ProxiedConnection(near, far)
        self._connections.add(connection)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._pump, connection, near, far, {}, nursery.cancel_scope)
                nursery.start_soon(self._pump, connection, far, near, renamed, nursery.cancel_scope)
        finally:
            self._connections.discard(connection)
            with trio.CancelScope(shield=True):
                await trio.aclose_forcefully(near)
                await trio.aclose_forcefully(far)

    async def _pump(
        self,
        connection: _ProxiedConnection,
        source: trio.SocketStream,
        sink: trio.SocketStream,
        renamed: Mapping[bytes, bytes],
        over: trio.CancelScope,
    ) -> None:
        delayed, due = trio.open_memory_channel[tuple[float, bytes]](math.inf)

        async def deliver() -> None:
            async for at, chunk in due:
                await trio.sleep_until(at)
                await self._open.wait()
                if not (connection.silent and source is connection.far):
                    await sink.send_all(chunk)

        async def take() -> None:
            at = 0.0
            async with delayed:
                async for chunk in source:
                    if source is connection.far:
                        await connection.read_on.wait()
                    passed = bytes(chunk)
                    if source is connection.near and b"-subscription" in passed:
                        connection.subscribes = True
                    for word, other in renamed.items():
                        passed = passed.replace(word, other)
                    at = max(at, trio.current_time() + self._delay_seconds())
                    delayed.send_nowait((at, passed))

        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(deliver)
                nursery.start_soon(take)
        except* _BROKEN:
            pass  # one side has gone, so the other is closed as well
        over.cancel()

    def _delay_seconds(self) -> float:
        return self._random.uniform(*self.delay) if self.delay else 0.0


async def _connect(target: Target) -> trio.SocketStream:
    """Connect with small buffers, so that unread data pile up at the target, not in the kernel."""
    family = socket.AF_UNIX if isinstance(target, str) else socket.AF_INET
    far = trio.socket.socket(family)
    try:
        far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        if family == socket.AF_INET:
            far.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT_BYTES)
        await far.connect(target)
    except BaseException:
        far.close()
        raise
    return trio.SocketStream(far)
