"""What tests of the link wait for, and expect of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import structlog.testing
import trio
from structlog.typing import EventDict

from gateway.backplane import Unavailable
from gateway.backplane.redis.link import Link
from tests import PATIENCE
from tests.waiting import until


async def fails(call: Callable[[], Awaitable[object]]) -> None:
    with pytest.raises(Unavailable):
        await call()


async def connected_again(link: Link) -> None:
    with trio.fail_after(PATIENCE):
        await link.wait_connected()


async def disconnected(link: Link) -> None:
    """Wait until the link has noticed that its connection is gone."""
    await until(lambda: not link.connected, "the link to be lost")


async def expect_echo(link: Link, text: str) -> None:
    assert await link.call("ECHO", text) == text.encode()


@asynccontextmanager
async def running(link: Link) -> AsyncIterator[list[EventDict]]:
    """Run a link that connects; gives what it logs."""
    with structlog.testing.capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(link.run)
            await connected_again(link)
            yield logs
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def kept_out(link: Link) -> AsyncIterator[list[EventDict]]:
    """Run a link that cannot connect, once it has logged that; gives what it logs."""
    with structlog.testing.capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(link.run)
            await until(lambda: logs, "something to be logged")
            assert not link.connected
            yield logs
            nursery.cancel_scope.cancel()
