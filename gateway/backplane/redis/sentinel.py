"""A connection to a sentinel: ask it for the primary, and wait for failovers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import hiredis
import trio

from gateway.backplane.redis.connection import RedisConnection, RedisConnectionLost, pack
from gateway.backplane.redis.errors import Forbidden
from gateway.backplane.redis.primary import NamedPrimary
from gateway.backplane.redis.server import HIGHEST_PORT, RedisEndpoint

UNKNOWN_NAME: Final = "it knows no"
"""The beginning of the error if a sentinel watches no primary of this name."""
_FAILOVER_CHANNELS: Final = ("+promoted-slave", "+switch-master")
"""The first is published by the sentinel that leads a failover, the second by all in the end."""


class Sentinel:
    """An open connection to one sentinel; made by `open_sentinel`."""

    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection
        self._announced = False

    async def primary(self, name: str) -> NamedPrimary:
        """Return the primary that the sentinel names.

        :raises RedisConnectionLost: if it names none.
        """
        epoch = ("SENTINEL", "MASTER", name)
        question = epoch, ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name), epoch
        while True:
            before, address, after = replies = await self._ask(question)
            if address is None:
                raise RedisConnectionLost(f"{UNKNOWN_NAME} {name!r}")
            _expect_no_error(replies)
            named = _read(before, address)
            if named == _read(after, address):  # else a failover came between
                return named

    async def news(self, seconds: float) -> None:
        """Wait at most ``seconds`` for an announcement made since the last question."""
        with trio.move_on_after(seconds):
            while not self._announced:
                if await self._receive():
                    raise RedisConnectionLost("a reply that nobody asked for")

    async def greet(self, credentials: Sequence[tuple[str | int, ...]]) -> None:
        """Log in, and subscribe to failovers if we may; else only its answers tell of them.

        :raises RedisConnectionLost: if it refuses us.
        """
        # With RESP3, announcements and answers come on one connection.
        *logins, hello = await self._ask([*credentials, ("HELLO", 3)])
        _expect_no_error(logins)
        if isinstance(hello, Forbidden):
            return
        _expect_no_error([hello])
        await self._connection.send(pack(("SUBSCRIBE", *_FAILOVER_CHANNELS)))
        while not self._announced:
            replies = await self._receive()
            if replies and isinstance(replies[0], Forbidden):
                return
            _expect_no_error(replies)

    async def _ask(self, commands: Sequence[tuple[str | int, ...]]) -> list[Any]:
        self._announced = False
        await self._connection.send(b"".join(map(pack, commands)))
        replies: list[Any] = []
        while len(replies) < len(commands):
            replies += await self._receive()
        return replies

    async def _receive(self) -> list[Any]:
        """Wait for bytes; return the replies in them; record whether announcements came."""
        received = list(await self._connection.receive())
        replies = [each for each in received if not isinstance(each, hiredis.PushNotification)]
        self._announced |= len(replies) < len(received)
        return replies


@asynccontextmanager
async def open_sentinel(server: RedisEndpoint) -> AsyncIterator[Sentinel]:
    """Connect to a sentinel, and close the connection in the end.

    :raises OSError, RedisConnectionLost: if that fails, now or later.
    """
    stream = await server.connect()
    try:
        sentinel = Sentinel(RedisConnection(stream, server))
        await sentinel.greet(server.credentials())
        yield sentinel
    finally:
        await trio.aclose_forcefully(stream)


def _expect_no_error(replies: list[Any]) -> None:
    for reply in replies:
        if isinstance(reply, Exception):
            raise RedisConnectionLost(str(reply)) from reply


def _read(described: Any, address: Any) -> NamedPrimary:  # noqa: ANN401
    """Return the primary that two replies name; :raises RedisConnectionLost: if they name none."""
    try:
        host, port = address
        if isinstance(described, list):  # with RESP2
            described = dict(zip(described[::2], described[1::2], strict=True))
        named = NamedPrimary(host.decode(), int(port), int(described[b"config-epoch"]))
    except (TypeError, ValueError, KeyError, AttributeError):
        raise RedisConnectionLost("it does not answer as a sentinel does") from None
    if not named.host or not 0 < named.port <= HIGHEST_PORT:
        raise RedisConnectionLost(f"it names {named.place}, which is no address")
    return named
