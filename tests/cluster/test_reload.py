"""SIGHUP: a node reads its settings and its certificate again, and keeps every connection."""

from __future__ import annotations

import signal
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trustme

from client.session import open_session
from tests import PATIENCE
from tests.http import Response, request
from tests.nodes import NodeProcess, open_cluster
from tests.ports import HOST, free_port
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.websocket import connect


def replace(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text)
    new.rename(path)


async def test_settings_in_a_file_are_read_again(redis_server: RedisServer, tmp_path: Path) -> None:
    file = tmp_path / "chat.toml"
    file.write_text("max_rooms = 1\nlog_level = 'info'\n")
    async with open_cluster(redis_server, 1, settings=file) as cluster:
        [node] = cluster.nodes
        async with connect(node.url, "alice") as alice:
            await alice.join()
            second = {"type": "join", "room": "second", "id": "2"}
            assert (await alice.ask(second))["type"] == "error"

            replace(file, "max_rooms = 2\nlog_level = 'debug'\nnode_name = 'other'\n")
            node.process.send_signal(signal.SIGHUP)
            line = await node.logged("settings read again")
            assert line["changed"] == "--max-rooms --log-level"
            assert (await node.logged("settings need a restart"))["settings"] == "--node-name"
            assert (await alice.ask(second | {"id": "3"}))["type"] == "ok"

            replace(file, "max_roms = 3\n")
            node.process.send_signal(signal.SIGHUP)
            line = await node.logged("settings not reloaded")
            assert line["reason"].endswith("there is no such setting: did you mean max_rooms?")
            third = {"type": "join", "room": "third", "id": "4"}
            assert (await alice.ask(third))["type"] == "error", "what was read before still holds"


class Authority:
    """Who signs a node's certificates, and where the node reads them."""

    def __init__(self, folder: Path) -> None:
        self._issuer = trustme.CA()
        self.certificate = folder / "chain.pem"
        self.key = folder / "key.pem"
        self.file = folder / "authority.pem"
        self._issuer.cert_pem.write_to_path(self.file)
        self.trust = ssl.create_default_context()
        self._issuer.configure_trust(self.trust)

    def issue(self, *names: str) -> None:
        leaf = self._issuer.issue_cert(*names)
        replace(self.certificate, leaf.cert_chain_pems[0].bytes().decode())
        replace(self.key, leaf.private_key_pem.bytes().decode())


@pytest.fixture
async def node(redis_server: RedisServer, authority: Authority) -> AsyncIterator[NodeProcess]:
    """A node that speaks TLS, and plainly on `plain_port`."""
    async with _tls_node(redis_server, authority) as node:
        yield node


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """An authority that clients trust, and that has issued a certificate for this machine."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    authority.issue(HOST)
    return authority


@asynccontextmanager
async def _tls_node(redis: RedisServer, authority: Authority) -> AsyncIterator[NodeProcess]:
    async with open_cluster(redis, 0) as cluster:
        node = await cluster.add_node(
            host=HOST,
            tls_certificate=authority.certificate,
            tls_key=authority.key,
            plain_port=free_port(),
        )

        async def ready() -> bool:
            return (await ask(node, authority.trust, path="/readyz")).status == 200

        await until(ready, "the node to be ready")
        yield node


async def ask(
    node: NodeProcess, trust: ssl.SSLContext | None, name: str = HOST, *, path: str = "/healthz"
) -> Response:
    """Send a request over TLS, or without."""
    stream: trio.abc.Stream = await trio.open_tcp_stream(node.host, node.port)
    if trust is not None:
        assert isinstance(stream, trio.SocketStream)
        stream = trio.SSLStream(stream, trust, server_hostname=name, https_compatible=True)
    with trio.fail_after(PATIENCE):
        async with stream:
            await stream.send_all(request(path))
            response = b""
            while data := await stream.receive_some():
                response += bytes(data)
    return Response(response)


async def test_people_talk_over_tls_and_beside_it(node: NodeProcess) -> None:
    plain = (await node.logged("listening", tls=False))["port"]
    async with (
        open_session([f"wss://{HOST}:{node.port}/ws"], nick="alice") as a,
        connect(f"ws://{HOST}:{plain}/ws", "bob") as bob,
    ):
        await a.join("lobby")
        await bob.join()
        await a.send("lobby", "x" * 4000)
        assert (await bob.hear_type("message"))["text"] == "x" * 4000


async def test_without_tls_the_port_says_what_it_speaks(
    node: NodeProcess, authority: Authority
) -> None:
    response = await ask(node, None)
    assert response.status == 400
    assert b"use wss:// or https://" in response.body
    assert (await ask(node, authority.trust)).status == 200


async def test_a_certificate_that_is_distrusted_is_logged(
    node: NodeProcess, tmp_path: Path
) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    other = Authority(folder)
    with pytest.raises(trio.BrokenResourceError):
        await ask(node, ssl.create_default_context(cafile=str(other.file)))
    line = await node.logged("TLS failed")
    assert line["reason"] == "the client closed during the handshake: does it trust us?"


async def test_a_new_certificate_is_served_and_connections_are_kept(
    node: NodeProcess, authority: Authority
) -> None:
    async with open_session([f"wss://{HOST}:{node.port}/ws"], nick="alice") as alice:
        await alice.join("lobby")
        authority.issue("chat.example")
        node.process.send_signal(signal.SIGHUP)
        await node.logged("certificate loaded")
        assert (await ask(node, authority.trust, "chat.example")).status == 200
        await alice.send("lobby", "still here")

        replace(authority.key, "nonsense")
        node.process.send_signal(signal.SIGHUP)
        line = await node.logged("certificate not replaced")
        assert "has no private key in PEM" in line["reason"]
        assert (await ask(node, authority.trust, "chat.example")).status == 200
        await alice.send("lobby", "and still")
