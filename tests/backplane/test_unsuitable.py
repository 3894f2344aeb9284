"""A server that cannot be used is not, and its node says why and goes on once that is mended."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import hiredis
import pytest
import structlog.testing
import trio
from structlog.typing import EventDict

from gateway.backplane.redis.link import Link
from gateway.backplane.redis.server import RedisEndpoint
from gateway.backplane.redis.server_check import QUESTIONS
from gateway.backplane.redis.server_health import ServerHealth
from gateway.backplane.redis.subscription import Subscription
from tests.backplane.conftest import TIMEOUT
from tests.backplane.expectations import (
    connected_again,
    disconnected,
    expect_echo,
    fails,
    kept_out,
    running,
)
from tests.ports import HOST, free_port
from tests.redis_server import RedisServer, rules_for
from tests.sentinels import sentinel
from tests.unit.gateway.backplane.redis.test_server_check import recorded
from tests.waiting import until

ENOUGH: Final = rules_for("test")


def problems(logs: list[EventDict]) -> list[str]:
    return [line["problem"] for line in logs if line["event"] == "redis is not as it should be"]


def link_to(url: str, health: ServerHealth | None = None) -> Link:
    return Link(RedisEndpoint.from_url(url), name="test", timeout=TIMEOUT, health=health)


# --- servers --------------------------------------------------------------------------------------


class ServerOfAnotherVersion:
    """Answers what a new connection asks as real servers did, and everything else with OK."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.connections = 0

    async def serve(self, stream: trio.SocketStream) -> None:
        self.connections += 1
        answers = recorded(self.version)
        reader = hiredis.Reader()
        with contextlib.suppress(trio.BrokenResourceError):  # it is left without a goodbye
            async for data in stream:
                reader.feed(bytes(data))
                while command := reader.gets():
                    words = [part.decode() for part in command]
                    await stream.send_all(self._answer(answers, words))

    def _answer(self, answers: dict[tuple[Any, ...], Any], command: Sequence[str]) -> bytes:
        for question in QUESTIONS:
            if list(map(str, question)) == command and question[0] == "INFO":
                return b"$%d\r\n%b\r\n" % (len(answers[question]), answers[question])
        if command[0] == "HELLO":
            parts = answers[QUESTIONS[0]][:4]
            return b"*4\r\n" + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)
        return b"+OK\r\n"


async def test_a_server_that_is_too_old_is_not_used_until_it_is_upgraded() -> None:
    fake = ServerOfAnotherVersion("Redis 6.0.16")
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, fake.serve, 0, host=HOST))
        port = listeners[0].socket.getsockname()[1]
        health = ServerHealth()
        link = link_to(f"redis://{HOST}:{port}", health)
        async with kept_out(link) as logs:
            await fails(partial(link.call, "PING"))
            [line] = logs
            assert (line["event"], line["log_level"]) == ("redis cannot be used", "error")
            assert line["reason"] == health.why_unsuitable
            assert line["reason"] == (
                f"Redis 6.0.16 at {HOST}:{port} is too old: "
                "this needs Redis 6.2 or later, or Valkey"
            )
            await until(lambda: fake.connections > 1, "it to look again")
            assert len(logs) == 1
            fake.version = "Valkey 9.1.2"
            await connected_again(link)
            assert health.why_unsuitable == ""
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("read_only", ["yes", "no"])
async def test_a_replica_is_refused_until_it_is_promoted(
    redis_server: RedisServer, read_only: str
) -> None:
    """What is written to one that takes it is lost."""
    redis_server.ask("CONFIG", "SET", "replica-read-only", read_only)
    redis_server.ask("REPLICAOF", HOST, 1)
    link = link_to(redis_server.admin_url)
    async with kept_out(link) as logs:
        assert f"is a replica of {HOST}:1: name the primary" in logs[0]["reason"]
        redis_server.ask("REPLICAOF", "NO", "ONE")
        await connected_again(link)
        assert await link.call("SET", "key", "value") == b"OK"


async def test_a_sentinel_is_refused(tmp_path: Path) -> None:
    port = free_port()
    async with (
        RedisServer(tmp_path, port=port, bind=HOST, appendonly="no"),
        sentinel(tmp_path / "sentinel", port, quorum=1) as there,
    ):
        url = f"redis://{HOST}:{there}/1"
        async with kept_out(link_to(url)) as logs:
            pass
        assert f"name it as redis+sentinel://{HOST}:{there}/NAME" in logs[0]["reason"]


# --- eviction -------------------------------------------------------------------------------------


def evict(server: RedisServer, policy: str) -> None:
    server.ask("CONFIG", "SET", "maxmemory", 1_000_000_000)
    server.ask("CONFIG", "SET", "maxmemory-policy", policy)


async def test_a_policy_that_comes_to_evict_is_noticed_and_its_end(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.backplane.redis.link.RECHECK_SECONDS", 0.01)
    health = ServerHealth()
    link = link_to(redis_server.admin_url, health)
    async with running(link) as logs:
        evict(redis_server, "allkeys-lru")
        await disconnected(link)
        await fails(partial(link.call, "PING"))
        redis_server.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
        await connected_again(link)
        await expect_echo(link, "again")
    [reason] = [line["reason"] for line in logs if line["event"] == "redis cannot be used"]
    assert "(maxmemory-policy allkeys-lru): set maxmemory-policy noeviction" in reason


async def test_a_policy_that_evicts_may_be_put_up_with(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.backplane.redis.link.RECHECK_SECONDS", 0.01)
    evict(redis_server, "volatile-ttl")
    link = link_to(redis_server.admin_url, ServerHealth(refuse_eviction=False))
    async with running(link) as logs:
        assert len(problems(logs)) == 1
        redis_server.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
        await until(lambda: len(problems(logs)) == 2, "a warning of the other policy")
        await expect_echo(link, "still there")


# --- what this user may do ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("missing", "cost"),
    [
        ("-client", "no name in CLIENT LIST"),
        ("-script", "scripts are sent whole"),
        ("-info", "allow +info"),
    ],
)
async def test_what_is_not_allowed_beyond_need_is_warned_of(
    redis_server: RedisServer, missing: str, cost: str
) -> None:
    link = link_to(redis_server.allow(*ENOUGH, missing))
    async with running(link) as logs:
        [problem] = problems(logs)
        assert cost in problem
        assert await link.call("GET", "test:key") is None
        assert bool(link.replication_id) is (missing != "-info")
        assert link.refusal == ""


async def test_what_is_needed_and_not_allowed_keeps_the_link_out(redis_server: RedisServer) -> None:
    link = link_to(redis_server.allow(*ENOUGH, "-evalsha"))
    async with kept_out(link) as logs:
        assert "refuses EVALSHA: NOPERM" in logs[0]["reason"]
        redis_server.allow(*ENOUGH)
        await connected_again(link)


async def test_what_turns_out_to_be_forbidden_stands_until_it_is_allowed(
    redis_server: RedisServer,
) -> None:
    link = link_to(redis_server.allow(*ENOUGH, "-hlen"))
    async with running(link) as logs:
        for _ in range(5):
            await fails(partial(link.call, "HLEN", "test:key"))
            await fails(partial(link.call_all, [("HLEN", "test:key"), ("GET", "test:key")]))
        assert link.refusal.startswith("HLEN: NOPERM")
        assert await link.call("GET", "test:key") is None
        assert link.refusal, "that is another command"
        redis_server.ask("ACL", "SETUSER", "app", "+hlen")
        assert await link.call("HLEN", "test:key") == 0
        assert link.refusal == ""
    [line] = [line for line in logs if line["event"] == "redis refused a command"]
    assert (line["command"], line["key"], line["times"]) == ("HLEN", "test:key", 1)


async def test_a_subscription_that_is_not_allowed_says_so_and_goes_on_once_it_is(
    redis_server: RedisServer,
) -> None:
    url = redis_server.allow(*ENOUGH)
    health = ServerHealth()
    subscription = Subscription(RedisEndpoint.from_url(url), name="test", timeout=5, health=health)
    restored = trio.Event()

    async def ignore(_: object) -> None:
        await trio.lowlevel.checkpoint()

    with structlog.testing.capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            run = partial(subscription.run, on_burst=ignore, on_restored=restored.set)
            nursery.start_soon(run)
            with trio.fail_after(20):
                await restored.wait()
                restored = trio.Event()
                assert not await subscription.subscribe(b"other:channel")
                await until(
                    lambda: "refuses SUBSCRIBE: NOPERM" in health.why_unsuitable,
                    "the reason to be known",
                )
            redis_server.ask("ACL", "SETUSER", "app", "&other:*")
            await until(
                lambda: health.why_unsuitable == "" and subscription.connected,
                "the subscription to be restored",
            )
            assert redis_server.ask("PUBLISH", "other:channel", "hello") == 1
            nursery.cancel_scope.cancel()
    assert [line["event"] for line in logs].count("redis cannot be used") == 1
