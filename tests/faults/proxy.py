"""The way between one node and Redis, or a client and a node: to be cut, slowed, or made deaf."""

from __future__ import annotations

import math
import random
import socket
from collections.abc import Mapping
from functools import partial
from typing import Final

import trio

CHUNK: Final = 64 * 1024
RECEIVE_BYTES: Final = 32 * 1024
SEGMENT_BYTES: Final = 1400
"""As on a real network; the larger ones of the loopback let a sender keep megabytes."""
_BROKEN: Final = (OSError, trio.BrokenResourceError, trio.ClosedResourceError)


Target = tuple[str, int] | str
"""A host and a port, or the path of a socket."""


class _Passage:
    """One connection that goes through."""

    def __init__(self, near: trio.SocketStream, far: trio.SocketStream) -> None:
        self.near, self.far = near, far
        self.subscribes = False
        self.silent = False
        self.read_on = trio.Event()
        self.read_on.set()


class Proxy:
    """Passes bytes both ways, and is in the way when told to."""

    def __init__(self, random_: random.Random) -> None:
        self._random = random_
        self._passages: set[_Passage] = set()
        self._open = trio.Event()
        self._open.set()
        self.delay: tuple[float, float] | None = None
        """Seconds, at least and at most, that bytes are held up in either direction."""

    async def listen(
        self,
        nursery: trio.Nursery,
        target: Target,
        *,
        host: str = "127.0.0.1",
        renamed: Mapping[bytes, bytes] | None = None,
    ) -> int:
        """Let connections through to an address or a socket's path; gives our own port.

        ``renamed`` says which words in what comes back are replaced.
        """
        [listener] = await trio.open_tcp_listeners(0, host=host)
        port: int = listener.socket.getsockname()[1]
        passing = partial(self._pass, target=target, renamed=renamed or {})
        nursery.start_soon(trio.serve_listeners, passing, [listener])
        return port

    def cut(self) -> None:
        """Let nothing through: what was sent waits, as it does on a network that is down."""
        self._open = trio.Event()

    def heal(self) -> None:
        """Let everything through again."""
        self._open.set()

    def stop_reading(self) -> None:
        """Take no more of what comes back on today's connections: it piles up where it is from."""
        for passage in self._passages:
            passage.read_on = trio.Event()

    def read_on(self) -> None:
        """Take what comes back again."""
        for passage in self._passages:
            passage.read_on.set()

    @property
    def unread(self) -> bool:
        """Whether there is a connection still on which nothing is taken that comes back."""
        return any(not passage.read_on.is_set() for passage in self._passages)

    def silence(self) -> int:
        """Swallow, for good, what Redis sends on today's subscriptions; gives how many."""
        listening = [passage for passage in self._passages if passage.subscribes]
        for passage in listening:
            passage.silent = True
        return len(listening)

    async def drop(self) -> None:
        """End every connection on the near side; the far side is not told and stays."""
        for passage in list(self._passages):
            await trio.aclose_forcefully(passage.near)

    async def _pass(
        self, near: trio.SocketStream, *, target: Target, renamed: Mapping[bytes, bytes]
    ) -> None:
        await self._open.wait()
        try:
            far = await _connect(target)
        except OSError:
            await trio.aclose_forcefully(near)
            return
        passage = _Passage(near, far)
        self._passages.add(passage)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._pump, passage, near, far, {}, nursery.cancel_scope)
                nursery.start_soon(self._pump, passage, far, near, renamed, nursery.cancel_scope)
        finally:
            self._passages.discard(passage)
            with trio.CancelScope(shield=True):
                await trio.aclose_forcefully(near)
                await trio.aclose_forcefully(far)

    async def _pump(
        self,
        passage: _Passage,
        source: trio.SocketStream,
        sink: trio.SocketStream,
        renamed: Mapping[bytes, bytes],
        over: trio.CancelScope,
    ) -> None:
        held_up, due = trio.open_memory_channel[tuple[float, bytes]](math.inf)

        async def deliver() -> None:
            async for at, chunk in due:
                await trio.sleep_until(at)
                await self._open.wait()
                if not (passage.silent and source is passage.far):
                    await sink.send_all(chunk)

        async def take() -> None:
            at = 0.0
            async with held_up:
                async for chunk in source:
                    if source is passage.far:
                        await passage.read_on.wait()
                    passed = bytes(chunk)
                    if source is passage.near and b"-subscription" in passed:
                        passage.subscribes = True
                    for word, other in renamed.items():
                        passed = passed.replace(word, other)
                    at = max(at, trio.current_time() + self._held_up_for())
                    held_up.send_nowait((at, passed))

        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(deliver)
                nursery.start_soon(take)
        except* _BROKEN:
            pass  # one side has gone: so does the other
        over.cancel()

    def _held_up_for(self) -> float:
        return self._random.uniform(*self.delay) if self.delay else 0.0


async def _connect(target: Target) -> trio.SocketStream:
    """Connect so that what is not read soon piles up where it comes from, not in the kernel."""
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
