"""Close codes."""

from __future__ import annotations

from tests.conformance.client import check
from tests.conformance.promise import Server, promise, wait_out
from tests.websocket import PING, PONG, TEXT, encode_frame

HELLO_SECONDS = 10.0


@promise("Bytes that are not WebSocket close with 1002, text that is not UTF-8 with 1007")
async def not_websocket(server: Server) -> None:
    unmasked = bytes((0x80 | TEXT, 8)) + b"unmasked"
    for data, expected in (
        (encode_frame(b"{}", 3), 1002),
        (encode_frame(b"x" * 126, PING), 1002),
        (unmasked, 1002),
        (encode_frame(b"\xff\xfe", TEXT), 1007),
    ):
        async with server.someone() as client:
            await client.stream.send_all(data)
            code = await client.closed()
            check(code == expected, "the close code", repr(data[:20]), code, expected)


@promise("A pong that nobody asked for, and an empty ping, do no harm")
async def pongs(server: Server) -> None:
    async with server.someone() as client:
        await client.stream.send_all(encode_frame(b"unasked", PONG) + encode_frame(b"", PING))
        await client.ok("ping")


@promise("Without a hello within 10 seconds the node closes with 4500")
async def no_hello(server: Server) -> None:
    async with server.client() as client:
        await wait_out(server, HELLO_SECONDS, "the time for a hello")
        code = await client.closed()
        check(code == 4500, "the close code is 4500", code)


@promise("A code of one's own comes back as it is")
async def own_code(server: Server) -> None:
    for code in (1000, 1001, 3333, 4999):
        async with server.someone() as client:
            await client.leave(code)
            reason = client.websocket.closed
            check(reason is not None and reason.code == code, "the same code", code, str(reason))
