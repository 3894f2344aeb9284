"""Which server a URL names, and how we come to it: passwords, databases, TLS."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

import pytest
import trio

from gateway.backplane.redis.link import Link
from gateway.backplane.redis.server import RedisEndpoint
from tests.backplane.conftest import TIMEOUT, Links
from tests.backplane.expectations import connected_again, disconnected, expect_echo, fails, kept_out
from tests.backplane.tls import Identity, tls_port
from tests.redis_server import RedisServer

# --- who we are to Redis --------------------------------------------------------------------------


async def test_the_connection_has_a_name_in_redis(links: Links) -> None:
    link = await links.open("node-7-commands")
    assert await link.call("CLIENT", "GETNAME") == b"node-7-commands"


async def test_the_url_names_the_database(links: Links, redis_server: RedisServer) -> None:
    link = await links.open(url=f"{redis_server.admin_url}?db=3")
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
    server = RedisEndpoint.from_url(f"unix://app:letmein@{redis_server.socket}")
    link = Link(server, name="test", timeout=TIMEOUT)
    async with kept_out(link) as logs:
        await fails(partial(link.call, "PING"))
        redis_server.ask("ACL", "SETUSER", "app", ">letmein")
        await connected_again(link)
    assert logs[0]["event"] == "redis cannot be used"
    assert "WRONGPASS" in logs[0]["reason"]
    assert "letmein" not in str(logs)


async def test_a_database_that_does_not_exist_is_logged_once(redis_server: RedisServer) -> None:
    link = Link(
        RedisEndpoint.from_url(f"{redis_server.admin_url}?db=99"), name="test", timeout=TIMEOUT
    )
    async with kept_out(link) as logs:
        pass
    [line] = logs
    assert (line["event"], line["connection"]) == ("redis cannot be used", "test")
    assert "DB index" in line["reason"]


# --- TLS ------------------------------------------------------------------------------------------


@pytest.fixture
async def secure_port(redis_server: RedisServer, identity: Identity) -> AsyncIterator[int]:
    """The port at which the test's Redis is reached over TLS."""
    async with tls_port(identity, partial(trio.open_unix_socket, redis_server.socket)) as port:
        yield port


async def test_tls_with_a_certificate_that_is_trusted(
    redis_server: RedisServer, identity: Identity, secure_port: int, links: Links
) -> None:
    url = f"rediss://localhost:{secure_port}/0?ssl_ca_certs={identity.authority}"
    link = await links.open(url=url)
    async with trio.open_nursery() as asking:
        for number in range(100):
            asking.start_soon(expect_echo, link, f"{number} " * 1000)
    redis_server.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    await disconnected(link)
    await connected_again(link)
    await expect_echo(link, "again")


async def test_tls_without_trust_is_refused_and_logged(secure_port: int) -> None:
    link = Link(
        RedisEndpoint.from_url(f"rediss://localhost:{secure_port}"), name="test", timeout=TIMEOUT
    )
    async with kept_out(link) as logs:
        pass
    assert "CERTIFICATE_VERIFY_FAILED" in logs[0]["reason"]


async def test_tls_trust_can_be_waived(secure_port: int, links: Links) -> None:
    link = await links.open(url=f"rediss://localhost:{secure_port}/0?ssl_cert_reqs=none")
    await expect_echo(link, "hello")


# --- URLs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost", "localhost:6379", "unix://", "redis://localhost:99999", "redis://h:x",
        "redis://h/-1", "redis://h/0/1", "redis://h?db=-1", "redis://h?db=one", "redis://h?db=",
        "redis://u:1/secret@h", "redis://u:1#secret@h", "redis://u:1?secret@h", "unix:///r.sock#1",
        "rediss://h?ssl_cert_reqs=foo", "redis://h?ssl_ca_certs=/ca.pem", "redis://h?socket_timeout=1",
    ],
)  # fmt: skip
def test_a_wrong_url_says_so_without_the_password(url: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        RedisEndpoint.from_url(url)
    assert "secret" not in str(refused.value)


def test_a_user_may_have_no_password() -> None:
    assert RedisEndpoint.from_url("redis://app@h").credentials() == [("AUTH", "app", "")]
    assert RedisEndpoint.from_url("redis://h").credentials() == []


def test_the_place_for_logs_holds_no_secret() -> None:
    server = RedisEndpoint.from_url("redis://user:secret@redis.example:6380/2")
    assert server.place == "redis.example:6380"
    assert (server.username, server.password, server.database) == ("user", "secret", 2)
