"""What is published arrives, in order, for as long as it is subscribed, over every reconnection."""

from __future__ import annotations

from functools import partial

import trio
from trio.testing import wait_all_tasks_blocked

from gateway.backplane import Burst
from gateway.backplane.redis.server import RedisEndpoint
from gateway.backplane.redis.subscription import SUBSCRIBE_BATCH, Subscription
from tests import PATIENCE
from tests.backplane.conftest import TIMEOUT
from tests.redis_server import RedisServer
from tests.waiting import until


class Listener:
    """A subscription that runs, and what came of it."""

    def __init__(self, server: RedisServer) -> None:
        self.subscription = Subscription(
            RedisEndpoint.from_url(server.admin_url), name="test", timeout=TIMEOUT
        )
        self.bursts: list[Burst] = []
        self.restored = 0
        self._changed = trio.Event()

    async def run(self) -> None:
        await self.subscription.run(on_burst=self.on_burst, on_restored=self._on_restored)

    async def on_burst(self, burst: Burst) -> None:
        self.bursts.append(burst)
        self._changed.set()

    def _on_restored(self) -> None:
        self.restored += 1
        self._changed.set()

    @property
    def heard(self) -> list[tuple[bytes, bytes]]:
        return [publication for burst in self.bursts for publication in burst]

    async def hear(self, count: int) -> list[bytes]:
        """Wait until so much has come in all; gives the payloads."""
        with trio.fail_after(PATIENCE):
            while len(self.heard) < count:
                self._changed = trio.Event()
                await self._changed.wait()
        return [payload for _, payload in self.heard]

    async def restored_again(self, times: int) -> None:
        """Wait until the subscription has been restored so often in all."""
        with trio.fail_after(PATIENCE):
            while self.restored < times:
                self._changed = trio.Event()
                await self._changed.wait()


async def listening(server: RedisServer, nursery: trio.Nursery, *channels: bytes) -> Listener:
    listener = Listener(server)
    nursery.start_soon(listener.run)
    await listener.restored_again(1)
    for channel in channels:
        assert await listener.subscription.subscribe(channel)
    return listener


def publish(server: RedisServer, channel: str, payload: str) -> int:
    """Publish; gives how many heard it."""
    count: int = server.ask("PUBLISH", channel, payload)
    return count


def kill(server: RedisServer) -> None:
    assert server.ask("CLIENT", "KILL", "TYPE", "pubsub") == 1


def connection_ids(server: RedisServer) -> set[str]:
    """Redis's numbers of the subscription connections that it has."""
    clients = server.ask("CLIENT", "LIST", "TYPE", "pubsub")
    return {line.split()[0] for line in clients.splitlines()}


async def test_what_is_published_arrives_in_order(
    redis_server: RedisServer, nursery: trio.Nursery
) -> None:
    listener = await listening(redis_server, nursery, b"one", b"two")
    expected = [(f"{'one' if n % 3 else 'two'}", f"payload {n}") for n in range(100)]
    for channel, payload in expected:
        assert publish(redis_server, channel, payload) == 1
    await listener.hear(100)
    assert [(c.decode(), p.decode()) for c, p in listener.heard] == expected


async def test_payloads_are_bytes_of_any_size(
    redis_server: RedisServer, nursery: trio.Nursery
) -> None:
    listener = await listening(redis_server, nursery, b"big")
    payloads = ["x" * 500_000, "", "\r\n$-1\r\n", "ü" * 100_000]
    for payload in payloads:
        publish(redis_server, "big", payload)
    assert await listener.hear(4) == [payload.encode() for payload in payloads]


async def test_what_came_together_is_one_burst(
    redis_server: RedisServer, nursery: trio.Nursery
) -> None:
    listener = await listening(redis_server, nursery, b"channel")
    # One script's publications are written to a subscriber at once.
    script = "for i = 1, 50 do redis.call('PUBLISH', 'channel', i) end"
    redis_server.ask("EVAL", script, 0)
    assert await listener.hear(50) == [b"%d" % n for n in range(1, 51)]
    assert len(listener.bursts) == 1


async def test_subscribe_waits_for_redis(redis_server: RedisServer, nursery: trio.Nursery) -> None:
    listener = await listening(redis_server, nursery)
    answers: list[bool] = []

    async def subscribe() -> None:
        answers.append(await listener.subscription.subscribe(b"channel"))

    redis_server.pause()
    async with trio.open_nursery() as asking:
        asking.start_soon(subscribe)
        await wait_all_tasks_blocked()
        assert answers == []
        redis_server.resume()
    assert answers == [True]


async def test_subscribe_before_there_is_a_connection_is_made_good_with_it(
    redis_server: RedisServer, nursery: trio.Nursery
) -> None:
    listener = Listener(redis_server)
    assert await listener.subscription.subscribe(b"early") is False
    nursery.start_soon(listener.run)
    await listener.restored_again(1)
    assert publish(redis_server, "early", "hello") == 1


async def test_subscribe_is_false_if_the_connection_is_lost_meanwhile(
    redis_server: RedisServer, nursery: trio.Nursery
) -> None:
    listener = await listening(redis_server, nursery, b"before")
    answers: list[bool] = []

    async def subscribe(channel: bytes) -> None:
        answers.append(await listener.subscription.subscribe(channel))

    redis_server.pause()
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as asking:
            for number in range(5):
                asking.start_soon(subscribe, b"new %d" % number)
            await wait_all_tasks_blocked()
            listener.subscription.reconnect()
    assert answers == [False] * 5
    redis_server.resume()
    await listener.restored_again(2)
    for number in range(5):
        assert publish(redis_server, f"new {number}", "hello") == 1


async def test_every_channel_is_back_when_it_says_restored(
    redis_server: RedisServer, nursery: trio.Nursery
) -> None:
    channels = [b"channel %d" % number for number in range(2 * SUBSCRIBE_BATCH + 7)]
    listener = await listening(redis_server, nursery)
    async with trio.open_nursery() as asking:
        for channel in channels:
            asking.start_soon(listener.subscription.subscribe, channel)
    kill(redis_server)
    await listener.restored_again(2)
    assert set(redis_server.ask("PUBSUB", "CHANNELS")) == {c.decode() for c in channels}
    assert listener.subscription.connected


async def test_restored_comes_only_when_all_are_confirmed(
    redis_server: RedisServer, nursery: trio.Nursery
) -> None:
    """Another node may see only a part of the channels subscribed before that."""
    seen: list[int] = []
    listener = Listener(redis_server)
    for number in range(2 * SUBSCRIBE_BATCH):
        await listener.subscription.subscribe(b"channel %d" % number)

    def on_restored() -> None:
        seen.append(len(redis_server.ask("PUBSUB", "CHANNELS")))

    nursery.start_soon(
        partial(listener.subscription.run, on_burst=listener.on_burst, on_restored=on_restored)
    )
    await until(lambda: seen, "the subscription to be restored")
    assert seen == [2 * SUBSCRIBE_BATCH]


async def test_it_is_restored_once_for_each_reconnection(
    redis_server: RedisServer, nursery: trio.Nursery
) -> None:
    listener = await listening(redis_server, nursery, b"channel")
    for times in range(2, 5):
        kill(redis_server)
        await listener.restored_again(times)
        assert publish(redis_server, "channel", f"{times}") == 1
    assert await listener.hear(3) == [b"2", b"3", b"4"]
    assert listener.restored == 4


async def test_rebuild_opens_another_connection(
    redis_server: RedisServer, nursery: trio.Nursery
) -> None:
    listener = await listening(redis_server, nursery, b"channel")
    before = connection_ids(redis_server)
    listener.subscription.reconnect()
    await listener.restored_again(2)
    assert connection_ids(redis_server) - before
    assert publish(redis_server, "channel", "hello") >= 1
    assert await listener.hear(1) == [b"hello"]


async def test_what_was_asked_of_a_connection_given_up_is_not_sent_on_the_next(
    redis_server: RedisServer, nursery: trio.Nursery
) -> None:
    """Every channel is subscribed anew; a confirmation too many would be taken for another's."""
    listener = await listening(redis_server, nursery, b"before")
    listener.subscription.reconnect()
    with trio.fail_after(PATIENCE):
        assert await listener.subscription.subscribe(b"meanwhile") is False
    await listener.restored_again(2)
    assert await listener.subscription.subscribe(b"after")
    for channel in ("before", "meanwhile", "after"):
        assert publish(redis_server, channel, "hello") == 1
    assert await listener.hear(3) == [b"hello"] * 3


async def test_rebuild_leaves_a_redis_that_hangs(
    redis_server: RedisServer, nursery: trio.Nursery
) -> None:
    listener = await listening(redis_server, nursery, b"channel")
    redis_server.pause()
    listener.subscription.reconnect()
    await wait_all_tasks_blocked()
    assert not listener.subscription.connected
    redis_server.resume()
    await listener.restored_again(2)
    publish(redis_server, "channel", "hello")
    assert await listener.hear(1) == [b"hello"]


async def test_rebuild_without_a_connection_does_no_harm(
    redis_server: RedisServer, nursery: trio.Nursery
) -> None:
    listener = Listener(redis_server)
    listener.subscription.reconnect()
    await listener.subscription.subscribe(b"channel")
    nursery.start_soon(listener.run)
    await listener.restored_again(1)
    assert publish(redis_server, "channel", "hello") == 1
    assert await listener.hear(1) == [b"hello"]


async def test_what_is_unsubscribed_comes_no_more(
    redis_server: RedisServer, nursery: trio.Nursery
) -> None:
    listener = await listening(redis_server, nursery, b"left", b"kept")
    listener.subscription.unsubscribe(b"left")
    # Confirmed in order: with this one, the unsubscription has taken effect too.
    assert await listener.subscription.subscribe(b"mark")
    assert publish(redis_server, "left", "nobody hears") == 0
    assert publish(redis_server, "kept", "hello") == 1
    kill(redis_server)
    await listener.restored_again(2)
    assert set(redis_server.ask("PUBSUB", "CHANNELS")) == {"kept", "mark"}
    assert await listener.hear(1) == [b"hello"]


async def test_quick_changes_of_mind_by_many_tasks_are_confirmed_each(
    redis_server: RedisServer, nursery: trio.Nursery
) -> None:
    listener = await listening(redis_server, nursery)
    subscription = listener.subscription

    async def waver(number: int) -> None:
        channel = b"channel %d" % (number % 7)
        for _ in range(5):
            assert await subscription.subscribe(channel)
            subscription.unsubscribe(channel)
        assert await subscription.subscribe(channel)

    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as wavering:
            for number in range(50):
                wavering.start_soon(waver, number)
    assert len(redis_server.ask("PUBSUB", "CHANNELS")) == 7


async def test_unsubscribing_while_away_is_remembered(
    redis_server: RedisServer, nursery: trio.Nursery
) -> None:
    listener = await listening(redis_server, nursery, b"left", b"kept")
    redis_server.pause()
    listener.subscription.reconnect()
    await wait_all_tasks_blocked()
    listener.subscription.unsubscribe(b"left")
    assert await listener.subscription.subscribe(b"new") is False
    redis_server.resume()
    await listener.restored_again(2)
    assert set(redis_server.ask("PUBSUB", "CHANNELS")) == {"kept", "new"}


async def test_a_cancelled_subscribe_leaves_the_others_right(
    redis_server: RedisServer, nursery: trio.Nursery
) -> None:
    listener = await listening(redis_server, nursery)
    with trio.CancelScope() as scope:
        scope.cancel()
        await listener.subscription.subscribe(b"given up")
    assert scope.cancelled_caught
    assert await listener.subscription.subscribe(b"channel")
    assert publish(redis_server, "channel", "hello") == 1
    assert await listener.hear(1) == [b"hello"]
