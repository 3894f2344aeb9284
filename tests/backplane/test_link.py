"""One pipelined connection for many tasks, against a real Redis."""

from __future__ import annotations

from typing import Any

import pytest
import structlog.testing
import trio
from redis import exceptions as redis_exceptions
from trio.testing import wait_all_tasks_blocked

from gateway.backplane.redis.connection import RedisConnection
from gateway.backplane.redis.link import Link
from tests.backplane.expectations import expect_echo
from tests.redis_server import RedisServer

# --- calls and their answers ----------------------------------------------------------------------


async def test_a_call_gives_the_reply(link: Link) -> None:
    assert await link.call("SET", "key", "value") == b"OK"
    assert await link.call("GET", "key") == b"value"
    assert await link.call("GET", "nothing") is None
    assert await link.call("INCRBY", "number", 7) == 7
    assert await link.call("SET", b"\x00\xff", b"\r\n\x00") == b"OK"
    assert await link.call("GET", b"\x00\xff") == b"\r\n\x00"


async def test_concurrent_calls_go_out_in_one_write(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[bytes] = []
    send = RedisConnection.send

    async def counted(self: RedisConnection, data: bytes) -> None:
        writes.append(data)
        await send(self, data)

    monkeypatch.setattr(RedisConnection, "send", counted)
    async with trio.open_nursery() as nursery:
        for number in range(500):
            nursery.start_soon(link.call, "ECHO", number)
    assert sum(data.count(b"ECHO") for data in writes) == 500
    assert len(writes) <= 3


async def test_each_reply_goes_to_its_caller(link: Link) -> None:
    wrong: list[tuple[str, Any]] = []

    async def ask(name: str, times: int) -> None:
        for n in range(times):
            reply = await link.call("ECHO", f"{name}:{n}")
            if reply != f"{name}:{n}".encode():
                wrong.append((name, reply))

    async with trio.open_nursery() as nursery:
        for number in range(100):
            nursery.start_soon(ask, f"task {number}", number % 7 + 1)
    assert wrong == []


async def test_commands_take_effect_in_the_order_of_the_calls(link: Link) -> None:
    numbers: list[int] = []

    async def append(number: int) -> None:
        numbers.append(number)
        await link.call("RPUSH", "list", number)

    async with trio.open_nursery() as nursery:
        for number in range(200):
            nursery.start_soon(append, number)
    assert [int(n) for n in await link.call("LRANGE", "list", 0, -1)] == numbers


async def test_a_reply_longer_than_one_read_is_whole(link: Link) -> None:
    big = "x" * 3_000_000
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(link.call, "PING")
        assert await link.call("ECHO", big) == big.encode()


async def test_a_wrong_command_fails_its_caller_only(link: Link) -> None:
    await link.call("SET", "text", "no list")
    answers: list[object] = []

    async def wrong() -> None:
        with pytest.raises(redis_exceptions.ResponseError, match="WRONGTYPE"):
            await link.call("LPUSH", "text", 1)
        answers.append("refused")

    async def right() -> None:
        answers.append(await link.call("GET", "text"))

    with structlog.testing.capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            for task in (right, wrong, right):
                nursery.start_soon(task)
    [line] = logs
    assert (line["log_level"], line["connection"]) == ("error", "test")
    assert "WRONGTYPE" in line["reason"]
    assert sorted(map(str, answers)) == ["b'no list'", "b'no list'", "refused"]


@pytest.mark.parametrize("argument", ["\ud800", None, ["list"]])
async def test_what_cannot_be_sent_leaves_the_other_calls_right(link: Link, argument: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        await link.call("ECHO", argument)
    with pytest.raises((TypeError, ValueError)):
        await link.call_all([("ECHO", "first"), ("ECHO", argument)])
    assert await link.call("ECHO", "mine") == b"mine"
    assert await link.call_all([("ECHO", "1"), ("ECHO", "2")]) == [b"1", b"2"]


# --- call_all -------------------------------------------------------------------------------------


async def test_call_all_gives_the_replies_in_order(link: Link) -> None:
    assert await link.call_all([("SET", "a", 1), ("GET", "a"), ("GET", "b")]) == [b"OK", b"1", None]


async def test_call_all_of_nothing_asks_nothing(link: Link) -> None:
    assert await link.call_all([]) == []


@pytest.mark.parametrize("wrong_at", [0, 1, 2])
async def test_call_all_raises_what_one_was_refused_for_and_does_the_others(
    link: Link, wrong_at: int
) -> None:
    commands: list[tuple[str, ...]] = [("INCR", "done"), ("INCR", "done")]
    commands.insert(wrong_at, ("NOSUCHCOMMAND",))
    with pytest.raises(redis_exceptions.ResponseError, match="unknown command"):
        await link.call_all(commands)
    assert await link.call("GET", "done") == b"2"


# --- cancellation ---------------------------------------------------------------------------------


@pytest.mark.parametrize("ticks", range(6))
async def test_a_call_may_be_cancelled_at_any_moment(link: Link, ticks: int) -> None:
    """After so many turns of the scheduler: queued, written, or answered already."""
    async with trio.open_nursery() as nursery:
        scopes = [trio.CancelScope() for _ in range(20)]

        async def give_up(scope: trio.CancelScope, number: int) -> None:
            with scope:
                assert await link.call("ECHO", f"mine {number}") == f"mine {number}".encode()

        for number, scope in enumerate(scopes):
            nursery.start_soon(give_up, scope, number)
            nursery.start_soon(expect_echo, link, f"kept {number}")
        for _ in range(ticks):
            await trio.lowlevel.checkpoint()
        for scope in scopes[::2]:
            scope.cancel()
    await expect_echo(link, "afterwards")


async def test_a_cancelled_call_is_still_carried_out(link: Link) -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await link.call("SET", "key", "value")
    assert scope.cancelled_caught
    assert await link.call("GET", "key") == b"value"


async def test_calls_cancelled_while_redis_hangs_leave_the_others_right(
    link: Link, redis_server: RedisServer
) -> None:
    redis_server.pause()
    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(expect_echo, link, f"kept {number}")
        async with trio.open_nursery() as given_up:
            for number in range(10):
                given_up.start_soon(link.call, "ECHO", f"given up {number}")
            await wait_all_tasks_blocked()
            given_up.cancel_scope.cancel()
        redis_server.resume()
    await expect_echo(link, "afterwards")
