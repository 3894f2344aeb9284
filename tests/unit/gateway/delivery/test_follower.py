"""A log that cannot be read is tried again: soon if that may have passed, ever later if not."""

from __future__ import annotations

from typing import cast

import pytest
import trio
from trio.testing import MockClock

from gateway.backplane import Backplane, Denied, Refused, Unavailable
from gateway.delivery.follower import Follower


class ConnectedLink:
    """Stands for a link whose server always answers."""

    async def wait_connected(self) -> None:
        await trio.lowlevel.checkpoint()


@pytest.mark.parametrize(
    ("error", "least", "most"), [(Denied("OOM"), 350, 450), (Refused("WRONGTYPE"), 8, 12)]
)
async def test_how_often_a_log_is_asked_for_in_100_seconds(
    autojump_clock: MockClock, error: Unavailable, least: int, most: int
) -> None:
    del autojump_clock
    tries, healed = 0, False
    follower = Follower()

    async def read_on() -> None:
        nonlocal tries
        tries += 1
        await trio.lowlevel.checkpoint()
        if not healed:
            raise error

    async with trio.open_nursery() as nursery:
        assert follower.catch_up_in(nursery, cast("Backplane", ConnectedLink()), read_on)
        await trio.sleep(100)
        assert least <= tries <= most
        healed = True
        await follower.caught_up()
        assert not follower.behind
