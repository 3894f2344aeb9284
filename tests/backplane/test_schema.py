"""Data of another release are told, and let be."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio

from gateway.backplane import Unsuitable, check_redis
from gateway.backplane.redis.link import Link
from gateway.backplane.redis.schema import NUMBER, UPGRADING, Schema
from gateway.backplane.redis.server import RedisEndpoint
from gateway.backplane.redis.server_health import ServerHealth
from gateway.policy.unicode_tables import VERSION
from tests import PATIENCE
from tests.backplane.conftest import TIMEOUT
from tests.backplane.expectations import connected_again
from tests.redis_server import RedisServer
from tests.waiting import until

KEY = "test:schema"
UNICODE_KEY = "test:unicode"


@asynccontextmanager
async def running(server: RedisServer, health: ServerHealth) -> AsyncIterator[Link]:
    """Run a link to data of a namespace."""
    link = Link(
        RedisEndpoint.from_url(server.url_of("test")), name="n", timeout=TIMEOUT, health=health,
        schema=Schema("test", unicode=VERSION),
    )  # fmt: skip
    async with trio.open_nursery() as nursery:
        nursery.start_soon(link.run)
        yield link
        nursery.cancel_scope.cancel()


async def found_unsuitable(health: ServerHealth) -> str:
    """Wait until data are found that cannot be read; returns why."""
    await until(lambda: health.why_unsuitable, "the data to be found unsuitable", PATIENCE)
    return health.why_unsuitable


async def test_the_number_is_noted_where_nothing_is_stored(redis_server: RedisServer) -> None:
    for _time in range(2):
        async with running(redis_server, ServerHealth()) as link:
            await connected_again(link)
        assert redis_server.ask("MGET", KEY, UNICODE_KEY) == [str(NUMBER), VERSION]


@pytest.mark.parametrize("number", [str(NUMBER + 1), "1", "0", "", "two", "9" * 100, "\udcff"])
async def test_another_number_is_told_and_stays(redis_server: RedisServer, number: str) -> None:
    stored = number.encode("utf-8", "surrogateescape")
    redis_server.ask("SET", KEY, stored)
    health = ServerHealth()
    async with running(redis_server, health) as link:
        found = await found_unsuitable(health)
        assert re.search(f"are of schema .{{0,64}}, this release has {NUMBER}", found)
        assert not link.connected
        assert redis_server.ask("STRLEN", KEY) == len(stored)
        redis_server.ask("SET", KEY, NUMBER)
        await connected_again(link)
        assert health.why_unsuitable == ""


async def test_data_of_the_release_before_can_be_upgraded(redis_server: RedisServer) -> None:
    redis_server.ask("SET", KEY, "2")
    health = ServerHealth()
    async with running(redis_server, health):
        assert "`chat-gateway admin upgrade`" in await found_unsuitable(health)


async def test_data_that_are_being_upgraded_are_let_be(redis_server: RedisServer) -> None:
    redis_server.ask("SET", KEY, UPGRADING)
    health = ServerHealth()
    async with running(redis_server, health):
        assert "are being upgraded: wait, or if that was" in await found_unsuitable(health)


async def test_names_compared_by_another_unicode_are_told_and_let_be(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.backplane.redis.link.RECHECK_SECONDS", 0.01)
    redis_server.ask("MSET", KEY, NUMBER, UNICODE_KEY, "17.0.0")
    health = ServerHealth()
    async with running(redis_server, health) as link:
        told = f"compared by Unicode 17.0.0, this node has {VERSION}: run the same release on every"
        assert told in await found_unsuitable(health)
        assert redis_server.ask("GET", UNICODE_KEY) == "17.0.0"
        redis_server.ask("SET", UNICODE_KEY, VERSION)
        await connected_again(link)
        redis_server.ask("SET", UNICODE_KEY, "\x1b[2J")
        assert "Unicode \x1b[2J" not in await found_unsuitable(health)


async def test_data_without_a_number_are_those_of_a_release_before_it(
    redis_server: RedisServer,
) -> None:
    redis_server.ask("HSET", "test:nodes", "n1-abc", 7)
    health = ServerHealth()
    async with running(redis_server, health) as link:
        assert "of schema 1" in await found_unsuitable(health)
        assert "delete test:nodes" in health.why_unsuitable
        assert not redis_server.ask("EXISTS", KEY)
        redis_server.ask("DEL", "test:nodes")
        await connected_again(link)


async def test_what_no_number_can_be_read_from_is_told(redis_server: RedisServer) -> None:
    redis_server.ask("LPUSH", KEY, NUMBER)
    health = ServerHealth()
    async with running(redis_server, health):
        assert "Redis refuses GET test:schema: WRONGTYPE" in await found_unsuitable(health)


async def test_a_release_that_comes_later_is_noticed(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.backplane.redis.link.RECHECK_SECONDS", 0.01)
    health = ServerHealth()
    async with running(redis_server, health) as link:
        await connected_again(link)
        redis_server.ask("SET", KEY, NUMBER + 1)
        assert f"of schema {NUMBER + 1}" in await found_unsuitable(health)


async def test_the_number_is_noted_again_when_redis_was_emptied(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.backplane.redis.link.RECHECK_SECONDS", 0.01)

    async with running(redis_server, ServerHealth()) as link:
        await connected_again(link)
        redis_server.ask("FLUSHALL")
        await until(
            lambda: redis_server.ask("GET", KEY) == str(NUMBER),
            "the number to be noted again",
            PATIENCE,
        )


async def test_a_node_does_not_start_on_data_of_another_release(redis_server: RedisServer) -> None:
    check = partial(
        check_redis,
        RedisEndpoint.from_url(redis_server.url_of("test")),
        namespace="test",
        refuse_eviction=True,
    )
    await check()
    redis_server.ask("SET", KEY, NUMBER + 1)
    with pytest.raises(Unsuitable, match=f"of schema {NUMBER + 1}"):
        await check()
