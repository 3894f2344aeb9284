"""One pipelined connection for many tasks, against a real Redis that goes away and comes back."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import structlog.testing
import trio
from redis import exceptions as redis_exceptions
from trio.testing import MockClock, wait_all_tasks_blocked

from gateway.backplane import Server, Unavailable
from gateway.backplane.connection import Connection
from gateway.backplane.errors import NoScript, Refused, translate
from gateway.backplane.link import Link
from gateway.backplane.scripts import ALL_SCRIPTS, CLAIM, PUBLISH
from tests.backplane.conftest import TIMEOUT, Links
from tests.redis_server import RedisServer


async def fails(call: Callable[[], Awaitable[object]]) -> None:
    with pytest.raises(Unavailable):
        await call()


async def connected_again(link: Link) -> None:
    with trio.fail_after(20):
        await link.wait_connected()


async def disconnected(link: Link) -> None:
    """Wait until the link has noticed that its connection is gone."""
    with trio.fail_after(20):
        while link.connected:
            await trio.sleep(0.001)


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
    send = Connection.send

    async def counted(self: Connection, data: bytes) -> None:
        writes.append(data)
        await send(self, data)

    monkeypatch.setattr(Connection, "send", counted)
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

    async with trio.open_nursery() as nursery:
        for task in (right, wrong, right):
            nursery.start_soon(task)
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


async def test_a_cancelled_call_all_leaves_the_others_right(link: Link) -> None:
    async with trio.open_nursery() as nursery:
        with trio.CancelScope() as scope:
            scope.cancel()
            await link.call_all([("ECHO", "lost"), ("ECHO", "too")])
        assert scope.cancelled_caught
        for number in range(10):
            nursery.start_soon(_expect_echo, link, f"after {number}")


async def _expect_echo(link: Link, text: str) -> None:
    assert await link.call("ECHO", text) == text.encode()


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
            nursery.start_soon(_expect_echo, link, f"kept {number}")
        for _ in range(ticks):
            await trio.lowlevel.checkpoint()
        for scope in scopes[::2]:
            scope.cancel()
    await _expect_echo(link, "afterwards")


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
            nursery.start_soon(_expect_echo, link, f"kept {number}")
        async with trio.open_nursery() as given_up:
            for number in range(10):
                given_up.start_soon(link.call, "ECHO", f"given up {number}")
            await wait_all_tasks_blocked()
            given_up.cancel_scope.cancel()
        redis_server.resume()
    await _expect_echo(link, "afterwards")


# --- Redis goes away ------------------------------------------------------------------------------


async def test_a_lost_connection_fails_all_who_wait(link: Link, redis_server: RedisServer) -> None:
    redis_server.pause()
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(fails, partial(link.call, "PING"))
            nursery.start_soon(fails, partial(link.call_all, [("PING",), ("PING",)]))
            await wait_all_tasks_blocked()
            assert redis_server.process is not None
            redis_server.process.kill()


async def test_calls_while_redis_is_away_fail_at_once(
    link: Link, redis_server: RedisServer
) -> None:
    await redis_server.stop()
    await disconnected(link)
    with trio.fail_after(TIMEOUT / 3):
        for _ in range(50):
            await fails(partial(link.call, "PING"))
            await fails(partial(link.call_all, [("PING",)]))
            await fails(partial(link.run_script, CLAIM, ("key",), "x"))


async def test_failing_at_once_is_still_a_checkpoint(redis_server: RedisServer) -> None:
    """A task that tries again in a loop does not stop the others."""
    link = Link(Server.from_url(redis_server.url), name="never run", timeout=1)
    for call in (partial(link.call, "PING"), partial(link.call_all, [("PING",)])):
        with trio.testing.assert_checkpoints():
            await fails(call)


async def test_it_reconnects_by_itself(link: Link, redis_server: RedisServer) -> None:
    for _ in range(3):
        redis_server.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        await disconnected(link)
        await connected_again(link)
        assert await link.call("ECHO", "again") == b"again"


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
    links: Links, redis_server: RedisServer
) -> None:
    """The socket is full, so that calls wait to be written when the connection is given up."""
    link = await links.open(patience=0.3)
    redis_server.pause()
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fails, partial(link.call, "ECHO", "x" * 8_000_000))
            await wait_all_tasks_blocked()
            for _ in range(5):
                nursery.start_soon(fails, partial(link.call, "INCR", "counter"))
    redis_server.resume()
    await connected_again(link)
    await _expect_echo(link, "in step")
    assert await link.call("GET", "counter") is None


async def test_a_redis_that_hangs_fails_its_callers_and_is_left(
    links: Links, redis_server: RedisServer
) -> None:
    link = await links.open(patience=0.3)
    redis_server.pause()
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(fails, partial(link.call, "PING"))
    await disconnected(link)
    redis_server.resume()
    await connected_again(link)
    assert await link.call("ECHO", "back") == b"back"


class FakeRedis:
    """Greets as Redis does, and then answers nothing."""

    def __init__(self, greeted: int) -> None:
        self.greeted = greeted
        self.connections = 0

    async def serve(self, stream: trio.SocketStream) -> None:
        self.connections += 1
        asked = 0
        async for data in stream:
            # Each command is an array of bulk strings; the greeting has no bare "*" in a line.
            commands = sum(line.startswith(b"*") for line in data.split(b"\r\n"))
            if asked < self.greeted:
                await stream.send_all(b"+OK\r\n" * min(commands, self.greeted - asked))
            asked += commands


async def test_the_timeout_runs_for_the_oldest_call(mock_clock: MockClock) -> None:
    """With a clock of our own: nobody fails before the timeout, and everybody soon after."""
    fake = FakeRedis(greeted=1 + len(ALL_SCRIPTS))
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(
            trio.serve_tcp,
            fake.serve,
            0,
        )
        port = listeners[0].socket.getsockname()[1]
        link = Link(Server.from_url(f"redis://localhost:{port}"), name="test", timeout=8.0)
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


async def test_an_idle_connection_is_kept(mock_clock: MockClock) -> None:
    fake = FakeRedis(greeted=1 + len(ALL_SCRIPTS))
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, fake.serve, 0)
        port = listeners[0].socket.getsockname()[1]
        link = Link(Server.from_url(f"redis://localhost:{port}"), name="test", timeout=1.0)
        nursery.start_soon(link.run)
        await link.wait_connected()
        for _ in range(20):
            mock_clock.jump(5.0)
            await wait_all_tasks_blocked(0.001)
        assert link.connected
        nursery.cancel_scope.cancel()


async def test_redis_that_is_not_there_is_tried_again_and_logged(tmp_path: Path) -> None:
    link = Link(Server.from_url(f"unix://{tmp_path / 'redis.sock'}"), name="test", timeout=1)
    with structlog.testing.capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(link.run)
            with trio.fail_after(10):
                while not logs:
                    await trio.sleep(0.001)
            assert not link.connected
            async with RedisServer(tmp_path, appendonly="no"):
                await connected_again(link)
                assert await link.call("PING") == b"PONG"
            nursery.cancel_scope.cancel()
    assert logs[0]["event"] == "redis away"
    assert logs[0]["log_level"] == "warning"
    assert "No such file" in logs[0]["reason"]


# --- what Redis cannot do now ---------------------------------------------------------------------


async def test_a_script_that_redis_has_forgotten_is_loaded_again(link: Link) -> None:
    await link.call("SCRIPT", "FLUSH")
    arguments = ("alice", "s1 n1 Alice", "s1", 0)
    assert await link.run_script(CLAIM, ("nicks",), *arguments) == 0
    assert await link.call("SCRIPT", "EXISTS", CLAIM.sha, PUBLISH.sha) == [1, 0]
    assert await link.run_script(CLAIM, ("nicks",), *arguments) == 0


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("OOM command not allowed when used memory > 'maxmemory'.", Unavailable),
        ("LOADING Redis is loading the dataset in memory", Unavailable),
        ("MISCONF Redis is configured to save RDB snapshots", Unavailable),
        ("CLUSTERDOWN The cluster is down", Unavailable),
        ("NOAUTH Authentication required.", Unavailable),
        # As Redis 6 says it of a script's call.
        ("ERR Error running script (call to f_1): @user_script:5: -OOM command", Unavailable),
        ("ERR Error running script (call to f_1): @user_script:5: -READONLY You", Unavailable),
        ("NOSCRIPT No matching script. Please use EVAL.", NoScript),
        ("WRONGTYPE Operation against a key", Refused),
        ("ERR unknown command 'OOM'", Refused),
    ],
)
def test_what_passes_is_told_from_what_is_wrong(error: str, kind: type[Exception]) -> None:
    translated = translate(error)
    assert type(translated) is kind
    assert str(translated) == error


async def test_a_full_redis_is_unavailable(link: Link) -> None:
    await link.call("CONFIG", "SET", "maxmemory", 1)
    await fails(partial(link.call, "SET", "key", "value"))
    await fails(partial(link.run_script, CLAIM, ("nicks",), "alice", "s1 n1 Alice", "s1", 0))
    assert link.connected, "it answers, so there is no reason to leave it"
    await link.call("CONFIG", "SET", "maxmemory", 0)
    assert await link.call("SET", "key", "value") == b"OK"


async def test_a_read_only_replica_is_unavailable(link: Link) -> None:
    await link.call("REPLICAOF", "127.0.0.1", 1)
    await fails(partial(link.call, "SET", "key", "value"))
    await fails(partial(link.run_script, CLAIM, ("nicks",), "alice", "s1 n1 Alice", "s1", 0))
    await link.call("REPLICAOF", "NO", "ONE")
    assert await link.call("SET", "key", "value") == b"OK"


# --- who we are to Redis --------------------------------------------------------------------------


async def test_the_connection_has_a_name_in_redis(links: Links) -> None:
    link = await links.open("node-7-commands")
    assert await link.call("CLIENT", "GETNAME") == b"node-7-commands"


async def test_the_url_names_the_database(links: Links, redis_server: RedisServer) -> None:
    link = await links.open(url=f"{redis_server.url}?db=3")
    await link.call("SET", "key", "value")
    assert redis_server.ask("INFO", "keyspace").keys() == {"db3"}


async def test_the_url_names_user_and_password(links: Links, redis_server: RedisServer) -> None:
    redis_server.ask("ACL", "SETUSER", "app", "on", ">p@ss/word", "~*", "&*", "+@all")
    link = await links.open(url=f"unix://app:p%40ss%2Fword@{redis_server.socket}")
    assert await link.call("ACL", "WHOAMI") == b"app"


async def test_the_url_names_a_password_alone(links: Links, redis_server: RedisServer) -> None:
    redis_server.ask("CONFIG", "SET", "requirepass", "secret")
    link = await links.open(url=f"unix://:secret@{redis_server.socket}")
    assert await link.call("PING") == b"PONG"


async def test_a_wrong_password_is_logged_without_it_and_tried_again(
    redis_server: RedisServer,
) -> None:
    redis_server.ask("ACL", "SETUSER", "app", "on", ">right", "~*", "&*", "+@all")
    server = Server.from_url(f"unix://app:letmein@{redis_server.socket}")
    link = Link(server, name="test", timeout=1)
    with structlog.testing.capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(link.run)
            with trio.fail_after(10):
                while not logs:
                    await trio.sleep(0.001)
            assert not link.connected
            await fails(partial(link.call, "PING"))
            redis_server.ask("ACL", "SETUSER", "app", ">letmein")
            await connected_again(link)
            nursery.cancel_scope.cancel()
    assert logs[0]["event"] == "redis away"
    assert "WRONGPASS" in logs[0]["reason"]
    assert "letmein" not in str(logs)


async def test_a_database_that_does_not_exist_is_logged(redis_server: RedisServer) -> None:
    link = Link(Server.from_url(f"{redis_server.url}?db=99"), name="test", timeout=1)
    with structlog.testing.capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(link.run)
            with trio.fail_after(10):
                while not logs:
                    await trio.sleep(0.001)
            assert not link.connected
            nursery.cancel_scope.cancel()
    assert "DB index" in logs[0]["reason"]


# --- TLS ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``cert.pem`` for localhost, signed by itself, and its ``key.pem``."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
            "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem",
        ],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return folder


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def tls_server(folder: Path, certificate: Path, port: int) -> RedisServer:
    options: dict[str, object] = {
        "appendonly": "no", "tls-port": port, "tls-auth-clients": "no",
        "tls-cert-file": certificate / "cert.pem", "tls-key-file": certificate / "key.pem",
        "tls-ca-cert-file": certificate / "cert.pem",
    }  # fmt: skip
    return RedisServer(folder, **options)


async def test_tls_with_a_certificate_that_is_trusted(tmp_path: Path, certificate: Path) -> None:
    port = free_port()
    url = f"rediss://localhost:{port}/0?ssl_ca_certs={certificate / 'cert.pem'}"
    async with tls_server(tmp_path, certificate, port) as server, trio.open_nursery() as nursery:
        link = Link(Server.from_url(url), name="test", timeout=10)
        nursery.start_soon(link.run)
        await connected_again(link)
        async with trio.open_nursery() as asking:
            for number in range(100):
                asking.start_soon(_expect_echo, link, f"{number} " * 1000)
        server.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        await disconnected(link)
        await connected_again(link)
        await _expect_echo(link, "again")
        nursery.cancel_scope.cancel()


async def test_tls_without_trust_is_refused_and_logged(tmp_path: Path, certificate: Path) -> None:
    port = free_port()
    async with tls_server(tmp_path, certificate, port):
        link = Link(Server.from_url(f"rediss://localhost:{port}"), name="test", timeout=1)
        with structlog.testing.capture_logs() as logs:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(link.run)
                with trio.fail_after(10):
                    while not logs:
                        await trio.sleep(0.001)
                assert not link.connected
                nursery.cancel_scope.cancel()
        assert "CERTIFICATE_VERIFY_FAILED" in logs[0]["reason"]


async def test_tls_trust_can_be_waived(tmp_path: Path, certificate: Path) -> None:
    port = free_port()
    url = f"rediss://localhost:{port}/0?ssl_cert_reqs=none"
    async with tls_server(tmp_path, certificate, port), trio.open_nursery() as nursery:
        link = Link(Server.from_url(url), name="test", timeout=10)
        nursery.start_soon(link.run)
        await connected_again(link)
        await _expect_echo(link, "hello")
        nursery.cancel_scope.cancel()


# --- URLs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    ["http://localhost", "localhost:6379", "unix://", "redis://localhost:99999", "redis://h:x"],
)
def test_a_wrong_url_says_so(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Server.from_url(url)


def test_the_place_for_logs_holds_no_secret() -> None:
    server = Server.from_url("redis://user:secret@redis.example:6380/2")
    assert server.place == "redis.example:6380"
    assert (server.username, server.password, server.database) == ("user", "secret", 2)
