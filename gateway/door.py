"""A new TCP connection: an HTTP request or a WebSocket handshake, bounded in time and size."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Awaitable, Callable
from typing import Final, cast

import structlog
import trio
import trio_websocket
import wsproto

from gateway import endpoints, wire
from gateway.closing import (
    INTERNAL,
    NO_HELLO,
    NORMAL,
    SILENT,
    SLOW_READER,
    TOO_BIG,
    UNAVAILABLE,
    Closing,
)
from gateway.outbox import Outbox, close_frame, text_frame
from gateway.session import Services, Session

HEAD_SECONDS: Final = 10.0
HELLO_SECONDS: Final = 10.0
CLOSE_SECONDS: Final = 3.0
MAX_HEAD_BYTES: Final = 16 * 1024

_CLOSE_FRAME: Final = 0x88
_MOST_REASON: Final = 100
_NO_CLOSE_FRAME: Final = 1006

log = structlog.get_logger("door")


class ClientStream(trio.abc.Stream):
    """A client's socket as trio-websocket sees it.

    What trio-websocket sends (handshake, pongs, close) goes through the outbox, so that it keeps
    its place among the broadcast frames that are written past trio-websocket.
    """

    def __init__(self, stream: trio.SocketStream, outbox: Outbox, head: bytes) -> None:
        self._stream = stream
        self._outbox = outbox
        self._head = head
        self._receiving = False
        self._done = False
        self.handshake = trio.CancelScope()
        """Ends when trio-websocket refuses the handshake, which it tells in no other way."""
        self.heard_at = trio.current_time()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Put a whole frame, or the handshake's answer, into the outbox."""
        await trio.lowlevel.checkpoint()
        if self._outbox.broken:
            raise trio.BrokenResourceError
        if data and data[0] == _CLOSE_FRAME:
            self._outbox.finish(bytes(data))
        else:
            self._outbox.offer(bytes(data))

    async def wait_send_all_might_not_block(self) -> None:
        """Return at once: the outbox takes everything."""
        await trio.lowlevel.checkpoint()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Give the bytes read with the HTTP head first, then what comes."""
        if self._done:
            await trio.lowlevel.checkpoint()
            raise trio.ClosedResourceError
        if self._head:
            await trio.lowlevel.checkpoint()
            head, self._head = self._head, b""
            return head
        self._receiving = True
        try:
            data = await self._stream.receive_some(max_bytes)
        finally:
            self._receiving = False
        self.heard_at = trio.current_time()
        return data

    async def aclose(self) -> None:
        """Take note that trio-websocket is done; the connection's end is `linger`'s to make."""
        self._done = True
        self.handshake.cancel()
        await trio.lowlevel.checkpoint()

    async def linger(self) -> None:
        """End the connection in good order: have the last frames read, then wait for its end.

        To close while bytes of the client's are unread would reset the connection, and could
        destroy the close frame on its way.
        """
        with (
            trio.move_on_after(CLOSE_SECONDS),
            contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError),
        ):
            await self._outbox.drained()
            await self._stream.send_eof()
            while not self._receiving and await self._stream.receive_some():
                pass


class _ReaderNursery:
    """Where trio-websocket starts its reader; an answer that comes too late must not break us.

    A ping that crosses our close frame makes wsproto refuse to send the pong.
    """

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self.goodbye = trio.CancelScope()
        """Ends with the reader: then nobody will read the client's answer to our close frame."""

    def start_soon(self, reader: Callable[[], Awaitable[None]]) -> None:
        """Start the one task that trio-websocket has."""
        self._nursery.start_soon(self._read, reader)

    async def _read(self, reader: Callable[[], Awaitable[None]]) -> None:
        try:
            await reader()
        except wsproto.utilities.LocalProtocolError as error:
            log.debug("reader ended", reason=str(error))
        finally:
            self.goodbye.cancel()


class Connection:
    """One client's connection, from its first byte to its last."""

    def __init__(self, services: Services, stream: trio.SocketStream) -> None:
        self._services = services
        self._stream = stream
        self._opening = trio.CancelScope()
        self._talking = trio.CancelScope()
        self._closing: Closing | None = None
        self._open = False
        self.outbox: Outbox | None = None
        self.client: ClientStream | None = None

    def close(self, closing: Closing) -> None:
        """Have the connection closed, with its code and reason; the first one counts."""
        if self._closing is None:
            self._closing = closing
            self._opening.cancel()
            self._talking.cancel()

    def tell(self, event: wire.Event) -> None:
        """Send an event, if the client is there to hear it."""
        if self._open and self.outbox is not None:
            self.outbox.offer(text_frame(wire.encode(event)))

    def keep_alive(self, now: float, interval: float) -> None:
        """Ping a client that has been silent for long; give it up after twice that time."""
        if self.client is None or self.outbox is None or not self._open:
            return
        silent = now - self.client.heard_at
        if silent > 2 * interval:
            self.close(SILENT)
        elif silent > interval:
            self.outbox.offer(b"\x89\x00")

    async def serve(self) -> None:
        """Serve the connection until it is over."""
        head = b""
        with self._opening:
            self._opening.deadline = trio.current_time() + HEAD_SECONDS
            head = await self._read_head()
        if not head:
            return
        if endpoints.wants_websocket(head):
            await self._serve_websocket(head)
        else:
            with trio.move_on_after(HEAD_SECONDS):
                await self._stream.send_all(endpoints.answer(head, self._services))
                await self._stream.send_eof()

    async def _read_head(self) -> bytes:
        head = b""
        while b"\r\n\r\n" not in head:
            if len(head) > MAX_HEAD_BYTES:
                await self._stream.send_all(endpoints.HEAD_TOO_LONG)
                return b""
            data = await self._stream.receive_some(4096)
            if not data:
                return b""
            head += data
        return head

    # --- WebSocket ----------------------------------------------------------------------------

    async def _serve_websocket(self, head: bytes) -> None:
        async with trio.open_nursery() as nursery:
            outbox = self.outbox = Outbox(
                self._stream,
                limit=self._services.settings.outbox_bytes,
                start_soon=nursery.start_soon,
                on_overflow=self._overflowed,
            )
            reading = _ReaderNursery(nursery)
            client = self.client = ClientStream(self._stream, outbox, head)
            try:
                websocket = await self._shake_hands(reading, client)
                if websocket is not None:
                    self._open = True
                    await self._talk(websocket, outbox)
                    await self._say_goodbye(websocket, outbox, reading.goodbye)
                await client.linger()
            finally:
                outbox.shut()
                nursery.cancel_scope.cancel()

    async def _shake_hands(
        self, reading: _ReaderNursery, client: ClientStream
    ) -> trio_websocket.WebSocketConnection | None:
        with client.handshake:
            client.handshake.deadline = trio.current_time() + HEAD_SECONDS
            request = await trio_websocket.wrap_server_stream(
                cast("trio.Nursery", reading), client, max_message_size=wire.MAX_FRAME_BYTES
            )
            ours = wire.SUBPROTOCOL in request.proposed_subprotocols
            with contextlib.suppress(trio_websocket.ConnectionClosed):
                return await request.accept(subprotocol=wire.SUBPROTOCOL if ours else None)
        return None

    async def _talk(self, websocket: trio_websocket.WebSocketConnection, outbox: Outbox) -> None:
        """Carry out the client's commands until it, or somebody here, closes."""
        session = Session(self._services, secrets.token_hex(8), outbox, self.close)
        remote = _place_of_peer(self._stream)
        try:
            with self._talking:
                await self._hear_hello(websocket, session)
                log.info("connected", sid=session.sid, nick=session.nick, remote=remote)
                while self._closing is None:
                    await self._hear(websocket, session)
        except trio_websocket.ConnectionClosed:
            pass
        except Exception:
            # One client's connection, never the node: say what happened and let it come back.
            log.exception("session failed", sid=session.sid)
            self._closing = INTERNAL
        finally:
            session.end()
            how = self._how_it_closed(websocket)
            log.info("disconnected", sid=session.sid, nick=session.nick, remote=remote, **how)

    async def _hear_hello(
        self, websocket: trio_websocket.WebSocketConnection, session: Session
    ) -> None:
        with trio.move_on_after(HELLO_SECONDS):
            while not session.nick:
                await self._hear(websocket, session)
            return
        self.close(UNAVAILABLE if self._services.why_not_ready() else NO_HELLO)
        await trio.lowlevel.checkpoint()

    async def _hear(self, websocket: trio_websocket.WebSocketConnection, session: Session) -> None:
        data = await websocket.get_message()
        # trio-websocket counts characters; the limit is in bytes.
        if isinstance(data, str) and len(data) * 4 > wire.MAX_FRAME_BYTES < len(data.encode()):
            self.close(TOO_BIG)
        else:
            await session.handle(data)

    def _how_it_closed(self, websocket: trio_websocket.WebSocketConnection) -> dict[str, object]:
        if self._closing is not None:
            return {"by": "node", "code": self._closing.code, "reason": self._closing.reason}
        reason = websocket.closed
        return {"by": "client", "code": int(reason.code) if reason else 1006}

    async def _say_goodbye(
        self,
        websocket: trio_websocket.WebSocketConnection,
        outbox: Outbox,
        patience: trio.CancelScope,
    ) -> None:
        code, reason = self._closing or NORMAL
        with patience:
            patience.deadline = trio.current_time() + CLOSE_SECONDS
            await websocket.aclose(code, reason)
        broken = websocket.closed
        if outbox.open and broken is not None and broken.code != _NO_CLOSE_FRAME:
            # What breaks the WebSocket protocol, trio-websocket closes without a close frame.
            reason = (broken.reason or "")[:_MOST_REASON]
            outbox.finish(close_frame(int(broken.code), reason))

    def _overflowed(self) -> None:
        self._services.metrics.counts.slow_readers += 1
        self.close(SLOW_READER)


def _place_of_peer(stream: trio.SocketStream) -> str:
    try:
        host, port = stream.socket.getpeername()[:2]
    except OSError:
        return "gone"
    return f"{host}:{port}"
