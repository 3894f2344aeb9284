"""One client's connection: an HTTP request, or a WebSocket, bounded in time and size."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Final

import h11
import structlog
import trio

from gateway import wire
from gateway.net import shares
from gateway.net.transport import Transport
from gateway.net.websocket import (
    PING,
    BadHandshake,
    CloseReceived,
    FrameReader,
    ProtocolViolation,
    ReplyDue,
    accept_handshake,
    close_frame,
    text_frame,
)
from gateway.net.write_buffer import WriteBuffer
from gateway.server.http import endpoints
from gateway.sessions.context import NodeContext
from gateway.sessions.dispatcher import CommandDispatcher
from gateway.sessions.session import Session
from gateway.wire.close_codes import (
    INTERNAL,
    NO_HELLO,
    NORMAL,
    SILENT,
    SLOW_READER,
    UNAVAILABLE,
    Close,
)

HEAD_SECONDS: Final = 10.0
"""Seconds in which a client must send an HTTP head."""
HELLO_SECONDS: Final = 10.0
"""Seconds from the handshake in which a hello must succeed."""
CLOSE_SECONDS: Final = 3.0
"""Seconds in which the client may read the last bytes and close its side."""
MAX_HEAD_BYTES: Final = 16 * 1024

_RECEIVE_BYTES: Final = 4096
_NO_CLOSE_FRAME: Final = 1006

log = structlog.get_logger("connection")


class Connection:
    """One client's connection, from its first byte to its last, in one task.

    It uses a `Transport`, since Trio's streams would cost a system call more for each read, and
    memory for each client.
    """

    __slots__ = (
        "_answered",
        "_client_left",
        "_closing",
        "_context",
        "_open",
        "_remote",
        "_scope",
        "_transport",
        "heard_at",
        "write_buffer",
    )  # fmt: skip

    def __init__(
        self,
        context: NodeContext,
        transport: Transport,
        remote: str,
        start_soon: Callable[[Callable[[], Awaitable[None]]], None],
    ) -> None:
        """Serve a client over a connected transport.

        - ``remote``: the client's address, for the log;
        - ``start_soon``: starts the task that writes while the client reads slowly; it ends with
          the connection.
        """
        self._context = context
        self._transport = transport
        self._remote = remote
        self._scope = trio.CancelScope()
        self._closing: Close | None = None
        self._client_left: int | None = None
        self._answered = self._open = False
        self.heard_at = trio.current_time()
        self.write_buffer = WriteBuffer(
            transport,
            limit=context.settings.outbox_bytes,
            start_soon=start_soon,
            on_overflow=self._overflowed,
        )

    def close(self, closing: Close) -> None:
        """Close the connection soon, with a code and a reason; the first call counts."""
        if self._closing is None:
            self._closing = closing
            self._scope.cancel()

    def send(self, event: wire.Event) -> None:
        """Send an event, if the WebSocket is open."""
        if self._open:
            self.write_buffer.write(text_frame(wire.encode(event)))

    def keep_alive(self, now: float, interval: float) -> None:
        """Ping a client that has been silent for an interval; close after twice as long.

        Reading what waits for it counts as a sign of life: its pongs come only after that.
        """
        if self.write_buffer.moved:
            self.write_buffer.moved = False
            self.heard_at = now
        silent = now - self.heard_at
        if not self._open or silent <= interval:
            return
        if silent > 2 * interval:
            self.close(SILENT)
        else:
            self.write_buffer.write(PING)

    async def serve(self) -> None:
        """Serve the client until the connection ends, and close the transport."""
        try:
            with self._scope:
                await self._serve()
            if self._open and self._client_left is None:
                self.write_buffer.write_last(close_frame(self._closing or NORMAL))
            if self._answered:
                with trio.move_on_after(CLOSE_SECONDS):
                    await self._linger()
        finally:
            self.write_buffer.abort()
            self._transport.close()

    async def _serve(self) -> None:
        self._scope.deadline = trio.current_time() + HEAD_SECONDS
        head, rest = await self._read_head()
        if head:
            self.write_buffer.write(self._respond(head))
            self._answered = True
        if self._open:
            await self._serve_websocket(rest)

    def _respond(self, head: bytes) -> bytes:
        """Return the response to a request; set `_open` if it opens the WebSocket."""
        try:
            request = endpoints.parse_request(head)
            if not endpoints.wants_websocket(request):
                return endpoints.respond(request, self._context)
            response = accept_handshake(request, wire.SUBPROTOCOL)
            if (retry_after := self._context.admit()) is not None:
                self._context.metrics.counts.turned_away += 1
                return endpoints.unavailable(retry_after)
        except h11.RemoteProtocolError as error:
            return endpoints.bad_request(error.error_status_hint, str(error))
        except BadHandshake as error:
            return endpoints.bad_handshake(str(error))
        except Exception:
            log.exception("request failed", remote=self._remote)
            return endpoints.internal_error()
        self._open = True
        return response

    async def _read_head(self) -> tuple[bytes, bytes]:
        """Return an HTTP head and the bytes after it; empty if there is no complete one.

        Responds if the head is too long.
        """
        head = b""
        while b"\r\n\r\n" not in head:
            if len(head) > MAX_HEAD_BYTES:
                self.write_buffer.write(endpoints.HEAD_TOO_LONG)
                self._answered = True
                return b"", b""
            data = await self._receive()
            if not data:
                return b"", b""
            head += data
        head, end, rest = head.partition(b"\r\n\r\n")
        return head + end, rest

    async def _receive(self) -> bytes:
        """Wait for bytes and return them; empty if the client closed or the connection is lost."""
        while True:
            await self._transport.wait_readable()
            try:
                data = self._transport.read(_RECEIVE_BYTES)
            except BlockingIOError:
                continue
            except OSError:
                return b""
            self.heard_at = trio.current_time()
            return data

    async def _linger(self) -> None:
        """Wait until the client has read the last frames and closed its side.

        Closing while bytes from the client are unread would reset the connection, and the client
        might not receive the close frame.
        """
        await self.write_buffer.drained()
        try:
            await self._transport.send_eof()
        except OSError:
            return  # the client has gone
        while await self._receive():
            pass

    # --- WebSocket ----------------------------------------------------------------------------

    async def _serve_websocket(self, data: bytes) -> None:
        """Carry out the client's commands until the client or this node closes."""
        dispatcher = CommandDispatcher(self._context, self.write_buffer, self)
        self._scope.deadline = trio.current_time() + HELLO_SECONDS
        try:
            await self._read_frames(dispatcher, data)
        except ProtocolViolation as broken:
            self._closing = broken.closing
        except Exception:
            # It ends this connection, not the node; the client reconnects.
            sid = "" if dispatcher.session is None else dispatcher.session.sid
            log.exception("session failed", sid=sid)
            self._closing = INTERNAL
        finally:
            dispatcher.end(goodbye=self._client_left == NORMAL.code)
            if dispatcher.session is None and self._closing is None and self._scope.cancel_called:
                self._closing = UNAVAILABLE if self._context.why_not_ready() else NO_HELLO
            self._log("disconnected", dispatcher.session, **self._how_it_closed())

    async def _read_frames(self, dispatcher: CommandDispatcher, data: bytes) -> None:
        reader = FrameReader(wire.MAX_FRAME_BYTES)
        data = data or await self._receive()
        while data:
            for number, frame in enumerate(reader.receive(data)):
                if number:
                    await trio.lowlevel.checkpoint()  # a read may bring very many
                if isinstance(frame, ReplyDue):
                    self.write_buffer.write(frame.frame)
                elif isinstance(frame, CloseReceived):
                    self._client_left = frame.code
                    self.write_buffer.write_last(frame.echo)
                    return
                else:
                    await self._carry_out(dispatcher, frame)
            data = await self._receive()

    async def _carry_out(self, dispatcher: CommandDispatcher, frame: str | bytes) -> None:
        """Carry out a command, once most of what was sent has been read: answers do not pile up."""
        if self.write_buffer.waiting > shares.backlog(self.write_buffer.limit):
            await self.write_buffer.drained()
        was_first = dispatcher.session is None
        await dispatcher.handle(frame)
        if was_first and dispatcher.session is not None:
            self._scope.deadline = math.inf
            self._log("connected", dispatcher.session)

    def _log(self, event: str, session: Session | None, **more: object) -> None:
        sid, nick = ("", "") if session is None else (session.sid, session.nick)
        log.info(event, sid=sid, nick=nick, remote=self._remote, **more)

    def _how_it_closed(self) -> dict[str, object]:
        if self._closing is not None:
            return {"by": "node", "code": self._closing.code, "reason": self._closing.reason}
        return {"by": "client", "code": self._client_left or _NO_CLOSE_FRAME}

    def _overflowed(self) -> None:
        self._context.metrics.counts.slow_readers += 1
        self.close(SLOW_READER)
