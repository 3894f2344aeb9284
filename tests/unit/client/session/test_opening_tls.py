"""What is said where TLS is spoken on one side only, or a certificate is not accepted."""

from __future__ import annotations

import os
import re
import socket
import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trio
import trustme

from tests import PATIENCE
from tests.unit.client.session.servers import answering, failure, reason, server
from tests.unit.gateway.served_connection import served_connection

pytestmark = pytest.mark.usefixtures("patient")


class Identity:
    """A certificate of an authority of our own, as a server has it."""

    def __init__(self, *names: str, authority: trustme.CA, expires: datetime | None = None) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*names, not_after=expires).configure_cert(self.context)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """An authority of our own, which is trusted."""
    ours = trustme.CA(organization_name="Our own authority")
    ours.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return ours


OK_BUT_404 = b"HTTP/1.1 404 Not Found\r\n\r\n"


async def test_over_tls_the_rest_is_as_without(authority: trustme.CA) -> None:
    identity = Identity("127.0.0.1", authority=authority)
    async with server(answering(OK_BUT_404), identity.context) as port:
        error = await failure(f"wss://127.0.0.1:{port}/ws")
    assert "no chat server at the path" in str(error)


async def test_a_private_authority_is_named_with_how_to_trust_it(authority: trustme.CA) -> None:
    stranger = trustme.CA(organization_name="Somebody else's authority")
    identity = Identity("127.0.0.1", authority=stranger)
    assert authority is not stranger
    async with server(answering(b""), identity.context) as port:
        error = str(await failure(f"wss://127.0.0.1:{port}/ws"))
    assert "does not trust who has signed the certificate of 127.0.0.1" in error
    assert "Somebody else's authority" in error
    assert "SSL_CERT_FILE=" in error
    assert re.search("SHA-256 ([0-9A-F]{2}:){31}[0-9A-F]{2}", error)


async def test_a_file_of_authorities_that_is_not_there_is_named(
    authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    identity = Identity("127.0.0.1", authority=authority)
    async with server(answering(b""), identity.context) as port:
        error = str(await failure(f"wss://127.0.0.1:{port}/ws"))
    assert f"SSL_CERT_FILE names {tmp_path / 'none.pem'}" in error


async def test_another_hosts_certificate_says_whose_it_is(authority: trustme.CA) -> None:
    identity = Identity("a.example", "b.example", authority=authority)
    async with server(answering(b""), identity.context) as port:
        for host in ("127.0.0.1", "localhost"):
            error = str(await failure(f"wss://{host}:{port}/ws"))
            assert f"is for a.example, b.example, not for {host}" in error


async def test_a_certificate_that_has_expired_says_when(authority: trustme.CA) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    identity = Identity("127.0.0.1", authority=authority, expires=yesterday)
    async with server(answering(b""), identity.context) as port:
        error = str(await failure(f"wss://127.0.0.1:{port}/ws"))
    assert f"has expired ({yesterday.date()})" in error


async def test_tls_to_a_node_without_it_says_what_to_do() -> None:
    async def serve(stream: trio.abc.Stream) -> None:
        async with served_connection() as node:
            await node.client.send_all(bytes(await stream.receive_some()))
            await stream.send_all(await node.receive_all())

    async with server(serve) as port:
        error = str(await failure(f"wss://127.0.0.1:{port}/ws"))
    assert "does not speak TLS" in error
    assert "ws:// instead of wss://" in error


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"", "closed the connection during the TLS handshake"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "does not speak TLS"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "TLS could not be agreed upon: .*protocol version"),
        (b"\x15\x03\x01\x00\x02\x02\x28", "TLS could not be agreed upon: .*handshake failure"),
        (b"\x16\x03\x03\xff\xff" + b"x" * 200, "TLS could not be agreed upon"),
    ],
)
async def test_tls_that_fails(answer: bytes, says: str) -> None:
    assert re.search(says, str(await reason(answer, scheme="wss")))


async def test_a_server_that_demands_a_certificate(authority: trustme.CA) -> None:
    context = Identity("127.0.0.1", authority=authority).context
    context.verify_mode = ssl.CERT_REQUIRED

    def shake_hands(connected: socket.socket) -> None:
        """By the standard library: Trio would not send the alert that says why."""
        connected.settimeout(PATIENCE)
        with suppress(ssl.SSLError), context.wrap_socket(connected, server_side=True):
            raise AssertionError("let in")

    async def serve(stream: trio.abc.Stream) -> None:
        assert isinstance(stream, trio.SocketStream)
        number = os.dup(stream.socket.fileno())
        await trio.to_thread.run_sync(shake_hands, socket.socket(fileno=number))
        await trio.sleep_forever()  # the alert is on its way

    async with server(serve) as port:
        error = str(await failure(f"wss://127.0.0.1:{port}/ws"))
    assert "demands a certificate of its clients" in error


async def test_without_tls_to_a_port_with_it_says_what_to_do(authority: trustme.CA) -> None:
    identity = Identity("127.0.0.1", authority=authority)
    async with server(answering(b""), identity.context) as port:
        error = str(await failure(f"ws://127.0.0.1:{port}/ws"))
    assert "speaks TLS; connect with wss://" in error
