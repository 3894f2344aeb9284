"""A client that is given a host and a port alone: with TLS where there is TLS, and never back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import trio

from client.session import CannotConnect, Connected, Disconnected, open_session
from tests import PATIENCE
from tests.backplane.tls import Identity, tls_port
from tests.nodes import NodeProcess, open_cluster
from tests.ports import HOST
from tests.redis_server import RedisServer


@pytest.fixture
async def node(redis_server: RedisServer) -> AsyncIterator[NodeProcess]:
    async with open_cluster(redis_server, 1) as cluster:
        yield cluster.nodes[0]


@pytest.fixture
def identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Identity:
    """A certificate for this machine that clients trust."""
    made = Identity(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.authority))
    return made


class Listener:
    """A server without TLS that keeps what it hears."""

    def __init__(self) -> None:
        self.heard = b""
        self.came = trio.Event()

    async def serve(self, stream: trio.SocketStream) -> None:
        self.came.set()
        async for chunk in stream:
            self.heard += chunk
            await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")


class TlsFront:
    """TLS in front of a node, until `end`."""

    def __init__(self, identity: Identity, node: NodeProcess) -> None:
        self._identity, self._node = identity, node
        self._running = trio.CancelScope()
        self._ended = trio.Event()

    async def run(self, *, task_status: trio.TaskStatus[int]) -> None:
        behind = partial(trio.open_tcp_stream, HOST, self._node.port)
        with self._running:
            async with tls_port(self._identity, behind) as port:
                task_status.started(port)
                await trio.sleep_forever()
        self._ended.set()

    async def end(self) -> None:
        self._running.cancel()
        await self._ended.wait()


async def test_without_tls_it_is_ws(node: NodeProcess) -> None:
    async with open_session([f"{HOST}:{node.port}"], nick="alice") as session:
        connected = await session.events.receive()
        assert isinstance(connected, Connected)
        assert connected.url == node.url
        assert session.tls_hosts == frozenset()


async def test_with_tls_it_is_wss_and_never_less(node: NodeProcess, identity: Identity) -> None:
    listener = Listener()
    reasons: list[str] = []
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            front = TlsFront(identity, node)
            port = await nursery.start(front.run)
            async with open_session([f"{HOST}:{port}"], nick="alice") as session:
                connected = await session.events.receive()
                assert isinstance(connected, Connected)
                assert connected.url == f"wss://{HOST}:{port}/ws"
                assert session.tls_hosts == {HOST}
                await front.end()
                # Somebody takes the place of the node, and would gladly hear of the session.
                await nursery.start(partial(trio.serve_tcp, listener.serve, port, host=HOST))
                while len(reasons) < 3:
                    event = await session.events.receive()
                    if isinstance(event, Disconnected):
                        reasons.append(event.reason)
                        session.retry_now()
            nursery.cancel_scope.cancel()
    assert listener.came.is_set()
    assert "has spoken TLS, and is not talked to without" in reasons[-1]
    assert b"GET" not in listener.heard


async def test_what_was_remembered_holds_for_another_session(node: NodeProcess) -> None:
    with pytest.raises(CannotConnect, match=r"has spoken TLS.* give its address with ws://"):
        async with open_session([f"{HOST}:{node.port}"], nick="alice", tls_hosts=[HOST]):
            raise AssertionError("let in")
    async with open_session([node.url], nick="alice", tls_hosts=[HOST]) as session:
        assert session.connected, "who says ws:// means it"


async def test_an_untrusted_certificate_is_no_reason_to_do_without(
    node: NodeProcess, tmp_path: Path
) -> None:
    behind = partial(trio.open_tcp_stream, HOST, node.port)
    async with tls_port(Identity(tmp_path), behind) as port:
        with pytest.raises(CannotConnect, match="wss://"):
            async with open_session([f"{HOST}:{port}"], nick="alice"):
                raise AssertionError("let in")
