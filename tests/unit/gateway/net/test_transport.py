"""What every transport does: a socket's, and the one in memory that stands for it in tests."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from gateway.net.transport import SocketTransport, Transport
from tests import PATIENCE
from tests.memory_transport import memory_connection


@contextmanager
def over_a_socket() -> Iterator[tuple[Transport, trio.abc.HalfCloseableStream]]:
    ours, theirs = socket.socketpair()
    for each in (ours, theirs):
        each.setblocking(False)
        each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    with theirs:
        yield SocketTransport(ours), trio.SocketStream(trio.socket.from_stdlib_socket(theirs))


@contextmanager
def in_memory() -> Iterator[tuple[Transport, trio.abc.HalfCloseableStream]]:
    yield memory_connection(4096)


Ends = tuple[Transport, trio.abc.HalfCloseableStream]


@pytest.fixture(params=[over_a_socket, in_memory])
async def ends(request: pytest.FixtureRequest) -> AsyncIterator[Ends]:
    with request.param() as (transport, peer):
        yield transport, peer
        transport.close()


def fill(transport: Transport) -> bytes:
    """Write until no more is taken; gives what was."""
    written = b""
    while True:
        piece = b"%d " % len(written)
        try:
            written += piece[: transport.write(piece)]
        except BlockingIOError:
            return written


async def test_what_is_written_arrives_in_order(ends: Ends) -> None:
    transport, peer = ends
    assert transport.write(b"one ") == 4
    assert transport.write_many([b"two ", b"three"]) == 9
    assert await peer.receive_some() == b"one two three"


async def test_more_is_taken_once_the_peer_has_read(ends: Ends) -> None:
    transport, peer = ends
    written = fill(transport)
    with pytest.raises(BlockingIOError):
        transport.write_many([b"x"])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(transport.wait_writable)
        received = b""
        while len(received) < len(written):
            received += await peer.receive_some()
    assert received == written
    assert transport.write(b"x") == 1


async def test_of_what_is_too_much_the_beginning_is_taken(ends: Ends) -> None:
    transport, peer = ends
    data = bytes(range(256)) * 4096
    taken = transport.write(data)
    assert 0 < taken < len(data)
    received = b""
    while len(received) < taken:
        received += await peer.receive_some()
    assert received == data[:taken]


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
    with pytest.raises(BrokenPipeError):
        transport.write(b"x")
    with pytest.raises(BrokenPipeError):
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
