"""Which pages may connect, under which names, and over which ways."""

from __future__ import annotations

import pytest
import structlog

from gateway import config
from gateway.net.client_address import ClientAddress
from tests.http import Response, request
from tests.proxy_headers import v2
from tests.unit.gateway.served_connection import PEER, ServedConnection, served_connection
from tests.websocket import handshake

LOCALHOST = ClientAddress("127.0.0.1", 1234)
OFFICE = "192.0.2.0/24"
"""Where `PEER` is."""
SSL = b"\x20\x00\x05\x01\x00\x00\x00\x00"
NO_SSL = b"\x20\x00\x05\x00\x00\x00\x00\x01"


async def answer(opened: ServedConnection, data: bytes) -> Response:
    """Return the response to a request, also if it opens a WebSocket."""
    await opened.client.send_all(data)
    return Response(bytes(await opened.client.receive_some(4096)))


async def status(origin: str | None, host: str = "chat.example", allowed: str = "same-host") -> int:
    more = "" if origin is None else f"Origin: {origin}\r\n"
    async with served_connection(allowed_origins=allowed) as opened:
        response = await answer(opened, handshake(host, more=more))
        refused = opened.context.metrics.counts.origins_refused
    assert refused == (response.status == 403)
    if response.status == 403:
        assert b"--allowed-origins" in response.body
    return response.status


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (None, "chat.example"),
        ("http://chat.example", "chat.example"),
        ("http://chat.example", "chat.example:80"),
        # TLS ends at a proxy.
        ("https://chat.example", "chat.example"),
        ("https://chat.example", "Chat.Example:443"),
        ("https://chat.example:8443", "chat.example:8443"),
        ("http://localhost:8765", "localhost:8765"),
        ("http://[::1]:8765", "[::1]:8765"),
    ],
)
async def test_pages_of_the_same_host_and_programs_may_connect(
    origin: str | None, host: str
) -> None:
    assert await status(origin, host) == 101


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://evil.example", "chat.example"),
        ("https://chat.example.evil.example", "chat.example"),
        ("https://evilchat.example", "chat.example"),
        ("https://chat.example:8443", "chat.example"),
        ("http://localhost:3000", "localhost:8765"),
        ("https://chat.example", "chat.example:80"),
        ("https://chat.example@evil.example", "chat.example"),
        ("https://chat.example/", "chat.example"),
        ("https://chat.example, https://evil.example", "chat.example"),
        ("https://chat.example\r\nOrigin: https://evil.example", "chat.example"),
        ("chrome-extension://abcdefgh", "abcdefgh"),
        ("null", "null"),
        ("", "chat.example"),
        ("*", "chat.example"),
        ("same-host", "same-host"),
        ("https://" + "a" * 9000, "chat.example"),
    ],
)
async def test_other_pages_may_not(origin: str, host: str) -> None:
    assert await status(origin, host) == 403


@pytest.mark.parametrize(
    ("allowed", "origin", "expected"),
    [
        ("https://chat.example", "https://chat.example", 101),
        ("https://chat.example", "https://chat.example:443", 101),
        ("HTTPS://Chat.Example:443", "https://chat.example", 101),
        ("https://chat.example", "http://chat.example", 403),
        ("https://chat.example", "https://www.chat.example", 403),
        # A list takes the place of the default.
        ("https://chat.example", "https://node.example", 403),
        ("https://chat.example, same-host", "https://node.example", 101),
        ("https://*.chat.example", "https://www.chat.example", 101),
        ("https://*.chat.example", "https://a.b.chat.example", 101),
        ("https://*.chat.example", "https://chat.example", 403),
        ("https://*.chat.example", "https://evilchat.example", 403),
        ("https://*.chat.example", "https://*.chat.example", 101),
        ("chrome-extension://abcdefgh", "chrome-extension://abcdefgh", 101),
        ("null", "null", 101),
        ("*", "null", 101),
        ("*", "https://evil.example", 101),
        ("https://chat.example", None, 101),
    ],
)
async def test_a_list_says_which(allowed: str, origin: str | None, expected: int) -> None:
    assert await status(origin, "node.example", allowed) == expected


@pytest.mark.parametrize(
    ("host", "admitted"),
    [
        ("chat.example", True),
        ("CHAT.example:8765", True),
        ("eu.chat.example", True),
        ("[2001:db8::7]:8765", True),
        ("192.0.2.7", True),
        ("evil.example", False),
        ("chat.example.evil.example", False),
        ("evilchat.example", False),
        ("", False),
        ("192.0.2.8", False),
    ],
)
async def test_only_listed_hosts_are_served(host: str, admitted: bool) -> None:
    listed = "chat.example, *.chat.example 192.0.2.7,[2001:DB8::7]"
    for data in (handshake(host), request("/metrics").replace(b"localhost", host.encode())):
        async with served_connection(allowed_hosts=listed) as opened:
            response = await answer(opened, data)
            assert (response.status in {101, 200}) == admitted
            assert opened.context.metrics.counts.hosts_refused == (not admitted)
        if not admitted:
            assert response.status == 421
            assert b"--allowed-hosts" in response.body


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_probes_come_under_any_name(path: str) -> None:
    async with served_connection(allowed_hosts="chat.example") as opened:
        assert (await answer(opened, request(path))).status == 200


WAYS = [
    # From another machine, and from this one.
    (PEER, False, handshake(), "none", False),
    (PEER, True, handshake(), "none", True),
    (LOCALHOST, False, handshake(), "none", True),
    (ClientAddress("::1", 1), False, handshake(), "none", True),
    # What strangers say.
    (PEER, False, handshake(more="X-Forwarded-Proto: https\r\n"), "none", False),
    (PEER, False, handshake(more="Forwarded: proto=https\r\n"), "10.0.0.0/8", False),
    # What a proxy says.
    (PEER, False, handshake(), OFFICE, False),
    (PEER, False, handshake(more="X-Forwarded-Proto: https\r\n"), OFFICE, True),
    (PEER, False, handshake(more="X-Forwarded-Proto: WSS\r\n"), OFFICE, True),
    (PEER, False, handshake(more="X-Forwarded-Proto: http\r\n"), OFFICE, False),
    (PEER, False, handshake(more="X-Forwarded-Proto: https, http\r\n"), OFFICE, False),
    (PEER, False, handshake(more="Forwarded: for=1.1.1.1;proto=https\r\n"), OFFICE, True),
    (PEER, False, handshake(more='Forwarded: for=1.1.1.1; Proto="https"\r\n'), OFFICE, True),
    (PEER, False, handshake(more="Forwarded: proto=https, for=1.1.1.1\r\n"), OFFICE, False),
    (PEER, False, handshake(more="Forwarded: for=1.1.1.1\r\n"), OFFICE, False),
    (PEER, False, v2("203.0.113.7", 1, extensions=SSL) + handshake(), OFFICE, True),
    (PEER, False, v2("203.0.113.7", 1, extensions=NO_SSL) + handshake(), OFFICE, False),
    (PEER, False, v2("203.0.113.7", 1) + handshake(), OFFICE, False),
    (PEER, True, v2("203.0.113.7", 1) + handshake(), OFFICE, True),
    # The proxy's own way here is encrypted, and the client's to it is not.
    (PEER, True, handshake(more="X-Forwarded-Proto: http\r\n"), OFFICE, False),
    # A proxy on this machine, and one that says that its client is on its own.
    (LOCALHOST, False, handshake(), "127.0.0.1", False),
    (LOCALHOST, False, handshake(more="X-Forwarded-For: 127.0.0.1\r\n"), "127.0.0.1", False),
    (PEER, False, v2("127.0.0.1", 1) + handshake(), OFFICE, False),
    (LOCALHOST, False, handshake(more="X-Forwarded-Proto: https\r\n"), "127.0.0.1", True),
]


@pytest.mark.parametrize(("peer", "encrypted", "data", "trusted", "confidential"), WAYS)
async def test_a_way_is_confidential_if_it_is_encrypted_up_to_this_machine(
    peer: ClientAddress,
    encrypted: bool,
    data: bytes,
    trusted: str,
    confidential: bool,
) -> None:
    async with served_connection(
        peer=peer, encrypted=encrypted, trusted_proxies=trusted, require_encryption="on"
    ) as opened:
        response = await answer(opened, data)
        assert opened.connection.confidential is confidential
        assert opened.context.metrics.counts.unencrypted_refused == (not confidential)
    assert response.status == (101 if confidential else 403)
    if not confidential:
        assert b"wss://" in response.body
        assert b"X-Forwarded-Proto" in response.body


async def test_unencrypted_ways_are_served_unless_a_setting_says_otherwise() -> None:
    async with served_connection() as opened:
        assert (await answer(opened, handshake())).status == 101
        assert not opened.connection.confidential


async def test_a_refusal_is_logged_with_the_client_and_its_reason() -> None:
    with structlog.testing.capture_logs() as logs:
        await status("https://evil.example")
    assert [(line["event"], line["remote"]) for line in logs] == [("not admitted", str(PEER))]
    assert "evil.example" in logs[0]["reason"]


def test_the_three_settings_reload() -> None:
    for name in ("allowed_origins", "allowed_hosts", "require_encryption"):
        assert config.declarations()[name].reloads
