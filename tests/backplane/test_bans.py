"""The bans in Redis: kept until their end, and each change noticed."""

from __future__ import annotations

from functools import partial

import pytest

from gateway.backplane.bans import MOST_BANS, BanStore, CannotBan
from gateway.backplane.redis.link import Link
from gateway.policy.bans import Ban, Target
from tests.redis_server import RedisServer
from tests.waiting import until

MALLORY = Target("nick", "mallory")
NETWORK = Target("address", "192.0.2.0/24")


@pytest.fixture
def store(link: Link) -> BanStore:
    return BanStore(link, namespace="test")


async def test_a_ban_is_kept_replaced_and_lifted(store: BanStore) -> None:
    first, second = Ban(MALLORY, "spam"), Ban(MALLORY, "more spam", made=7)
    assert await store.add(first)
    assert await store.add(Ban(NETWORK))
    assert not await store.add(second)
    assert sorted(await store.all(), key=str) == sorted([second, Ban(NETWORK)], key=str)
    assert await store.remove(MALLORY)
    assert not await store.remove(MALLORY)
    assert await store.all() == [Ban(NETWORK)]


async def test_every_change_makes_another_version_and_a_look_does_not(store: BanStore) -> None:
    versions = [(await store.version()).version]
    for change in (
        partial(store.add, Ban(MALLORY)), partial(store.add, Ban(MALLORY)),
        partial(store.remove, MALLORY),
    ):  # fmt: skip
        await change()
        versions.append((await store.version()).version)
        await store.all()
        await store.forget_ended()
        assert (await store.version()).version == versions[-1]
    assert versions[0] is None
    assert len(set(versions)) == len(versions)


async def test_a_ban_is_deleted_after_its_end(store: BanStore, redis_server: RedisServer) -> None:
    now = (await store.version()).now
    await store.add(Ban(MALLORY, until=now + 300))
    await store.add(Ban(NETWORK, until=now + 3_600_000))

    async def is_over() -> bool:
        return (await store.version()).now >= now + 300

    await until(is_over, "the end of the ban")
    assert len(await store.all()) == 2
    await store.forget_ended()
    assert [ban.target for ban in await store.all()] == [NETWORK]
    assert not await store.remove(MALLORY)
    assert redis_server.ask("ZCARD", "test:{bans}:ends") == 1


async def test_a_ban_whose_end_is_past_is_refused(store: BanStore) -> None:
    now = (await store.version()).now
    for end in (1, now - 1):
        with pytest.raises(CannotBan, match="in the past"):
            await store.add(Ban(MALLORY, until=end))
    assert await store.all() == []


async def test_their_number_is_bounded(store: BanStore, redis_server: RedisServer) -> None:
    fields = [part for number in range(MOST_BANS) for part in (f"session:s{number}", "{}")]
    redis_server.ask("HSET", "test:{bans}", *fields)
    with pytest.raises(CannotBan, match="10000 bans"):
        await store.add(Ban(MALLORY))
    redis_server.ask("HDEL", "test:{bans}", "session:s0")
    assert await store.add(Ban(MALLORY))
    assert not await store.add(Ban(MALLORY, "again"))


async def test_what_another_program_wrote_is_left_out(
    store: BanStore, redis_server: RedisServer
) -> None:
    await store.add(Ban(MALLORY))
    redis_server.ask("HSET", "test:{bans}", "a", "nonsense", "b", "{}", "c", b"\xff")
    assert [ban.target for ban in await store.all()] == [MALLORY]
