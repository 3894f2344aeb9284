"""TLS under a write buffer: whatever is read slowly or dropped, records stay whole."""

from __future__ import annotations

import random

import pytest
import trio

from gateway.net.tls import TlsFailed, TlsTransport
from gateway.net.websocket import text_frame
from gateway.net.write_buffer import WriteBuffer
from tests.unit.gateway.net.tls_connection import contexts, over_tls, read_some, socket_pair
from tests.websocket import TEXT, take_frame

CLOSE = b"\x88\x02\x0f\xa1"


async def receive_all(peer: trio.abc.ReceiveStream) -> bytes:
    received = b""
    while data := await peer.receive_some():
        received += data
    return received


@pytest.mark.parametrize("seed", range(8))
async def test_what_is_written_arrives_whole_however_slowly_it_is_read(seed: int) -> None:
    draw = random.Random(seed)
    written = [draw.randbytes(draw.choice([1, 30, 300, 16_384, 16_385, 70_000])) for _ in range(60)]
    async with over_tls() as (transport, peer), trio.open_nursery() as nursery:
        buffer = WriteBuffer(
            transport, limit=1 << 30, start_soon=nursery.start_soon, on_overflow=lambda: None
        )
        received = b""
        for each in written:
            buffer.write(each)
            if buffer.waiting and draw.random() < 0.3:
                received += await peer.receive_some()
        nursery.start_soon(end, buffer, transport)
        assert received + await receive_all(peer) == b"".join(written)


async def end(buffer: WriteBuffer, transport: TlsTransport) -> None:
    await buffer.drained()
    await transport.send_eof()


async def test_after_an_overflow_the_frame_begun_is_completed_and_closed() -> None:
    overflows = 0

    def overflowed() -> None:
        nonlocal overflows
        overflows += 1

    async with over_tls() as (transport, peer), trio.open_nursery() as nursery:
        buffer = WriteBuffer(
            transport, limit=200_000, start_soon=nursery.start_soon, on_overflow=overflowed
        )
        frame, number = text_frame(b"x" * 20_000), 0
        while not overflows:
            buffer.write(frame)
            number += 1
        buffer.write_last(CLOSE)
        nursery.start_soon(end, buffer, transport)
        received = await receive_all(peer)
        assert received.endswith(CLOSE)
        rest = bytearray(received[: -len(CLOSE)])
        while rest:
            assert take_frame(rest) == (TEXT, b"x" * 20_000)
            number -= 1
        assert number > 0, "nothing was dropped"


async def test_a_client_without_tls_is_heard_as_it_is() -> None:
    with socket_pair() as (ours, theirs):
        transport = TlsTransport(ours, contexts()[0])
        await theirs.send_all(b"GET / HTTP/1.1\r\n")
        assert await read_some(transport) == b"GET / HTTP/1.1\r\n"
        assert not transport.encrypted
        transport.close()


@pytest.mark.parametrize("hello", [b"\x16\x03\x01\x00\x05hello", b"\x16" + bytes(600)])
async def test_a_handshake_that_is_none_is_a_lost_connection(hello: bytes) -> None:
    with socket_pair() as (ours, theirs):
        transport = TlsTransport(ours, contexts()[0])
        await theirs.send_all(hello)
        with pytest.raises(TlsFailed):
            await read_some(transport)
        assert transport.encrypted
        transport.close()
