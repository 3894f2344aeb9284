"""Whom a connection is from, where proxies say so: those that are listed are believed."""

from __future__ import annotations

import pytest
import structlog
from trio.testing import MockClock

from gateway.net.client_address import ClientAddress, peer_address
from gateway.net.proxy_protocol import MOST_V2_BYTES
from tests.http import request
from tests.proxy_headers import LOCAL, SIGNATURE, v1, v2
from tests.unit.gateway.served_connection import PEER, served_connection
from tests.websocket import open_websocket

HERE = "192.0.2.0/24"
"""Where the connections of these tests come from."""
FORWARDED = b"X-Forwarded-For: 1.1.1.1, 203.0.113.7\r\n"


async def client_of(data: bytes, trusted: str = HERE) -> tuple[ClientAddress, int]:
    """Send a request; return who the node takes for the client, and the status."""
    async with served_connection(trusted_proxies=trusted) as opened:
        response = await opened.request(data)
        return opened.connection.client_address, response.status


def with_header(header: bytes) -> bytes:
    return request("/healthz").replace(b"\r\n\r\n", b"\r\n" + header + b"\r\n")


CLIENT = ClientAddress("203.0.113.7", 5000)


@pytest.mark.parametrize(
    ("data", "client"),
    [
        (v1(*CLIENT) + request("/healthz"), CLIENT),
        (v2(*CLIENT) + request("/healthz"), CLIENT),
        (v2("2001:db8::1", 1) + request("/healthz"), ClientAddress("2001:db8::1", 1)),
        (with_header(FORWARDED), ClientAddress("203.0.113.7")),
        (with_header(b"Forwarded: for=203.0.113.7\r\n"), ClientAddress("203.0.113.7")),
        # A proxy in front of a proxy, both listed.
        (v2("192.0.2.9", 1) + with_header(FORWARDED), ClientAddress("203.0.113.7")),
        # What a client has put into its request, behind a proxy that speaks the PROXY protocol.
        (v2(*CLIENT) + with_header(b"X-Forwarded-For: 1.1.1.1\r\n"), CLIENT),
        (b"PROXY UNKNOWN\r\n" + request("/healthz"), PEER),
        # Health checks, with the PROXY protocol and without.
        (LOCAL + request("/healthz"), PEER),
        (request("/healthz"), PEER),
    ],
)
async def test_a_listed_proxy_is_believed(data: bytes, client: ClientAddress) -> None:
    assert await client_of(data) == (client, 200)


@pytest.mark.parametrize("trusted", ["none", "10.0.0.0/8", "192.0.2.2", "::/0"])
async def test_a_stranger_is_not(trusted: str) -> None:
    with structlog.testing.capture_logs() as logs:
        assert await client_of(with_header(FORWARDED), trusted) == (PEER, 200)
        assert logs == []
        for header in (v1(*CLIENT), v2(*CLIENT)):
            assert await client_of(header + request("/healthz"), trusted) == (PEER, 400)
    assert [line["event"] for line in logs] == ["not HTTP"] * 2


@pytest.mark.parametrize("data", [v1(*CLIENT), v2(*CLIENT), with_header(FORWARDED)])
async def test_what_strangers_claim_is_counted(data: bytes) -> None:
    async with served_connection() as opened:
        await opened.request(data)
    assert opened.context.metrics.counts.forwards_ignored == 1


@pytest.mark.parametrize(
    "data",
    [
        b"PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n",
        b"PROXY " + b"x" * 200,
        SIGNATURE + b"\x31",
        SIGNATURE + b"\x21\x11" + MOST_V2_BYTES.to_bytes(2, "big"),
        with_header(b"X-Forwarded-For: nobody\r\n"),
        with_header(b"X-Forwarded-For: 203.0.113.7\r\nForwarded: for=1.1.1.1\r\n"),
        with_header(b"X-Forwarded-For: " + b"1.1.1.1," * 500 + b"1.1.1.1\r\n"),
    ],
)
async def test_what_cannot_be_read_of_a_listed_proxy_is_refused_at_once_with_one_line(
    data: bytes, mock_clock: MockClock
) -> None:
    mock_clock.autojump_threshold = 0.05
    before = mock_clock.current_time()
    with structlog.testing.capture_logs() as logs:
        async with served_connection(trusted_proxies=HERE) as opened:
            response = await opened.request(data)
            assert mock_clock.current_time() == before
    assert (response.status, len(response.body) < 300) == (400, True)
    assert opened.context.metrics.counts.forwards_refused == 1
    [line] = logs
    assert (line["event"], line["log_level"]) == ("bad header of a trusted proxy", "warning")
    assert line["proxy"] == str(PEER)
    assert len(str(line)) < 400


@pytest.mark.parametrize("header", [v1(*CLIENT), v2(*CLIENT), LOCAL])
async def test_a_header_may_come_in_any_pieces(header: bytes) -> None:
    async with served_connection(trusted_proxies=HERE) as opened:
        for byte in header + request("/healthz")[:-1]:
            await opened.client.send_all(bytes((byte,)))
        assert (await opened.request(b"\n")).status == 200
        assert opened.connection.client_address == (PEER if header == LOCAL else CLIENT)


@pytest.mark.parametrize("data", [b"PROX", SIGNATURE[:5], v2(*CLIENT)[:-1], v2(*CLIENT)])
async def test_who_goes_away_before_the_request_is_answered_nothing(data: bytes) -> None:
    async with served_connection(trusted_proxies=HERE) as opened:
        await opened.client.send_all(data)
        await opened.client.send_eof()
        assert await opened.receive_all() == b""


async def test_the_log_names_the_client() -> None:
    with structlog.testing.capture_logs() as logs:
        async with served_connection(trusted_proxies=HERE) as opened:
            await opened.client.send_all(v2(*CLIENT))
            client = await open_websocket(opened.client)
            await client.close()
    assert [line["remote"] for line in logs] == ["203.0.113.7:5000"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (("192.0.2.1", 7), "192.0.2.1:7"),
        (("2001:db8::1", 7, 0, 0), "[2001:db8::1]:7"),
        (("::ffff:192.0.2.1", 7, 0, 0), "192.0.2.1:7"),
        (("fe80::1%eth0", 7, 0, 3), "[fe80::1%eth0]:7"),
    ],
)
def test_the_address_of_a_socket(name: tuple[str, int], text: str) -> None:
    assert str(peer_address(name)) == text
