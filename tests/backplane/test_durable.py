"""What must not be undone is acknowledged once it is on disk, or on a replica; else uncertain."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
import structlog.testing
import trio
import trio.testing

from gateway.backplane import Refused, Unavailable, noting_effects
from gateway.backplane.durable import DurableLink, Level, Uncertain
from gateway.backplane.redis.scripts import CREATE_ACCOUNT
from gateway.backplane.redis.server import RedisEndpoint
from tests import PATIENCE
from tests.ports import free_port
from tests.redis_server import RedisServer, rules_for, valkey
from tests.waiting import until

BRIEF: Final = 0.3
"""The patience of tests in which it passes."""


@asynccontextmanager
async def serving(folder: Path, **options: object) -> AsyncIterator[RedisServer]:
    """Run a server that has WAITAOF."""
    server = RedisServer(made(folder), **options)
    server.program = valkey()
    async with server:
        yield server


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@asynccontextmanager
async def writing(
    server: RedisServer, level: Level = "auto", *, patience: float = PATIENCE, url: str = ""
) -> AsyncIterator[DurableLink]:
    """Open a durable link, and wait until it is connected."""
    endpoint = RedisEndpoint.from_url(url or server.admin_url)
    link = DurableLink(endpoint, name="test", timeout=PATIENCE, level=level, patience=patience)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(link.run)
        with trio.fail_after(PATIENCE):
            await link.wait_connected()
        yield link
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def replicated(folder: Path, **options: object) -> AsyncIterator[tuple[RedisServer, ...]]:
    """Run a primary and its replica, which is up to date."""
    port = free_port()
    options |= {"repl-diskless-sync-delay": 0}
    async with (
        serving(folder / "primary", port=port, **options) as primary,
        serving(folder / "replica", replicaof=f"127.0.0.1 {port}", appendonly="no") as replica,
    ):
        await until(
            lambda: primary.ask("INFO", "replication").get("slave0", {}).get("state") == "online",
            "the replica to be connected",
        )
        yield primary, replica


def asked(server: RedisServer, command: str) -> int:
    """How often a server was asked a command."""
    return int(server.ask("INFO", "commandstats").get(f"cmdstat_{command}", {}).get("calls", 0))


async def fails(call: Callable[[], Awaitable[Any]]) -> Uncertain:
    with noting_effects() as effects, pytest.raises(Uncertain) as failure:
        await call()
    assert failure.value.uncertain
    assert effects.possible
    return failure.value


async def test_it_waits_for_the_disk_if_there_is_an_append_only_file(tmp_path: Path) -> None:
    async with serving(tmp_path / "a", appendfsync="always") as server, writing(server) as link:
        assert await link.call("SET", "key", "value") == b"OK"
        assert asked(server, "waitaof") == 1
        await server.crash()
        assert server.ask("GET", "key") == "value"


async def test_what_does_not_reach_the_disk_in_time_is_uncertain(tmp_path: Path) -> None:
    async with (
        serving(tmp_path / "a", appendfsync="no") as server,
        writing(server, patience=BRIEF) as link,
    ):
        failure = await fails(partial(link.call, "SET", "key", "value"))
        assert "disk" in str(failure)
        assert server.ask("GET", "key") == "value"


@pytest.mark.parametrize("level", ["auto", "none"])
async def test_without_an_append_only_file_there_is_nothing_to_wait_for(
    tmp_path: Path, level: Level
) -> None:
    async with serving(tmp_path / "a", appendonly="no") as server, writing(server, level) as link:
        assert await link.call("SET", "key", "value") == b"OK"
        assert not asked(server, "waitaof")
        assert not asked(server, "wait")


@pytest.mark.parametrize("level", ["local", "replica"])
async def test_no_level_but_auto_is_content_with_less_than_it_says(
    tmp_path: Path, level: Level
) -> None:
    with structlog.testing.capture_logs() as logs:
        async with (
            serving(tmp_path / "a", appendonly="no") as server,
            writing(server, level, patience=BRIEF) as link,
        ):
            for _ in range(2):
                await fails(partial(link.call, "SET", "key", "value"))
    problems = [line["problem"] for line in logs if "problem" in line]
    assert len(problems) == 1, "it is said once"
    assert "is not durable in time" in problems[0]


async def test_it_waits_for_a_replica_if_there_is_one(tmp_path: Path) -> None:
    async with replicated(tmp_path, appendfsync="always") as (primary, replica):
        for level in ("auto", "replica"):
            async with writing(primary, level) as link:
                await link.call("SET", level, "value")
                assert replica.ask("GET", level) == "value"
        assert asked(primary, "wait") == asked(primary, "waitaof") == 2


async def test_a_replica_that_hangs_makes_it_uncertain(tmp_path: Path) -> None:
    async with replicated(tmp_path, appendonly="no") as (primary, replica):
        replica.pause()
        async with writing(primary, patience=BRIEF) as link:
            assert "replica" in str(await fails(partial(link.call, "SET", "key", "value")))
        async with writing(primary, "none") as link:
            await link.call("SET", "key", "value")
        async with writing(primary, "local", patience=BRIEF) as link:
            assert "replica" not in str(await fails(partial(link.call, "SET", "key", "value")))


async def test_many_wait_together(tmp_path: Path) -> None:
    async with serving(tmp_path / "a", appendfsync="always") as server, writing(server) as link:
        async with trio.open_nursery() as nursery:
            for number in range(200):
                nursery.start_soon(link.call, "SET", f"key:{number}", number)
        assert asked(server, "set") == 200
        assert asked(server, "waitaof") <= 3


async def test_a_fault_of_one_fails_none_of_the_others(tmp_path: Path) -> None:
    async with serving(tmp_path / "a", appendfsync="always") as server, writing(server) as link:
        server.ask("SET", "text", "no hash")

        async def wrong() -> None:
            with noting_effects() as effects, pytest.raises(Refused) as failure:
                await link.call("HSET", "text", "field", "value")
            assert not failure.value.uncertain
            assert not effects.possible

        async with trio.open_nursery() as nursery:
            for number in range(3):
                nursery.start_soon(link.call, "INCR", "count")
                nursery.start_soon(wrong)
                nursery.start_soon(link.call_all, [("INCR", "count"), ("PING", str(number))])
        assert server.ask("GET", "count") == "6"
        assert asked(server, "waitaof") <= 3


async def test_a_script_that_redis_has_forgotten_is_durable_too(tmp_path: Path) -> None:
    async with serving(tmp_path / "a", appendfsync="always") as server, writing(server) as link:
        server.ask("SCRIPT", "FLUSH")
        assert await link.run_script(CREATE_ACCOUNT, ("meta", "devices"), "", "", "nick", "Ann")
        await server.crash()
        assert server.ask("HGET", "meta", "nick") == "Ann"


@pytest.mark.parametrize(
    ("options", "rules"),
    [({}, ["-waitaof"]), ({"rename-command": ("WAITAOF", "gone")}, [])],
    ids=["forbidden", "unknown"],
)
async def test_a_server_that_does_not_let_it_wait_is_named_once(
    tmp_path: Path, options: dict[str, object], rules: list[str]
) -> None:
    async with serving(tmp_path / "a", appendfsync="always", **options) as server:
        url = server.allow("~*", "+@all", *rules)
        with structlog.testing.capture_logs() as logs:
            async with writing(server, url=url) as link:
                for _ in range(3):
                    await link.call("SET", "key", "value")
        refused = [line for line in logs if line["event"] == "redis refused a command"]
        assert [(line["command"], line["log_level"]) for line in refused] == [
            ("WAITAOF", "warning")
        ]
        async with writing(server, "local", url=url) as link:
            for _ in range(2):
                assert (
                    "WAITAOF" in str(await fails(partial(link.call, "SET", "key", "value"))).upper()
                )


async def test_a_connection_lost_between_the_write_and_the_wait_leaves_it_uncertain(
    tmp_path: Path,
) -> None:
    async with (
        serving(tmp_path / "a", appendfsync="no") as server,
        writing(server, patience=600) as link,
    ):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fails, partial(link.call, "SET", "key", "value"))
            await until(lambda: server.ask("INFO", "clients")["blocked_clients"] == 1, "the wait")
            server.ask("CLIENT", "KILL", "TYPE", "normal")
        assert server.ask("GET", "key") == "value"


async def test_what_was_never_sent_is_not_uncertain(tmp_path: Path) -> None:
    async with serving(tmp_path / "a") as server, writing(server) as link:
        await server.kill()
        await until(lambda: not link.connected, "the link to be lost")
        with noting_effects() as effects, pytest.raises(Unavailable) as failure:
            await link.call("SET", "key", "value")
        assert not failure.value.uncertain
        assert not effects.possible


async def test_what_a_nodes_user_may_do_is_enough(tmp_path: Path) -> None:
    async with serving(tmp_path / "a", appendfsync="always") as server:
        url = server.allow(*rules_for("test"), "+waitaof")
        async with writing(server, url=url) as link:
            assert await link.call("HSET", "test:key", "field", "value") == 1
        assert asked(server, "waitaof") == 1


async def test_who_waits_when_the_node_stops_is_answered(tmp_path: Path) -> None:
    failures: list[bool] = []

    async def write(link: DurableLink, key: str) -> None:
        with pytest.raises(Unavailable) as failure:
            await link.call("SET", key, "value")
        failures.append(failure.value.uncertain)

    async with serving(tmp_path / "a", appendfsync="no") as server:
        async with trio.open_nursery() as nursery, writing(server, patience=600) as link:
            nursery.start_soon(write, link, "sent")
            await until(lambda: server.ask("INFO", "clients")["blocked_clients"] == 1, "the wait")
            nursery.start_soon(write, link, "unsent")
            await trio.testing.wait_all_tasks_blocked()
        assert sorted(failures) == [False, True]
        assert server.ask("KEYS", "*") == ["sent"]
