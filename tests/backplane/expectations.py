"""What tests of the link wait for, and expect of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import trio

from gateway.backplane import Unavailable
from gateway.backplane.link import Link


async def fails(call: Callable[[], Awaitable[object]]) -> None:
    with pytest.raises(Unavailable):
        await call()


async def connected_again(link: Link) -> None:
    with trio.fail_after(20):
        await link.wait_connected()


async def disconnected(link: Link) -> None:
    """Wait until the link has noticed that its connection is gone."""
    with trio.fail_after(20):
        while link.connected:
            await trio.sleep(0.001)


async def expect_echo(link: Link, text: str) -> None:
    assert await link.call("ECHO", text) == text.encode()
