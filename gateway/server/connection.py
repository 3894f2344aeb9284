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
from gateway.net.client_address import ClientAddress
from gateway.net.proxy_protocol import BadProxyHeader, read_proxy_header
from gateway.net.tls import TlsFailed
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
from gateway.server.http.forwarded import BadForwarded, forwarded_client, is_forwarded
from gateway.server.http.request import BadRequest, NotHttp, RequestReader
from gateway.server.http.response import without_body
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
        "_must_encrypt",
        "_open",
        "_scope",
        "_transport",
        "client_address",
        "heard_at",
        "write_buffer",
    )  # fmt: skip

    def __init__(
        self,
        context: NodeContext,
        transport: Transport,
        peer: ClientAddress,
        start_soon: Callable[[Callable[[], Awaitable[None]]], None],
        *,
        must_encrypt: bool = False,
    ) -> None:
        """Serve a client over a connected transport.

        - ``peer``: who has connected: the client, or a proxy in front of it;
        - ``start_soon``: starts the task that writes while the client reads slowly; it ends with
          the connection;
        - ``must_encrypt``: a request without TLS is refused.
        """
        self._context = context
        self._transport = transport
        self._must_encrypt = must_encrypt
        self.client_address = peer
        """The client's address; until its request has been read, that of who has connected."""
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
        rest = await self._answer_request()
        if self._open:
            await self._serve_websocket(rest)

    async def _answer_request(self) -> bytes:
        """Answer the client's request, if there is one; return the bytes after its head."""
        reader = RequestReader()
        try:
            request = await self._read_request(reader)
            if request is None:
                return b""
            self._find_client(request)
            response = self._respond(request)
        except BadRequest as error:
            response = self._refuse(error)
        if reader.method == b"HEAD":
            response = without_body(response)
        self.write_buffer.write(response)
        self._answered = True
        return reader.rest

    async def _read_request(self, reader: RequestReader) -> h11.Request | None:
        """Return the request that the client sends; None if the connection ends before."""
        data = await self._receive()
        if data and self.client_address.is_in(self._context.settings.trusted_proxies):
            data = await self._skip_proxy_header(data)
        while data:
            if (request := reader.receive(data)) is not None:
                return request
            data = await self._receive()
        return None

    async def _skip_proxy_header(self, data: bytes) -> bytes:
        """Read the PROXY header of a trusted proxy, if it sends one; return the bytes after it."""
        try:
            while (header := read_proxy_header(data)) is None:
                if not (more := await self._receive()):
                    return b""
                data += more
        except BadProxyHeader as error:
            raise self._distrust(f"PROXY protocol: {error}") from None
        self.client_address = header.source or self.client_address
        return data[header.size :] or await self._receive()

    def _find_client(self, request: h11.Request) -> None:
        """Take the client's address from the request, if a trusted proxy has sent it."""
        if not is_forwarded(request):
            return
        trusted = self._context.settings.trusted_proxies
        if not self.client_address.is_in(trusted):
            self._context.metrics.counts.forwards_ignored += 1
            return
        try:
            self.client_address = forwarded_client(request, self.client_address, trusted)
        except BadForwarded as error:
            raise self._distrust(str(error)) from None

    def _distrust(self, problem: str) -> BadRequest:
        """Return why the request is refused: a proxy's word about the client cannot be read."""
        self._context.metrics.counts.forwards_refused += 1
        log.warning("bad header of a trusted proxy", proxy=str(self.client_address), reason=problem)
        return BadRequest(400, problem)

    def _respond(self, request: h11.Request) -> bytes:
        """Return the response to a request; set `_open` if it opens the WebSocket."""
        if self._must_encrypt and not self._transport.encrypted:
            return endpoints.bad_request(400, "this port speaks TLS: use wss:// or https://")
        try:
            if not endpoints.wants_websocket(request):
                return endpoints.respond(request, self._context)
            response = accept_handshake(request, wire.SUBPROTOCOL)
            if (retry_after := self._context.admit()) is not None:
                self._context.metrics.counts.turned_away += 1
                return endpoints.unavailable(retry_after)
        except BadHandshake as error:
            return endpoints.bad_handshake(error)
        except BadRequest:
            raise
        except Exception:
            log.exception("request failed", remote=str(self.client_address))
            return endpoints.internal_error()
        self._open = True
        return response

    def _refuse(self, error: BadRequest) -> bytes:
        """Return the response to what is no request."""
        counts = self._context.metrics.counts
        if isinstance(error, NotHttp):
            counts.not_http += 1
            counts.forwards_ignored += error.is_proxy_header
            log.info("not HTTP", remote=str(self.client_address), reason=str(error))
        return endpoints.bad_request(error.status, str(error))

    async def _receive(self) -> bytes:
        """Wait for bytes and return them; empty if the client closed or the connection is lost."""
        while True:
            await self._transport.wait_readable()
            try:
                data = self._transport.read(_RECEIVE_BYTES)
            except BlockingIOError:
                continue
            except OSError as error:
                self._note_failed_tls(error)
                return b""
            self.heard_at = trio.current_time()
            return data

    def _note_failed_tls(self, error: OSError) -> None:
        """Log that a handshake of TLS failed, if it did: a client may distrust our certificate."""
        if isinstance(error, TlsFailed) and not self._answered:
            self._context.metrics.counts.tls_failures += 1
            log.info("TLS failed", remote=str(self.client_address), reason=str(error))

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
        log.info(event, sid=sid, nick=nick, remote=str(self.client_address), **more)

    def _how_it_closed(self) -> dict[str, object]:
        if self._closing is not None:
            return {"by": "node", "code": self._closing.code, "reason": self._closing.reason}
        return {"by": "client", "code": self._client_left or _NO_CLOSE_FRAME}

    def _overflowed(self) -> None:
        self._context.metrics.counts.slow_readers += 1
        self.close(SLOW_READER)
