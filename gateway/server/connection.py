"""One client's connection: an HTTP request, or a WebSocket, bounded in time and size."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
import trio

from gateway import wire
from gateway.net import shares
from gateway.net.client_address import ClientAddress
from gateway.net.tls import TlsFailed
from gateway.net.transport import Transport
from gateway.net.websocket import (
    PING,
    CloseReceived,
    FrameReader,
    ProtocolViolation,
    ReplyDue,
    close_frame,
    text_frame,
)
from gateway.net.write_buffer import WriteBuffer
from gateway.server.client_request import ClientRequest
from gateway.sessions.context import NodeContext
from gateway.sessions.dispatcher import CommandDispatcher
from gateway.sessions.record import SessionRecord
from gateway.sessions.session import Session
from gateway.wire.close_codes import (
    INTERNAL,
    JWT_EXPIRED,
    NO_HELLO,
    NORMAL,
    SESSION_OVER,
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
        "_answered", "_client_left", "_closing", "_context", "_ended", "_ends_at", "_open",
        "_read_at", "_request", "_scope", "_transport", "heard_at", "write_buffer",
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
        self._request = ClientRequest(context, transport, peer, must_encrypt=must_encrypt)
        self._scope = trio.CancelScope()
        self._closing: Close | None = None
        self._client_left: int | None = None
        self._answered = self._open = False
        self.heard_at = self._read_at = trio.current_time()
        self._ends_at = 0.0
        self._ended: SessionRecord | None = None
        """The session that has become too old over this connection."""
        self.write_buffer = WriteBuffer(
            transport,
            limit=context.settings.outbox_bytes,
            start_soon=start_soon,
            on_overflow=self._overflowed,
            total=context.waiting,
        )

    @property
    def client_address(self) -> ClientAddress:
        """The client's address; until its request has been read, that of who has connected."""
        return self._request.client_address

    @property
    def limited_as(self) -> str | None:
        """What stands for the client in limits by address; None if it is exempt from them."""
        return self._request.slot.address

    @property
    def confidential(self) -> bool:
        """Whether nobody between the client and this machine can read what is sent."""
        return self._request.confidential

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

        Reading what waits for it counts as a sign of life: its pongs come only after that. One that
        sends, and has read nothing of what waits for twice the interval, is closed, too.
        """
        if self.write_buffer.moved:
            self.write_buffer.moved = False
            self.heard_at = self._read_at = now
        elif not self.write_buffer.waiting:
            self._read_at = now
        elif self._open and now - self._read_at > 2 * interval:
            self.write_buffer.overflow()
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
            if self._ended is not None:  # its client may want the nickname at once
                with trio.move_on_after(CLOSE_SECONDS):
                    await self._context.registry.released(self._ended)
            if self._open and self._client_left is None:
                self.write_buffer.write_last(close_frame(self._closing or NORMAL))
            if self._answered:
                with trio.move_on_after(CLOSE_SECONDS):
                    await self._linger()
        finally:
            self.write_buffer.abort()
            self._transport.close()
            self._request.slot.release()

    async def _serve(self) -> None:
        self._scope.deadline = trio.current_time() + HEAD_SECONDS
        if (refusal := self._request.admit()) is not None:
            await self._refuse_at_once(refusal)
            return
        if response := await self._request.answer(self._receive):
            self.write_buffer.write(response)
            self._answered = True
        if self._request.opens_websocket:
            self._open = True
            await self._serve_websocket(self._request.rest)

    async def _refuse_at_once(self, response: bytes) -> None:
        """Send a response without waiting for a request."""
        if response:
            with contextlib.suppress(OSError):  # closing with bytes unread resets the connection
                self._transport.read(_RECEIVE_BYTES)
            self.write_buffer.write(response)
        await trio.lowlevel.checkpoint()

    async def _receive(self) -> bytes:
        """Wait for bytes and return them; empty if the client closed or the connection is lost."""
        while True:
            await self._transport.wait_readable()
            await self._context.turns.begin(self.limited_as)
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
            self._context.bounded_log.info(
                "TLS failed", remote=str(self.client_address), reason=str(error)
            )

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
            if self._closing is None and self._client_left is None and self._scope.cancel_called:
                self._closing = self._why_timed_out(dispatcher.session)
            is_over = self._closing is SESSION_OVER
            dispatcher.end(goodbye=is_over or self._client_left == NORMAL.code)
            if is_over and dispatcher.session is not None:
                self._ended = dispatcher.session.record
            self._log("disconnected", dispatcher.session, **self._how_it_closed())

    def _why_timed_out(self, session: Session | None) -> Close:
        if session is not None:
            return JWT_EXPIRED if session.record.account else SESSION_OVER
        return UNAVAILABLE if self._context.why_not_ready() else NO_HELLO

    async def _read_frames(self, dispatcher: CommandDispatcher, data: bytes) -> None:
        reader = FrameReader(wire.MAX_FRAME_BYTES)
        data = data or await self._receive()
        while data:
            before = reader.frames
            for number, frame in enumerate(reader.receive(data)):
                if number:  # a read may bring very many
                    await self._context.turns.begin(self.limited_as)
                if isinstance(frame, ReplyDue):
                    self.write_buffer.write(frame.frame)
                elif isinstance(frame, CloseReceived):
                    self._client_left = frame.code
                    self.write_buffer.write_last(frame.echo)
                    return
                else:
                    await self._carry_out(dispatcher, frame)
            if wait := dispatcher.pace(max(1, reader.frames - before)):
                self._context.metrics.counts.throttled += 1
                await trio.sleep(wait)
            data = await self._receive()

    async def _carry_out(self, dispatcher: CommandDispatcher, frame: str | bytes) -> None:
        """Carry out a command, once most of what was sent has been read: answers do not pile up."""
        if self.write_buffer.waiting > shares.backlog(self.write_buffer.limit):
            await self.write_buffer.drained()
        before, session = dispatcher.session, await dispatcher.handle(frame)
        if session is None:
            return
        if before is None:
            self._request.slot.identified()
            self._note_unencrypted()
        if session is not before:
            self._log("connected", session)
        if session.ends_at != self._ends_at:
            self._ends_at = self._scope.deadline = session.ends_at

    def _note_unencrypted(self) -> None:
        """Log that secrets come unencrypted, if they do: once in a while for the whole node."""
        if not self.confidential and self._context.unencrypted.is_due(trio.current_time()):
            log.warning(
                "a client's secret came unencrypted from another machine; use TLS, and see "
                "--require-encryption",
                remote=str(self.client_address),
            )

    def _log(self, event: str, session: Session | None, **more: object) -> None:
        """Log what has become of the WebSocket; bounded for strangers, and for each address."""
        sid, nick = ("", "") if session is None else (session.sid, session.nick)
        more = {"sid": sid, "nick": nick, "remote": str(self.client_address)} | more
        if session is not None and self.limited_as is None:
            log.info(event, **more)
        else:
            self._context.bounded_log.info(event, (session and self.limited_as) or "", **more)

    def _how_it_closed(self) -> dict[str, object]:
        """Return who has closed the WebSocket, and how; count that."""
        counts = self._context.metrics.counts
        if self._closing is not None:
            counts.count_closing("node", self._closing.code)
            return {"by": "node", "code": self._closing.code, "reason": self._closing.reason}
        code = self._client_left or _NO_CLOSE_FRAME
        counts.count_closing("client", code)
        return {"by": "client", "code": code}

    def _overflowed(self) -> None:
        self._context.metrics.counts.slow_readers += 1
        self.close(SLOW_READER)
