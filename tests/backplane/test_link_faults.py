"""The link while Redis is away, hangs, or cannot do what it is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from gateway.backplane import Denied, Unavailable
from gateway.backplane.redis.errors import Forbidden, NoScript, ReadOnly, Refused, translate
from gateway.backplane.redis.link import LOAD_SCRIPTS, Link
from gateway.backplane.redis.scripts import ALL_SCRIPTS, CLAIM, PUBLISH, SNAPSHOT
from gateway.backplane.redis.server import RedisEndpoint
from gateway.backplane.redis.server_check import QUESTIONS
from tests import PATIENCE
from tests.backplane.conftest import TIMEOUT
from tests.backplane.expectations import connected_again, disconnected, expect_echo, fails, kept_out
from tests.redis_server import RedisServer

# --- Redis goes away ------------------------------------------------------------------------------


async def test_a_lost_connection_fails_all_who_wait(link: Link, redis_server: RedisServer) -> None:
    redis_server.pause()
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(fails, partial(link.call, "PING"))
            nursery.start_soon(fails, partial(link.call_all, [("PING",), ("PING",)]))
            await wait_all_tasks_blocked()
            await redis_server.kill()


async def test_calls_while_redis_is_away_fail_at_once(
    link: Link, redis_server: RedisServer
) -> None:
    await redis_server.stop()
    await disconnected(link)
    with trio.fail_after(PATIENCE):
        for _ in range(50):
            await fails(partial(link.call, "PING"))
            await fails(partial(link.call_all, [("PING",)]))
            await fails(partial(link.run_script, CLAIM, ("key",), "x"))


async def test_failing_at_once_is_still_a_checkpoint(redis_server: RedisServer) -> None:
    """A task that tries again in a loop does not stop the others."""
    link = Link(RedisEndpoint.from_url(redis_server.admin_url), name="never run", timeout=1)
    for call in (partial(link.call, "PING"), partial(link.call_all, [("PING",)])):
        with trio.testing.assert_checkpoints():
            await fails(call)


async def test_it_comes_back_after_redis_was_restarted(
    link: Link, redis_server: RedisServer
) -> None:
    await redis_server.stop()
    await disconnected(link)
    await redis_server.start()
    await connected_again(link)
    # The new server knows no scripts until the link has loaded them.
    loaded = await link.call("SCRIPT", "EXISTS", *(script.sha for script in ALL_SCRIPTS))
    assert loaded == [1] * len(ALL_SCRIPTS)


async def test_what_was_asked_of_a_lost_connection_is_not_asked_of_the_next(
    link: Link, redis_server: RedisServer
) -> None:
    redis_server.ask("CLIENT", "PAUSE", 100_000, "WRITE")
    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(fails, partial(link.call, "INCR", "counter"))
        await wait_all_tasks_blocked()
        redis_server.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    redis_server.ask("CLIENT", "UNPAUSE")
    await connected_again(link)
    assert await link.call("GET", "counter") is None


async def test_what_was_never_written_to_a_lost_connection_is_not_asked_of_the_next(
    link: Link, redis_server: RedisServer, mock_clock: MockClock
) -> None:
    """The socket is full, so that calls wait to be written when the connection is given up."""
    mock_clock.rate = 1.0
    redis_server.pause()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(fails, partial(link.call, "ECHO", "x" * 8_000_000))
        await wait_all_tasks_blocked()
        for _ in range(5):
            nursery.start_soon(fails, partial(link.call, "INCR", "counter"))
        await wait_all_tasks_blocked()
        mock_clock.jump(TIMEOUT + 1)
    redis_server.resume()
    await connected_again(link)
    await expect_echo(link, "in step")
    assert await link.call("GET", "counter") is None


async def test_a_redis_that_hangs_fails_its_callers_and_is_left(
    link: Link, redis_server: RedisServer, mock_clock: MockClock
) -> None:
    mock_clock.rate = 1.0
    redis_server.pause()
    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(fails, partial(link.call, "PING"))
        await wait_all_tasks_blocked()
        mock_clock.jump(TIMEOUT + 1)
    await disconnected(link)
    redis_server.resume()
    await connected_again(link)
    assert await link.call("ECHO", "back") == b"back"


GREETING: Final = 1 + len(QUESTIONS) + len(LOAD_SCRIPTS)
"""Commands that a link begins with: its name, what it asks, the scripts."""
MUCH: Final = 1 << 26
"""More bytes than any socket takes at once."""


class FakeRedis:
    """Greets as Redis does, and then answers nothing."""

    def __init__(self, greeted: int) -> None:
        self.greeted = greeted
        self.connections = 0

    async def serve(self, stream: trio.SocketStream) -> None:
        self.connections += 1
        asked = 0
        with suppress(trio.BrokenResourceError):  # a link that gives up is gone at once
            async for data in stream:
                # Each command is an array of bulk strings; the greeting has no bare "*" in a line.
                commands = sum(line.startswith(b"*") for line in data.split(b"\r\n"))
                if asked < self.greeted:
                    await stream.send_all(b"+OK\r\n" * min(commands, self.greeted - asked))
                asked += commands


@asynccontextmanager
async def link_to(
    serve: Callable[[trio.SocketStream], Awaitable[None]], patience: float
) -> AsyncIterator[Link]:
    """Serve a link; nobody runs it yet."""
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        port = listeners[0].socket.getsockname()[1]
        endpoint = RedisEndpoint.from_url(f"redis://127.0.0.1:{port}")
        yield Link(endpoint, name="test", timeout=patience)
        nursery.cancel_scope.cancel()


async def test_the_timeout_runs_for_the_oldest_call(mock_clock: MockClock) -> None:
    """With a clock of our own: nobody fails before the timeout, and everybody soon after."""
    fake = FakeRedis(greeted=GREETING)
    async with link_to(fake.serve, patience=8.0) as link, trio.open_nursery() as nursery:
        nursery.start_soon(link.run)
        await link.wait_connected()
        failed_at: list[float] = []

        async def ask() -> None:
            await fails(partial(link.call, "PING"))
            failed_at.append(trio.current_time())

        async with trio.open_nursery() as asking:
            asking.start_soon(ask)
            await wait_all_tasks_blocked()
            mock_clock.jump(4.0)
            asking.start_soon(ask)
            await wait_all_tasks_blocked(0.01)
            mock_clock.jump(3.9)
            await wait_all_tasks_blocked(0.01)
            assert failed_at == []
            mock_clock.jump(2.2)
        assert len(failed_at) == 2, "the younger one fails with the connection"
        assert fake.connections == 1
        nursery.cancel_scope.cancel()


async def test_what_was_not_sent_in_time_is_not_sent_any_more(mock_clock: MockClock) -> None:
    """Else it would take effect when the caller was told long ago that it had failed."""
    fake = FakeRedis(greeted=GREETING)
    failed, everything, received = trio.Event(), trio.Event(), 0

    async def serve(stream: trio.SocketStream) -> None:
        with trio.CancelScope() as greeting:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(fake.serve, stream)
                await link.wait_connected()
                greeting.cancel()
        await failed.wait()
        with pytest.raises(trio.BrokenResourceError):
            await read_on(stream)
        everything.set()

    async def read_on(stream: trio.SocketStream) -> None:
        nonlocal received
        async for data in stream:
            received += len(data)

    async with link_to(serve, patience=8.0) as link:
        with trio.CancelScope() as running:
            async with trio.open_nursery() as around:
                around.start_soon(link.run)
                await link.wait_connected()
                async with trio.open_nursery() as asking:
                    asking.start_soon(fails, partial(link.call, "ECHO", "x" * MUCH))
                    await wait_all_tasks_blocked(0.01)
                    mock_clock.jump(11)
                running.cancel()
        failed.set()
        await everything.wait()
        assert received < MUCH


async def test_an_idle_connection_is_kept(mock_clock: MockClock) -> None:
    fake = FakeRedis(greeted=GREETING)
    async with link_to(fake.serve, patience=1.0) as link, trio.open_nursery() as nursery:
        nursery.start_soon(link.run)
        await link.wait_connected()
        for _ in range(20):
            mock_clock.jump(5.0)
            await wait_all_tasks_blocked(0.001)
        assert link.connected
        nursery.cancel_scope.cancel()


async def test_redis_that_is_not_there_is_tried_again_and_logged(tmp_path: Path) -> None:
    link = Link(RedisEndpoint.from_url(f"unix://{tmp_path / 'redis.sock'}"), name="test", timeout=1)
    async with kept_out(link) as logs, RedisServer(tmp_path, appendonly="no"):
        await connected_again(link)
        assert await link.call("PING") == b"PONG"
    assert logs[0]["event"] == "redis away"
    assert logs[0]["log_level"] == "warning"
    assert "No such file" in logs[0]["reason"]


# --- what Redis cannot do now ---------------------------------------------------------------------


async def test_a_script_that_redis_has_forgotten_is_loaded_again(link: Link) -> None:
    await link.call("SCRIPT", "FLUSH")
    keys = ("meta", "members", "log")
    assert (await link.run_script(SNAPSHOT, keys, 0, 1, 0))[:2] == [b"", 0]
    assert await link.call("SCRIPT", "EXISTS", SNAPSHOT.sha, PUBLISH.sha) == [1, 0]
    assert (await link.run_script(SNAPSHOT, keys, 0, 1, 0))[:2] == [b"", 0]


async def test_a_forgotten_script_among_other_commands_is_run_after_them(link: Link) -> None:
    await link.call("SCRIPT", "FLUSH")
    snapshot = SNAPSHOT.command(("meta", "members", "log"), 0, 1, 0)
    for commands in ([snapshot, ("HSET", "meta", "seq", 7)], [("PING",), snapshot]):
        replies = await link.call_all(commands)
        assert replies[commands.index(snapshot)][:2] == [b"", 7]
    await link.call("SCRIPT", "FLUSH")
    await link.call("SET", "log", "spoilt")
    several = [SNAPSHOT.command(("meta", "members", "log"), 0, 1, 0), ("PING",)]
    assert isinstance((await link.try_all(several))[0], Refused)
    with pytest.raises(Refused):
        await link.call_all(several)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("OOM command not allowed when used memory > 'maxmemory'.", Denied),
        ("LOADING Redis is loading the dataset in memory", Denied),
        ("MISCONF Redis is configured to save RDB snapshots", Denied),
        ("CLUSTERDOWN The cluster is down", Denied),
        # As Redis 6 says it of a script's call.
        ("ERR Error running script (call to f_1): @user_script:5: -OOM command", Denied),
        ("ERR Error running script (call to f_1): @user_script:5: -READONLY You", ReadOnly),
        # As Valkey 9 says it.
        ("LOADING Valkey is loading the dataset in memory", Denied),
        ("BUSY Valkey is busy running a script.", Denied),
        ("OOM command not allowed. script: on @user_script:1.", Denied),
        ("READONLY You can't write. script: on @user_script:1.", ReadOnly),
        ("NOSCRIPT No matching script.", NoScript),
        ("NOSCRIPT No matching script. Please use EVAL.", NoScript),
        ("WRONGTYPE Operation against a key", Refused),
        ("ERR user_script:1: attempt to perform arithmetic on a nil value", Refused),
        ("NOAUTH Authentication required.", Forbidden),
        ("NOPERM No permissions to access a key", Forbidden),
        ("ERR unknown command 'OOM'", Forbidden),
        ("ERR Error compiling script (new function): user_script:1: '=' expected", Forbidden),
        # What a script is not allowed, as Redis 6.2 and 7.0 say it, and those after them.
        ("ERR Error running script (call to f_1): The user executing the script can't", Forbidden),
        ("ERR The user executing the script can't run this command or subcommand", Forbidden),
        ("ERR ACL failure in script: User u has no permissions to run 'hset'", Forbidden),
    ],
)  # fmt: skip
def test_what_passes_is_told_from_what_is_wrong(error: str, kind: type[Exception]) -> None:
    translated = translate(error)
    assert type(translated) is kind
    if isinstance(translated, Unavailable):
        assert translated.passes == (kind in {Denied, ReadOnly})
    assert str(translated) == error


async def test_a_full_redis_is_unavailable(link: Link) -> None:
    await link.call("CONFIG", "SET", "maxmemory", 1)
    await fails(partial(link.call, "SET", "key", "value"))
    await fails(
        partial(link.run_script, CLAIM, ("nicks", "sessions"), "s1", "n1", "Alice", "alice")
    )
    assert link.connected, "it answers, so there is no reason to leave it"
    await link.call("CONFIG", "SET", "maxmemory", 0)
    assert await link.call("SET", "key", "value") == b"OK"


async def test_a_server_that_becomes_a_replica_is_left_and_not_used_until_it_is_a_primary(
    link: Link,
    redis_server: RedisServer,
) -> None:
    claim = partial(link.run_script, CLAIM, ("nicks", "sessions"), "s1", "n1", "Alice", "alice")
    several = partial(link.call_all, [("SET", "key", "value"), ("PING",)])
    for write in (partial(link.call, "SET", "key", "value"), claim, several):
        redis_server.ask("REPLICAOF", "127.0.0.1", 1)
        await fails(write)
        await disconnected(link)
        await fails(partial(link.call, "GET", "key"))
        redis_server.ask("REPLICAOF", "NO", "ONE")
        await connected_again(link)
    assert await link.call("SET", "key", "value") == b"OK"
