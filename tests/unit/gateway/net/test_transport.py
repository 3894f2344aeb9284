"""What every transport does: a socket's, and the one in memory that stands for it in tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    contextmanager,
)

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from gateway.net.tls import TlsTransport
from gateway.net.transport import SocketTransport, Transport
from tests import PATIENCE
from tests.memory_transport import memory_connection
from tests.unit.gateway.net.tls_connection import contexts, over_tls, socket_pair


@contextmanager
def over_a_socket() -> Iterator[tuple[Transport, trio.abc.HalfCloseableStream]]:
    with socket_pair() as (ours, theirs):
        yield SocketTransport(ours), theirs


@contextmanager
def without_tls_where_it_is_spoken() -> Iterator[tuple[Transport, trio.abc.HalfCloseableStream]]:
    """A client that does not speak TLS, before it has sent anything."""
    with socket_pair() as (ours, theirs):
        yield TlsTransport(ours, contexts()[0]), theirs


@contextmanager
def in_memory() -> Iterator[tuple[Transport, trio.abc.HalfCloseableStream]]:
    yield memory_connection(4096)


Ends = tuple[Transport, trio.abc.HalfCloseableStream]


@pytest.fixture(params=[over_a_socket, over_tls, without_tls_where_it_is_spoken, in_memory])
async def ends(request: pytest.FixtureRequest) -> AsyncIterator[Ends]:
    async with AsyncExitStack() as stack:
        opened = request.param()
        if isinstance(opened, AbstractAsyncContextManager):
            transport, peer = await stack.enter_async_context(opened)
        else:
            transport, peer = stack.enter_context(opened)
        yield transport, peer
        transport.close()


def fill(transport: Transport) -> tuple[bytes, bytes]:
    """Write until no more is taken; gives what was, and what is next."""
    written = b""
    while True:
        piece = b"%d " % len(written)
        try:
            taken = transport.write(piece)
        except BlockingIOError:
            return written, piece
        written += piece[:taken]


async def receive(peer: trio.abc.ReceiveStream, size: int) -> bytes:
    received = b""
    while len(received) < size:
        received += await peer.receive_some()
    return received


async def test_what_is_written_arrives_in_order(ends: Ends) -> None:
    transport, peer = ends
    assert transport.write(b"one ") == 4
    assert transport.write_many([b"two ", b"three"]) == 9
    assert await receive(peer, 13) == b"one two three"


async def test_more_is_taken_once_the_peer_has_read(ends: Ends) -> None:
    transport, peer = ends
    written, rest = fill(transport)
    with pytest.raises(BlockingIOError):
        transport.write_many([rest, b"x"])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(transport.wait_writable)
        assert await receive(peer, len(written)) == written
    assert transport.write_many([rest, b"x"]) == len(rest) + 1


async def test_of_what_is_too_much_the_beginning_is_taken(ends: Ends) -> None:
    transport, peer = ends
    data = bytes(range(256)) * 4096
    taken = transport.write(data)
    assert 0 < taken < len(data)
    assert await receive(peer, taken) == data[:taken]


async def test_what_comes_is_read_in_pieces_and_then_its_end(ends: Ends) -> None:
    transport, peer = ends
    with pytest.raises(BlockingIOError):
        transport.read(10)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(transport.wait_readable)
        await wait_all_tasks_blocked()
        await peer.send_all(b"hello")
    assert (transport.read(2), transport.read(10)) == (b"he", b"llo")
    await peer.send_eof()
    await transport.wait_readable()
    assert transport.read(10) == b""
    assert transport.write(b"still") == 5


async def test_after_the_end_is_sent_reading_goes_on(ends: Ends) -> None:
    transport, peer = ends
    transport.write(b"last")
    await transport.send_eof()
    assert await peer.receive_some() == b"last"
    assert await peer.receive_some() == b""
    await peer.send_all(b"bye")
    await transport.wait_readable()
    assert transport.read(10) == b"bye"
    with pytest.raises(OSError, match=r"."):
        transport.write(b"x")


async def test_writing_to_a_peer_that_has_gone_fails(ends: Ends) -> None:
    transport, peer = ends
    await peer.aclose()
    await transport.wait_readable()
    with pytest.raises(OSError, match=r"."):
        transport.write(b"x")
    with pytest.raises(OSError, match=r"."):
        transport.write_many([b"x"])


async def test_to_close_ends_both_waits(ends: Ends) -> None:
    transport, _ = ends
    fill(transport)
    ended = 0

    async def wait_readable() -> None:
        nonlocal ended
        with pytest.raises(trio.ClosedResourceError):
            await transport.wait_readable()
        ended += 1

    async def wait_writable() -> None:
        nonlocal ended
        with pytest.raises(trio.ClosedResourceError):
            await transport.wait_writable()
        ended += 1

    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait_readable)
            nursery.start_soon(wait_writable)
            await wait_all_tasks_blocked()
            transport.close()
    assert ended == 2
    transport.close()
    with pytest.raises(OSError, match=r"."):
        transport.write(b"x")
