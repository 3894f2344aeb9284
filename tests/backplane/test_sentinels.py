"""The sentinels say which server it is: with credentials, over TLS, and though some are gone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import structlog.testing
import trio
from structlog.typing import EventDict

from gateway.backplane import Unsuitable, check_redis, topology_from_url
from gateway.backplane.redis.link import Link
from gateway.backplane.redis.topology import Sentinels
from tests.backplane.conftest import TIMEOUT
from tests.backplane.expectations import connected_again, expect_echo
from tests.backplane.tls import Identity, tls_port
from tests.ports import free_port
from tests.redis_server import RedisServer
from tests.sentinels import NAME, ask_sentinel, sentinel
from tests.waiting import until

LEAST = (
    "resetchannels &+switch-master &+promoted-slave"
    " -@all +hello +subscribe +sentinel|master +sentinel|get-master-addr-by-name"
)
"""What a sentinel's user must be allowed, as the README says."""


@asynccontextmanager
async def link_to(url: str) -> AsyncIterator[Link]:
    """Have a link that is connected."""
    async with running(url) as link:
        await connected_again(link)
        yield link


@asynccontextmanager
async def running(url: str) -> AsyncIterator[Link]:
    """Run a link that goes where the sentinels say."""
    topology = topology_from_url(url)
    link = Link(topology, name="test", timeout=TIMEOUT)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(topology.watch, link.reconnect)
        nursery.start_soon(link.run)
        yield link
        nursery.cancel_scope.cancel()


async def why_away(url: str) -> str:
    """Run a link that cannot connect; returns the reason that is logged."""
    events = {"redis away", "redis cannot be used"}
    logs: list[EventDict]
    with structlog.testing.capture_logs() as logs:
        async with running(url) as link:
            await until(lambda: {line["event"] for line in logs} & events, "the reason")
            assert not link.connected
    assert "gu@rd" not in str(logs)
    return next(str(line["reason"]) for line in logs if line["event"] in events)


@asynccontextmanager
async def watched(tmp_path: Path) -> AsyncIterator[int]:
    """Run a server and one sentinel that watches it; gives the sentinel's port."""
    port = free_port()
    async with (
        RedisServer(tmp_path, port=port, bind="127.0.0.1", appendonly="no"),
        sentinel(tmp_path / "sentinel", port, quorum=1) as there,
    ):
        yield there


async def test_one_that_answers_is_enough(tmp_path: Path) -> None:
    """One has gone, and from another nothing ever comes back."""
    listener = await trio.open_tcp_listeners(0, host="127.0.0.1")
    silent = listener[0].socket.getsockname()[1]
    async with listener[0], watched(tmp_path) as there:
        gone = free_port()
        hosts = ",".join(f"127.0.0.1:{port}" for port in (gone, silent, there))
        async with link_to(f"redis+sentinel://{hosts}/chat/2") as link:
            await expect_echo(link, "hello")
            assert b"db=2" in await link.call("CLIENT", "INFO")


async def test_without_somebody_who_watches_they_are_asked_each_time(tmp_path: Path) -> None:
    async with watched(tmp_path) as there:
        hosts = f"127.0.0.1:{free_port()},127.0.0.1:{there}"
        topology = topology_from_url(f"redis+sentinel://{hosts}/chat")
        _, port = ask_sentinel(there, "GET-MASTER-ADDR-BY-NAME", "chat")
        assert (await topology.find()).port == int(port)
    with pytest.raises(OSError, match="no sentinel knows the primary: 127"):
        await topology.find()


async def test_why_none_of_them_helps_is_logged(tmp_path: Path) -> None:
    async with watched(tmp_path) as there:
        gone = free_port()
        url = f"redis+sentinel://127.0.0.1:{gone},127.0.0.1:{there}/another"
        reason = await why_away(url)
        assert f"127.0.0.1:{gone}: " in reason
        assert f"127.0.0.1:{there}: it knows no 'another'" in reason


async def test_a_name_that_all_of_them_do_not_know_is_a_wrong_one(tmp_path: Path) -> None:
    async with watched(tmp_path) as there:
        url = f"redis+sentinel://127.0.0.1:{there}/another"
        check = partial(check_redis, namespace="test", refuse_eviction=True)
        with pytest.raises(Unsuitable, match="no sentinel watches a primary called 'another'"):
            await check(topology_from_url(url))
        await check(topology_from_url(f"redis+sentinel://127.0.0.1:{there}/{NAME}"))


async def test_over_tls_and_with_credentials_of_their_own(
    tmp_path: Path, identity: Identity
) -> None:
    listen = (
        f"port {{port}}\nuser default off\nuser guard on >gu@rd/word {LEAST}\n"
        "sentinel auth-user chat app\nsentinel auth-pass chat p@ss/word"
    )
    async with (
        RedisServer(tmp_path, appendonly="no") as server,
        tls_port(identity, partial(trio.open_unix_socket, server.socket)) as port,
        sentinel(tmp_path / "sentinel", port, quorum=1, listen=listen) as plain,
        tls_port(identity, partial(trio.open_tcp_stream, "127.0.0.1", plain)) as there,
    ):
        server.ask("ACL", "SETUSER", "app", "on", ">p@ss/word", "~*", "&*", "+@all")
        url = (
            f"rediss+sentinel://app:p%40ss%2Fword@localhost:{there}/chat"
            f"?ssl_ca_certs={identity.authority}"
        )
        guard = "&sentinel_username=guard&sentinel_password=gu%40rd%2Fword"
        async with link_to(url + guard) as link:
            assert await link.call("ACL", "WHOAMI") == b"app"
        for wrong, reason in (
            (url, "NOAUTH"),
            (url + guard + "s", "WRONGPASS"),
            (url.partition("?")[0] + "?" + guard, "CERTIFICATE_VERIFY_FAILED"),
        ):
            assert reason in await why_away(wrong)


@pytest.mark.parametrize("missing", ["-hello", "-subscribe", "resetchannels"])
async def test_a_sentinel_that_announces_nothing_to_us_is_asked(
    tmp_path: Path, missing: str
) -> None:
    """It also answers in RESP2, to a user who may not ask for RESP3."""
    port = free_port()
    listen = f"port {{port}}\nuser default off\nuser guard on >word {LEAST} {missing}"
    if missing == "-hello":  # which rules cannot take away
        listen += '\nrename-command HELLO ""'
    async with (
        RedisServer(tmp_path, port=port, bind="127.0.0.1", appendonly="no"),
        sentinel(tmp_path / "sentinel", port, quorum=1, listen=listen) as there,
    ):
        own = "sentinel_username=guard&sentinel_password=word"
        async with link_to(f"redis+sentinel://127.0.0.1:{there}/{NAME}?{own}") as link:
            assert await link.call("CLIENT", "GETNAME") == b"test"


def test_the_url_says_where_the_sentinels_are_and_who_we_are_to_whom() -> None:
    topology = topology_from_url(
        "rediss+sentinel://user:pass@one:1,two,[::1]:3/main/4"
        "?ssl_cert_reqs=none&sentinel_username=guard&sentinel_password=w%2Bd"
    )
    assert isinstance(topology, Sentinels)
    assert topology.place == "sentinel/main"
    places = [(s.host, s.port, s.username, s.password) for s in topology.sentinels]
    assert places == [
        ("one", 1, "guard", "w+d"), ("two", 26379, "guard", "w+d"), ("::1", 3, "guard", "w+d"),
    ]  # fmt: skip
    server = topology.server
    assert (server.username, server.password, server.database) == ("user", "pass", 4)
    assert server.must_be_primary
    assert server.tls is not None
    assert all(s.tls is server.tls for s in topology.sentinels)


@pytest.mark.parametrize(
    "url",
    [
        "redis+sentinel://host:1", "redis+sentinel://host:1/", "redis+sentinel:///main",
        "redis+sentinel://host:x/main", "redis+sentinel://host:1,/main",
        "redis+sentinel://host:1/main/x", "redis+sentinel://:secret@host:99999/main",
        "redis+sentinel://host:1/main?sentinel_passwrd=secret",
        "redis+sentinel://host:1/main?sentinel_password=",
        "http+sentinel://host:1/main", "unix+sentinel://host:1/main",
        "rediss+sentinel://:secret@host/main?ssl_ca_certs=/nowhere/ca.pem",
    ],
)  # fmt: skip
def test_a_wrong_url_says_so_without_the_password(url: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        topology_from_url(url)
    assert "secret" not in str(refused.value)
