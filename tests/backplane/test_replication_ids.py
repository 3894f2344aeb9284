"""All nodes name the data of a server by one replication id, until Redis may have lost some."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from gateway.backplane import Burst
from gateway.backplane.redis.link import Link
from gateway.backplane.redis.replication import ReplicationIds
from gateway.backplane.redis.server import RedisEndpoint
from gateway.backplane.redis.subscription import Subscription
from tests import PATIENCE
from tests.backplane.conftest import TIMEOUT
from tests.ports import HOST, free_port
from tests.redis_server import RedisServer
from tests.waiting import until

NOWHERE = (HOST, 1)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RedisServer]:
    async with RedisServer(
        tmp_path, port=free_port(), bind=HOST,
        **{"enable-debug-command": "yes", "repl-diskless-sync-delay": 0},
    ) as server:  # fmt: skip
        yield server


async def connect(server: RedisServer, *, url: str = "") -> str:
    """Return the replication id that a node has which connects now."""
    link = Link(
        RedisEndpoint.from_url(url or server.url), name="test", timeout=TIMEOUT,
        replication=ReplicationIds("chat"),
    )  # fmt: skip
    async with trio.open_nursery() as nursery:
        nursery.start_soon(link.run)
        with trio.fail_after(PATIENCE):
            await link.wait_connected()
        nursery.cancel_scope.cancel()
    return link.replication_id


def redis_id(server: RedisServer) -> str:
    """Return the replication id that Redis has for its data."""
    return str(server.ask("INFO", "replication")["master_replid"])


def promote(server: RedisServer) -> None:
    server.ask("REPLICAOF", *NOWHERE)
    server.ask("REPLICAOF", "NO", "ONE")


async def test_the_first_replica_does_not_change_it(server: RedisServer, tmp_path: Path) -> None:
    before, its_own = await connect(server), redis_id(server)
    folder = tmp_path / "replica"
    await trio.Path(folder).mkdir()
    async with RedisServer(folder, replicaof=f"{HOST} {server.port}") as replica:
        await until(lambda: replica.ask("ROLE")[3] == "connected", "the replica to be in step")
        assert redis_id(server) != its_own
        assert await connect(server) == before


async def test_a_restart_changes_it(server: RedisServer) -> None:
    before = await connect(server)
    await server.stop()
    await server.start()
    assert await connect(server) != before


async def test_a_promotion_changes_it_once(server: RedisServer) -> None:
    before = await connect(server)
    promote(server)
    promoted = await connect(server)
    assert promoted != before
    server.ask("DEBUG", "CHANGE-REPL-ID")  # as after an hour without a replica
    assert redis_id(server) != promoted
    assert await connect(server) == promoted
    promote(server)
    assert await connect(server) not in {before, promoted}


async def test_data_of_another_server_do_not_name_it(server: RedisServer) -> None:
    own = await connect(server)
    server.ask("HSET", "chat:server", "run_id", "of-another", "replication_id", "its-own")
    assert await connect(server) == own
    assert server.ask("HGETALL", "chat:server") == {"run_id": own, "replication_id": own}


async def test_a_full_server_has_one_too(server: RedisServer) -> None:
    server.ask("CONFIG", "SET", "maxmemory", 1)
    assert await connect(server) == server.ask("INFO", "server")["run_id"]
    assert server.ask("EXISTS", "chat:server") == 0


async def test_who_may_not_ask_has_none(server: RedisServer) -> None:
    url = server.allow("~chat:*", "&chat*", "+@all", "-info")
    assert await connect(server, url=url) == ""


async def test_a_subscription_has_the_same(server: RedisServer) -> None:
    own = await connect(server)
    promote(server)
    promoted = await connect(server)
    server.ask("DEBUG", "CHANGE-REPL-ID")
    subscription = Subscription(
        RedisEndpoint.from_url(server.url), name="test", timeout=TIMEOUT,
        replication=ReplicationIds("chat"),
    )  # fmt: skip
    restored = trio.Event()

    async def ignore(_: Burst) -> None:
        await trio.lowlevel.checkpoint()

    async def listen() -> None:
        await subscription.run(on_burst=ignore, on_restored=restored.set)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        with trio.fail_after(PATIENCE):
            await restored.wait()
        assert subscription.replication_id == promoted != own
        nursery.cancel_scope.cancel()
