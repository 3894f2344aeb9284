"""What faults wait for before they strike: that clients have sent something, or enough."""

from __future__ import annotations

import itertools
from typing import Final

from gateway.delivery.log_memory import REMEMBERED
from tests.faults.history import RunHistory
from tests.faults.system.cluster import ClusterUnderTest
from tests.faults.system.redis import RedisUnderTest
from tests.waiting import until

FEW: Final = 5
MANY: Final = REMEMBERED + 20
"""More messages of a room than a node keeps in memory."""
TALK_SECONDS: Final = 300.0
"""How long clients may take to send so many, on however busy a machine."""


async def until_acknowledged(history: RunHistory, *, since: float) -> None:
    """Wait until a message is acknowledged that was sent to a room since then."""

    async def acknowledged() -> bool:
        sends = itertools.takewhile(lambda s: s.invoked_at >= since, reversed(history.room_sends))
        return any(send.seq is not None for send in sends)

    await until(acknowledged, "something to be acknowledged")


async def until_anything_sent(redis: RedisUnderTest) -> None:
    """Wait until some room has a message."""
    await until(
        lambda: any(redis.sends_by_room().values()), "something to be said that can be erased"
    )


async def until_sent(cluster: ClusterUnderTest, count: int) -> None:
    """Wait until some room has ``count`` messages more; for `MANY`, clients send all they can."""
    before = cluster.redis.sends_by_room()

    async def sent() -> bool:
        now = cluster.redis.sends_by_room()
        return any(seq - before.get(key, 0) >= count for key, seq in now.items())

    cluster.flooding = count >= MANY
    try:
        await until(sent, f"{count} messages in a room", TALK_SECONDS)
    finally:
        cluster.flooding = False
