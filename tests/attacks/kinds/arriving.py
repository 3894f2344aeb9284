"""Attacks before a hello: connections, handshakes, HTTP requests, and forged origins."""

from __future__ import annotations

import os
import ssl
import struct
from itertools import cycle
from typing import Final

import trio

from tests import http
from tests.attacks.crowd import Attacker, Crowd
from tests.websocket import handshake

FORGED_NETWORK: Final = "203.0.113."
"""Where forged headers say that an attacker is: a network for documentation, so nobody's."""
_BYTE_SECONDS: Final = 0.3
_ANSWER_SECONDS: Final = 0.5
"""How long an attacker waits for an answer to what is no request."""
_PROXY_V2: Final = b"\r\n\r\n\0\r\nQUIT\n"


async def connections(crowd: Crowd) -> None:
    """Open connections and reset them, as fast as possible.

    May cost nothing that lasts.
    """

    async def act(_: Attacker) -> None:
        await trio.lowlevel.checkpoint()

    await crowd.each(act)


async def idle_connections(crowd: Crowd) -> None:
    """Open connections and say nothing, until the node closes them.

    May keep open as many as one address may have, for the seconds in which a head must come.
    """
    await crowd.each(Attacker.read_to_end)


async def slow_heads(crowd: Crowd) -> None:
    """Send the head of a handshake byte by byte (slowloris).

    May keep open as many connections as one address may have, each until its head is overdue.
    """

    async def act(attacker: Attacker) -> None:
        for byte in handshake():
            await attacker.send(bytes((byte,)))
            await trio.sleep(_BYTE_SECONDS)

    await crowd.each(act)


async def no_hello(crowd: Crowd) -> None:
    """Open WebSockets and never say hello.

    May keep open as many as one address may have that have said nothing, each for 10 s.
    """

    async def act(attacker: Attacker) -> None:
        await attacker.upgrade()
        await attacker.read()

    await crowd.each(act)


async def silent_sessions(crowd: Crowd) -> None:
    """Say hello, and then nothing more.

    May keep as many sessions as one address may have, and their nicknames.
    """

    async def act(attacker: Attacker) -> None:
        await attacker.come_in()
        await attacker.read()

    await crowd.each(act)


async def handshakes(crowd: Crowd) -> None:
    """Open WebSockets and reset them, as fast as possible.

    May use up its own share of new connections, and nobody else's.
    """
    await crowd.each(Attacker.upgrade)


async def metrics_requests(crowd: Crowd) -> None:
    """Ask for /metrics, /healthz and /readyz, as fast as possible.

    May use up its own share of requests; and none of them is expensive.
    """
    await _request(crowd, "/metrics", "/healthz", "/readyz")


async def page_requests(crowd: Crowd) -> None:
    """Ask for /, for pages that do not exist, and for the WebSocket's path, as fast as possible.

    May use up its own share of requests.
    """
    await _request(crowd, "/", "/favicon.ico", "/wp-login.php", "/ws", "/" + 8_000 * "a")


async def _request(crowd: Crowd, *paths: str) -> None:
    requests = cycle([http.request(path) for path in paths])

    async def act(attacker: Attacker) -> None:
        await attacker.send(next(requests))
        await attacker.response()
        await attacker.read_to_end()

    await crowd.each(act)


async def tls_hello(crowd: Crowd) -> None:
    """Send a TLS ClientHello, or random bytes, to a port that speaks HTTP.

    May cost nothing that lasts.
    """
    sent = cycle((_client_hello(), os.urandom(512)))

    async def act(attacker: Attacker) -> None:
        await attacker.send(next(sent))
        with trio.move_on_after(_ANSWER_SECONDS):
            await attacker.response()

    await crowd.each(act)


def _client_hello() -> bytes:
    received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    try:
        context.wrap_bio(received, sent, server_hostname="chat.example").do_handshake()
    except ssl.SSLWantReadError:
        return sent.read()
    raise AssertionError("there is nobody to shake hands with")


async def forged_addresses(crowd: Crowd) -> None:
    """Name another address in each handshake: PROXY v1 and v2, X-Forwarded-For, Forwarded.

    May not pass for another address in the log, nor get around a limit by it.
    """
    numbers = cycle(range(1, 255))

    async def act(attacker: Attacker) -> None:
        address = f"{FORGED_NETWORK}{next(numbers)}"
        match next(numbers) % 3:
            case 0:
                await attacker.send(f"PROXY TCP4 {address} 127.0.0.1 5000 80\r\n".encode())
                await attacker.come_in()
            case 1:
                await attacker.send(_proxy_v2(address))
                await attacker.come_in()
            case _:
                headers = f"X-Forwarded-For: {address}\r\nX-Real-IP: {address}\r\n"
                await attacker.come_in(headers=f"{headers}Forwarded: for={address}\r\n")

    await crowd.each(act)


def _proxy_v2(address: str) -> bytes:
    parts = bytes(map(int, address.split(".")))
    addresses = parts + bytes((127, 0, 0, 1)) + struct.pack("!HH", 5000, 80)
    return _PROXY_V2 + b"\x21\x11" + struct.pack("!H", len(addresses)) + addresses


async def cross_origin(crowd: Crowd) -> None:
    """Connect as a page of another site does in a visitor's browser, and say hello.

    May get no handshake at all.
    """

    async def act(attacker: Attacker) -> None:
        await attacker.come_in(headers="Origin: https://elsewhere.example\r\n")

    await crowd.each(act)
