"""HTTP requests and responses as bytes, and a GET over a socket."""

from __future__ import annotations

import trio


def request(path: str, method: str = "GET") -> bytes:
    """Return a request without a body."""
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


class Response:
    """A response taken apart; the names of its headers are in lower case."""

    def __init__(self, data: bytes) -> None:
        head, _, self.body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("ascii").split("\r\n")
        self.status = int(first.split(" ")[1])
        self.headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}


async def http_get(port: int, path: str, *, host: str = "127.0.0.1") -> tuple[int, str]:
    """Send a GET request; return status and body."""
    async with await trio.open_tcp_stream(host, port) as stream:
        await stream.send_all(request(path))
        response = Response(b"".join([chunk async for chunk in stream]))
    return response.status, response.body.decode()
