"""A new TCP connection: an HTTP request or a WebSocket handshake, bounded in time and size."""

from __future__ import annotations

import contextlib
import json
import secrets
from typing import Final

import h11
import structlog
import trio
import trio_websocket

from gateway import wire
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
from gateway.outbox import Outbox, close_frame
from gateway.session import Services, Session

HEAD_SECONDS: Final = 10.0
HELLO_SECONDS: Final = 10.0
CLOSE_SECONDS: Final = 3.0
MAX_HEAD_BYTES: Final = 16 * 1024

ABOUT: Final = (
    "This is a chat gateway.\n"
    f"Connect a WebSocket client to {wire.PATH} (subprotocol {wire.SUBPROTOCOL}).\n"
    "/healthz  the process lives\n/readyz   it can serve\n/metrics  for Prometheus\n"
)

_CLOSE_FRAME: Final = 0x88
_MOST_REASON: Final = 100
_NO_CLOSE_FRAME: Final = 1006
_TOO_BIG_STATUS: Final = 431

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


class Connection:
    """One client's connection, from its first byte to its last."""

    def __init__(self, services: Services, stream: trio.SocketStream) -> None:
        self._services = services
        self._stream = stream
        self._opening = trio.CancelScope()
        self._talking = trio.CancelScope()
        self._closing: Closing | None = None
        self.outbox: Outbox | None = None
        self.client: ClientStream | None = None

    def close(self, closing: Closing) -> None:
        """Have the connection closed, with its code and reason; the first one counts."""
        if self._closing is None:
            self._closing = closing
            self._opening.cancel()
            self._talking.cancel()

    def keep_alive(self, now: float, interval: float) -> None:
        """Ping a client that has been silent for long; give it up after twice that time."""
        if self.client is None or self.outbox is None:
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
        target = _target_of_get(head)
        if target == wire.PATH and b"\nupgrade:" in head.lower():
            await self._serve_websocket(head)
        else:
            with trio.move_on_after(HEAD_SECONDS):
                await self._serve_http(head)

    async def _read_head(self) -> bytes:
        head = b""
        while b"\r\n\r\n" not in head:
            if len(head) > MAX_HEAD_BYTES:
                await self._stream.send_all(_response(_TOO_BIG_STATUS, "The head is too long.\n"))
                return b""
            data = await self._stream.receive_some(4096)
            if not data:
                return b""
            head += data
        return head

    # --- HTTP ---------------------------------------------------------------------------------

    async def _serve_http(self, head: bytes) -> None:
        """Answer one request and close."""
        await self._stream.send_all(self._answer_http(head))
        await self._stream.send_eof()

    def _answer_http(self, head: bytes) -> bytes:
        parser = h11.Connection(h11.SERVER)
        parser.receive_data(head)
        try:
            request = parser.next_event()
        except h11.RemoteProtocolError as error:
            return _response(error.error_status_hint, f"Bad request: {error}\n")
        if not isinstance(request, h11.Request):
            return _response(400, "Bad request.\n")
        path = request.target.split(b"?")[0].decode("ascii", "replace")
        if path == wire.PATH:
            return _response(
                426, "This is a WebSocket endpoint.\n", upgrade=("Upgrade", "websocket")
            )
        if path not in {"/", "/healthz", "/readyz", "/metrics"}:
            return _response(404, "There is nothing here.\n")
        if request.method not in {b"GET", b"HEAD"}:
            return _response(405, "Only GET works here.\n", upgrade=("Allow", "GET, HEAD"))
        response = self._answer_get(path)
        return (
            response.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
            if request.method == b"HEAD"
            else response
        )

    def _answer_get(self, path: str) -> bytes:
        if path == "/healthz":
            return _response(200, "ok\n")
        if path == "/metrics":
            exposition = self._services.metrics.exposition()
            return _response(200, exposition, "text/plain; version=0.0.4; charset=utf-8")
        if path == "/readyz":
            reason = self._services.why_not_ready()
            body = json.dumps({"ready": not reason} | ({"reason": reason} if reason else {}))
            return _response(503 if reason else 200, body + "\n", "application/json")
        return _response(200, ABOUT)

    # --- WebSocket ----------------------------------------------------------------------------

    async def _serve_websocket(self, head: bytes) -> None:
        async with trio.open_nursery() as nursery:
            self.outbox = Outbox(
                self._stream,
                limit=self._services.settings.outbox_bytes,
                start_soon=nursery.start_soon,
                on_overflow=self._overflowed,
            )
            self.client = ClientStream(self._stream, self.outbox, head)
            try:
                websocket = await self._shake_hands(nursery)
                if websocket is not None:
                    await self._talk(websocket)
                    await self._say_goodbye(websocket)
            finally:
                self.outbox.shut()
                nursery.cancel_scope.cancel()

    async def _shake_hands(
        self, nursery: trio.Nursery
    ) -> trio_websocket.WebSocketConnection | None:
        assert self.client is not None  # noqa: S101 - made by the one caller
        with trio.move_on_after(HEAD_SECONDS):
            request = await trio_websocket.wrap_server_stream(
                nursery, self.client, max_message_size=wire.MAX_FRAME_BYTES
            )
            ours = wire.SUBPROTOCOL in request.proposed_subprotocols
            with contextlib.suppress(trio_websocket.ConnectionClosed):
                return await request.accept(subprotocol=wire.SUBPROTOCOL if ours else None)
        return None

    async def _talk(self, websocket: trio_websocket.WebSocketConnection) -> None:
        """Carry out the client's commands until it, or somebody here, closes."""
        assert self.outbox is not None  # noqa: S101 - made by the one caller
        session = Session(self._services, secrets.token_hex(8), self.outbox, self.close)
        remote = self._stream.socket.getpeername()
        log.debug("connected", sid=session.sid, remote=_place(remote))
        try:
            with self._talking:
                await self._hear_hello(websocket, session)
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
            log.info(
                "disconnected", sid=session.sid, nick=session.nick or None, remote=_place(remote),
                **self._how_it_closed(websocket),
            )  # fmt: skip

    async def _hear_hello(
        self, websocket: trio_websocket.WebSocketConnection, session: Session
    ) -> None:
        with trio.move_on_after(HELLO_SECONDS):
            while not session.nick:
                await self._hear(websocket, session)
            log.info(
                "connected", sid=session.sid, nick=session.nick,
                remote=_place(self._stream.socket.getpeername()),
            )  # fmt: skip
            return
        self.close(UNAVAILABLE if self._services.why_not_ready() else NO_HELLO)

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

    async def _say_goodbye(self, websocket: trio_websocket.WebSocketConnection) -> None:
        code, reason = self._closing or NORMAL
        with trio.move_on_after(CLOSE_SECONDS):
            await websocket.aclose(code, reason)
        if self.client is None or self.outbox is None:
            return
        broken = websocket.closed
        if self.outbox.open and broken is not None and broken.code != _NO_CLOSE_FRAME:
            # What breaks the WebSocket protocol, trio-websocket closes without a close frame.
            reason = (broken.reason or "")[:_MOST_REASON]
            self.outbox.finish(close_frame(int(broken.code), reason))
        await self.client.linger()

    def _overflowed(self) -> None:
        self._services.metrics.counts.slow_readers += 1
        self.close(SLOW_READER)


def _target_of_get(head: bytes) -> str | None:
    line = head.partition(b"\r\n")[0].split(b" ")
    if len(line) != 3 or line[0] != b"GET":  # noqa: PLR2004
        return None
    return line[1].partition(b"?")[0].decode("ascii", "replace")


def _place(address: object) -> str:
    return f"{address[0]}:{address[1]}" if isinstance(address, tuple) else str(address)


def _response(
    status: int,
    body: str | bytes,
    content_type: str = "text/plain; charset=utf-8",
    *,
    upgrade: tuple[str, str] | None = None,
) -> bytes:
    """Give a whole HTTP response that ends the connection."""
    payload = body.encode() if isinstance(body, str) else body
    writer = h11.Connection(h11.SERVER)
    headers = [
        ("Content-Type", content_type),
        ("Content-Length", str(len(payload))),
        ("Cache-Control", "no-store"),
        ("Connection", "close"),
    ]
    if upgrade is not None:
        headers.append(upgrade)
    start = writer.send(h11.Response(status_code=status, headers=headers))
    return (start or b"") + payload
