"""What is put into a write buffer comes out: all of it, in order, or else whole frames."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import wait_all_tasks_blocked

from gateway.net.transport import SocketTransport
from gateway.net.websocket import text_frame
from gateway.net.write_buffer import WaitingTotal, WriteBuffer
from tests import PATIENCE
from tests.websocket import TEXT, take_frame

CLOSE = b"\x88\x02\x0f\xa1"


class Wire:
    """A write buffer with a small socket buffer behind it, and the other end of the socket."""

    def __init__(
        self, nursery: trio.Nursery, limit: int, total: WaitingTotal | None = None
    ) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.transport = SocketTransport(ours)
        self.peer = trio.SocketStream(trio.socket.from_stdlib_socket(theirs))
        self.writers = 0
        self.overflows = 0
        self._nursery = nursery
        self.write_buffer = WriteBuffer(
            self.transport,
            limit=limit,
            start_soon=self._start,
            on_overflow=self._overflowed,
            total=total,
        )

    def _start(self, writer: Callable[[], Awaitable[None]]) -> None:
        self.writers += 1
        self._nursery.start_soon(writer)

    def _overflowed(self) -> None:
        self.overflows += 1

    def received_already(self) -> bytes:
        """Read what has arrived, without letting any other task run."""
        received = b""
        with socket.socket(fileno=socket.dup(self.peer.socket.fileno())) as plain:
            plain.setblocking(False)
            try:
                while chunk := plain.recv(65536):
                    received += chunk
            except BlockingIOError:
                pass
        return received

    async def receive_everything(self) -> bytes:
        """Read until the write buffer is drained and its socket closed."""
        received = b""

        async def read() -> None:
            nonlocal received
            async for chunk in self.peer:
                received += chunk

        with trio.fail_after(PATIENCE):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(read)
                await self.write_buffer.drained()
                await self.transport.send_eof()
        return received


@asynccontextmanager
async def wire(limit: int = 1 << 20, total: WaitingTotal | None = None) -> AsyncIterator[Wire]:
    async with trio.open_nursery() as nursery:
        opened = Wire(nursery, limit, total)
        async with opened.peer:
            yield opened
            opened.write_buffer.abort()
            opened.transport.close()
            nursery.cancel_scope.cancel()


def frame(number: int, size: int) -> bytes:
    """Give a recognisable frame with ``size`` bytes of payload."""
    return text_frame((b"%d " % number * size)[:size])


def frames_of(data: bytes) -> list[bytes]:
    """Cut bytes into the text frames they are made of, up to a closing frame."""
    rest, frames = bytearray(data), []
    while frame := take_frame(rest):
        frames.append(text_frame(frame.payload) if frame.opcode == TEXT else CLOSE)
    assert not rest, "a frame was cut off"
    return frames


def fill(opened: Wire, count: int, size: int = 3000) -> list[bytes]:
    """Write frames that nobody reads; gives them."""
    frames = [frame(number, size) for number in range(count)]
    for each in frames:
        opened.write_buffer.write(each)
    assert opened.write_buffer.waiting, "more was written than the socket takes"
    return frames


@pytest.mark.parametrize(
    ("size", "header"),
    [
        (0, b"\x81\x00"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65535, b"\x81\x7e\xff\xff"),
        (65536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_frames_have_the_shortest_header_for_their_size(size: int, header: bytes) -> None:
    assert text_frame(b"x" * size) == header + b"x" * size


async def test_what_the_socket_takes_is_sent_at_once() -> None:
    async with wire() as opened:
        opened.write_buffer.write(frame(1, 10))
        opened.write_buffer.write(frame(2, 10))
        assert opened.received_already() == frame(1, 10) + frame(2, 10)
        assert opened.write_buffer.waiting == 0
        assert opened.writers == 0
        await opened.write_buffer.drained()


@given(sizes=st.lists(st.integers(0, 20_000), min_size=1, max_size=120))
@settings(max_examples=40, deadline=None)
async def test_any_sizes_arrive_byte_for_byte(sizes: list[int]) -> None:
    frames = [frame(number, size) for number, size in enumerate(sizes)]
    async with wire(limit=1 << 24) as opened:
        for each in frames:
            opened.write_buffer.write(each)
        assert await opened.receive_everything() == b"".join(frames)


@given(
    sizes=st.lists(st.integers(1, 9_000), min_size=1, max_size=40),
    reads=st.lists(st.integers(0, 30_000), max_size=40),
)
@settings(max_examples=40, deadline=None)
async def test_writes_between_reads_keep_their_order(sizes: list[int], reads: list[int]) -> None:
    frames = [frame(number, size) for number, size in enumerate(sizes)]
    received = b""
    async with wire(limit=1 << 24) as opened:
        for index, each in enumerate(frames):
            opened.write_buffer.write(each)
            if reads[index : index + 1] > [0]:
                received += await opened.peer.receive_some(reads[index])
                await wait_all_tasks_blocked()
        received += await opened.receive_everything()
    assert received == b"".join(frames)


async def test_the_writer_lives_only_while_something_waits() -> None:
    async with wire() as opened:
        for round_number in range(1, 4):
            frames = fill(opened, 40)
            received = b""
            while len(received) < len(b"".join(frames)):
                received += await opened.peer.receive_some()
            await opened.write_buffer.drained()
            assert opened.writers == round_number
            opened.write_buffer.write(frame(1, 10))
            assert opened.received_already() == frame(1, 10), "straight to the socket again"


async def test_drained_waits_for_the_reader() -> None:
    async with wire() as opened, trio.open_nursery() as nursery:
        fill(opened, 40)
        drained = False

        async def wait() -> None:
            nonlocal drained
            await opened.write_buffer.drained()
            drained = True

        nursery.start_soon(wait)
        await wait_all_tasks_blocked()
        assert not drained
        await opened.receive_everything()
        await wait_all_tasks_blocked()
        assert drained


async def test_the_closing_frame_goes_behind_what_waits_and_is_the_last() -> None:
    async with wire() as opened:
        frames = fill(opened, 40)
        opened.write_buffer.write_last(CLOSE)
        opened.write_buffer.write(frame(99, 10))
        assert await opened.receive_everything() == b"".join(frames) + CLOSE


async def test_as_much_as_the_limit_may_wait_behind_one_write() -> None:
    async with wire(limit=60_000) as opened:
        opened.write_buffer.write(frame(1, 300_000))
        for _ in range(600):
            opened.write_buffer.write(b"x" * 100)
        assert opened.overflows == 0
        opened.write_buffer.write(b"x")
        assert opened.overflows == 1


async def test_overflow_drops_the_queue_and_says_so_once() -> None:
    async with wire(limit=60_000) as opened:
        while not opened.overflows:
            opened.write_buffer.write(frame(1, 3000))
        waiting = opened.write_buffer.waiting
        assert waiting <= len(frame(1, 3000)), "at most the frame that was begun is left"
        for _ in range(50):
            opened.write_buffer.write(frame(2, 3000))
        assert opened.overflows == 1
        assert opened.write_buffer.waiting == waiting


@given(
    sizes=st.lists(st.integers(1, 9_000), min_size=1, max_size=5),
    read_first=st.integers(0, 20_000),
)
@settings(max_examples=40, deadline=None)
async def test_after_an_overflow_come_whole_frames_and_the_closing_frame(
    sizes: list[int], read_first: int
) -> None:
    async with wire(limit=70_000) as opened:
        written: list[bytes] = []
        received = b""
        while not opened.overflows:
            written.append(frame(len(written), sizes[len(written) % len(sizes)]))
            opened.write_buffer.write(written[-1])
            if read_first and opened.write_buffer.waiting:
                received += await opened.peer.receive_some(read_first)
                await wait_all_tasks_blocked()
                read_first = 0
        opened.write_buffer.write_last(CLOSE)
        *frames, last = frames_of(received + await opened.receive_everything())
        assert last == CLOSE
        assert frames == written[: len(frames)], "in order, and none left out before the end"
        assert opened.overflows == 1


async def test_one_write_over_the_limit_is_sent_whole_and_is_no_overflow() -> None:
    """Many messages may be due at once, after Redis was away: nobody was slow to read them."""
    async with wire(limit=60_000) as opened:
        burst = frame(1, 300_000)
        opened.write_buffer.write(burst)
        assert opened.overflows == 0
        opened.write_buffer.write(frame(2, 10))
        opened.write_buffer.write_last(CLOSE)
        assert await opened.receive_everything() == burst + frame(2, 10) + CLOSE


async def test_what_is_under_way_at_an_overflow_is_sent_whole() -> None:
    async with wire(limit=60_000) as opened:
        burst = frame(1, 300_000)
        opened.write_buffer.write(burst)
        opened.write_buffer.write(frame(2, 60_000))
        assert opened.overflows == 1
        opened.write_buffer.write_last(CLOSE)
        assert await opened.receive_everything() == burst + CLOSE


async def test_abort_drops_everything_and_wakes_who_waits() -> None:
    async with wire() as opened, trio.open_nursery() as nursery:
        fill(opened, 40)
        nursery.start_soon(opened.write_buffer.drained)
        await wait_all_tasks_blocked()
        opened.write_buffer.abort()
        with trio.fail_after(PATIENCE):
            await opened.write_buffer.drained()
        assert opened.write_buffer.broken
        assert opened.write_buffer.waiting == 0
        taken = opened.received_already()
        opened.write_buffer.write(frame(1, 10))
        opened.write_buffer.write_last(CLOSE)
        await wait_all_tasks_blocked()
        assert opened.received_already() == b""
        assert taken


async def test_a_reader_who_is_gone_breaks_the_buffer_quietly() -> None:
    async with wire() as opened:
        await opened.peer.aclose()
        opened.write_buffer.write(frame(1, 10))
        assert opened.write_buffer.broken
        opened.write_buffer.write(frame(2, 10))
        opened.write_buffer.write_last(CLOSE)
        assert opened.write_buffer.waiting == 0
        await opened.write_buffer.drained()
        assert opened.overflows == 0


@pytest.mark.parametrize("whose", ["peer's", "own"])
async def test_an_end_that_closes_while_something_waits_ends_the_wait(whose: str) -> None:
    async with wire() as opened, trio.open_nursery() as nursery:
        fill(opened, 40)
        nursery.start_soon(opened.write_buffer.drained)
        await wait_all_tasks_blocked()
        if whose == "own":
            opened.transport.close()
        else:
            await opened.peer.aclose()
        with trio.fail_after(PATIENCE):
            await opened.write_buffer.drained()
        assert opened.write_buffer.broken
        assert opened.write_buffer.waiting == 0


async def test_what_waits_for_all_is_counted_until_it_is_sent_or_dropped() -> None:
    total = WaitingTotal(1 << 30)
    async with wire(total=total) as one, wire(total=total) as other:
        fill(one, 50)
        fill(other, 80)
        assert total.bytes == one.write_buffer.waiting + other.write_buffer.waiting
        await one.receive_everything()
        assert total.bytes == other.write_buffer.waiting > 0
        other.write_buffer.overflow()
        assert other.overflows == 1
        assert 0 < total.bytes == other.write_buffer.waiting <= len(frame(1, 3000))
        other.write_buffer.abort()
        assert total.bytes == 0


async def test_too_much_for_all_drops_the_longest_queues() -> None:
    total = WaitingTotal(100_000)
    async with wire(total=total) as one, wire(total=total) as other:
        fill(one, 30)
        frames = fill(other, 20)
        assert (one.overflows, other.overflows) == (1, 0)
        assert total.bytes <= 100_000
        assert frames_of(await other.receive_everything()) == frames
