"""Opens a WebSocket to a node; whatever goes wrong is said in words, with what to do."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from typing import Final, cast

import trio
import trio_websocket

from client.addresses import NodeAddress
from client.errors import CannotConnect
from client.session.certificates import presented_certificate
from client.session.counted_stream import CountedStream
from client.session.failures import (
    Attempt,
    NoSubprotocol,
    Stage,
    explain,
    is_no_answer,
)
from client.session.refusals import END_OF_HEAD, SWITCHED
from gateway import wire

CONNECT_SECONDS: Final = 10.0
MAX_FRAME_CHARS: Final = 4 * 1024 * 1024
"""The longest frame that is read.

Nodes list at most 1,000 members on a page, and answer with less than 1 MiB by default. Those of
earlier versions sent whole lists in one frame: of 20,000 people, each with a status of 128 bytes.
"""
MOST_ANSWER_BYTES: Final = 16 * 1024
"""Bytes of the answer to the handshake, after which it is broken off."""

_QUEUED_FRAMES: Final = 16


async def open_websocket(
    nursery: trio.Nursery, url: str
) -> tuple[CountedStream, trio_websocket.WebSocketConnection]:
    """Connect to a node; return the stream and the WebSocket over it.

    The WebSocket's reader runs in the nursery until the stream is closed.

    :raises CannotConnect: if that fails, however it does.
    """
    try:
        address = NodeAddress.from_url(url)
    except ValueError as error:
        raise CannotConnect(str(error)) from error
    attempt = Attempt(url, address)
    try:
        with trio.fail_after(CONNECT_SECONDS):
            return await _open(nursery, attempt)
    except Exception as error:
        # Whatever a server, a proxy or a library comes up with: it is this attempt that has failed.
        if attempt.needs_certificate(error):
            attempt.certificate = await presented_certificate(address.host, address.port)
        raise explain(attempt, error) from error


async def _open(
    nursery: trio.Nursery, attempt: Attempt
) -> tuple[CountedStream, trio_websocket.WebSocketConnection]:
    address = attempt.address
    stream: trio.abc.Stream = await trio.open_tcp_stream(address.host, address.port)
    try:
        if address.secure:
            attempt.begin(Stage.TLS)
            stream = await _encrypt(stream, attempt)
        attempt.begin(Stage.HANDSHAKE)
        answer = _Answer(stream, attempt)
        return answer, await _shake_hands(nursery, answer, address)
    except BaseException:
        # We close it ourselves: trio-websocket does not if it was the node that ended it.
        await trio.aclose_forcefully(stream)
        raise


async def _encrypt(stream: trio.abc.Stream, attempt: Attempt) -> trio.abc.Stream:
    encrypted = trio.SSLStream(
        _Answer(stream, attempt),
        ssl.create_default_context(),
        server_hostname=attempt.address.host,
        https_compatible=True,
    )
    await encrypted.do_handshake()
    return encrypted


async def _shake_hands(
    nursery: trio.Nursery, answer: _Answer, address: NodeAddress
) -> trio_websocket.WebSocketConnection:
    reading = _ReaderNursery(nursery)
    with reading.handshake:
        websocket = await trio_websocket.wrap_client_stream(
            cast("trio.Nursery", reading),
            cast("trio.SocketStream", answer),
            address.authority,
            address.resource,
            subprotocols=[wire.SUBPROTOCOL],
            message_queue_size=_QUEUED_FRAMES,
            max_message_size=MAX_FRAME_CHARS,
        )
        if websocket.subprotocol != wire.SUBPROTOCOL:
            raise NoSubprotocol
        answer.attempt.begin(Stage.OPEN)
        return websocket
    raise answer.error or reading.error or ConnectionError("closed during the handshake")


class _Answer(CountedStream):
    """A stream that keeps the beginning of what comes over it, to explain why an attempt fails.

    It breaks off a handshake whose answer is a refusal or never ends.
    """

    def __init__(self, stream: trio.abc.Stream, attempt: Attempt) -> None:
        super().__init__(stream)
        self._stage = attempt.stage
        self.attempt = attempt
        self.error: trio.BrokenResourceError | None = None
        """Why nothing more can be received; trio-websocket would lose it."""

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        try:
            data = await super().receive_some(max_bytes)
            if self.attempt.stage is self._stage:
                self._keep(data)
        except trio.BrokenResourceError as error:
            self.error = error
            raise
        return data

    def _keep(self, data: bytes | bytearray) -> None:
        received = self.attempt.received
        if self._stage is Stage.TLS:
            received += data[: MOST_ANSWER_BYTES - len(received)]
            return
        received += data
        if is_no_answer(received):
            raise trio.BrokenResourceError("the answer is not HTTP")
        is_complete = END_OF_HEAD.search(received) is not None
        if len(received) > MOST_ANSWER_BYTES and not is_complete:
            raise trio.BrokenResourceError("the answer never ends")
        if is_complete and not SWITCHED.match(received):
            raise trio.BrokenResourceError("the answer is a refusal")


class _ReaderNursery:
    """The nursery that is given to trio-websocket, which starts one reader task in it.

    It keeps the exception of the reader, which would otherwise end our nursery: a node that
    refuses the handshake or breaks it off ends the reader and nothing else.
    """

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self.handshake = trio.CancelScope()
        self.error: Exception | None = None

    def start_soon(self, reader: Callable[[], Awaitable[None]]) -> None:
        """Start the reader, the only task of trio-websocket."""
        self._nursery.start_soon(self._read, reader)

    async def _read(self, reader: Callable[[], Awaitable[None]]) -> None:
        try:
            await reader()
        except Exception as error:  # noqa: BLE001 - of any library, over what a server has sent
            self.error = error
        finally:
            self.handshake.cancel()
