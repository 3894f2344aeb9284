"""One WebSocket connection to one node: commands, their answers, and events."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar, cast

import trio
import trio_websocket
import wsproto

from client.addresses import NodeAddress
from client.errors import CannotConnect, NotConfirmed, NotConnected
from client.i18n.server_texts import in_own_words, why_closed
from client.i18n.texts import _
from gateway import wire

CONNECT_SECONDS: Final = 10.0
MAX_FRAME_CHARS: Final = 64 * 1024 * 1024
"""Enough for a list of very many members; nodes bound everything else far below."""

CLOSE_SECONDS: Final = 2.0
PING_SECONDS: Final = 20.0
PONG_SECONDS: Final = 10.0
PROBE_SECONDS: Final = 3.0
"""How long the answer to a ping may take after `ClientConnection.doubt`."""
GOODBYE: Final = 1000
"""The close code that ends the session."""
COMING_BACK: Final = 3000
"""The close code of a client that is going to resume the session."""

_QUEUED_FRAMES: Final = 256

AnswerT = TypeVar("AnswerT", bound=wire.Event)


@dataclass(frozen=True)
class Closed:
    """How a connection ended: the WebSocket close code, and the reason in our words."""

    code: int
    reason: str


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
        except (trio_websocket.HandshakeError, wsproto.utilities.LocalProtocolError) as error:
            self.error = error
        finally:
            self.handshake.cancel()


class _Pending(Generic[AnswerT]):
    """A command that is not answered yet."""

    def __init__(
        self,
        command: wire.Command,
        answer_type: type[AnswerT],
        on_answer: Callable[[AnswerT], Any | None] | None,
    ) -> None:
        self._command, self._answer_type = command, answer_type
        self._on_answer = on_answer
        self.answered = trio.Event()
        self.answer: AnswerT | None = None
        self.error: Exception = self._unanswered(_("the connection was lost"))

    def accept(self, data: str) -> Any | None:  # noqa: ANN401 - the session's own event
        """Decode the answer; return what is to be delivered as an event before any later frame."""
        try:
            self.answer = wire.decode_answer(data, self._answer_type)
        except ValueError as error:
            self.leave_unanswered(_("the answer cannot be read: {error}").format(error=error))
            return None
        self.answered.set()
        return self._on_answer(self.answer) if self._on_answer else None

    def refuse(self, data: str) -> None:
        """Fail with the refusal in a frame."""
        answer = wire.decode_answer(data, wire.Error)
        error = in_own_words(answer, self._command).as_exception()
        error.uncertain = error.uncertain and not self._command.only_reads
        self.fail(error)

    def leave_unanswered(self, reason: str) -> None:
        """Fail because no answer comes, or none that can be read."""
        self.fail(self._unanswered(reason))

    def _unanswered(self, reason: str) -> NotConnected:
        return NotConnected(reason) if self._command.only_reads else NotConfirmed(reason)

    def fail(self, error: Exception) -> None:
        """Fail with an error, unless the command is answered already."""
        if not self.answered.is_set():
            self.error = error
            self.answered.set()


class ClientConnection:
    """An open WebSocket. One task runs `hear`; any task may call `ask`."""

    def __init__(
        self, stream: trio.abc.Stream, websocket: trio_websocket.WebSocketConnection
    ) -> None:
        self._stream = stream
        self._websocket = websocket
        self._pending: dict[str, _Pending[Any]] = {}
        self._suspected = trio.Event()
        self._patience = trio.CancelScope()

    @classmethod
    async def open(cls, nursery: trio.Nursery, url: str) -> ClientConnection:
        """Connect to a node; the connection's task runs in the nursery until `close`.

        :raises CannotConnect: if that fails.
        """
        try:
            with trio.fail_after(CONNECT_SECONDS):
                return await cls._open(nursery, url)
        except trio.TooSlowError:
            raise CannotConnect(_("{url} does not answer").format(url=url)) from None
        except trio_websocket.ConnectionRejected as error:
            reason = _("{url} answered with HTTP status {status}")
            reason = reason.format(url=url, status=error.status_code)
            raise CannotConnect(reason, _retry_after(error)) from None
        except (OSError, ValueError, trio.BrokenResourceError, trio_websocket.HandshakeError) as e:
            raise CannotConnect(f"{url}: {_why(e)}") from e

    @classmethod
    async def _open(cls, nursery: trio.Nursery, url: str) -> ClientConnection:
        # We open the stream ourselves, because trio-websocket does not close it when it was the
        # node that ended the connection.
        address = NodeAddress.from_url(url)
        stream: trio.abc.Stream
        if address.secure:
            stream = await trio.open_ssl_over_tcp_stream(
                address.host, address.port, https_compatible=True
            )
        else:
            stream = await trio.open_tcp_stream(address.host, address.port)
        reading = _ReaderNursery(nursery)
        try:
            with reading.handshake:
                websocket = await trio_websocket.wrap_client_stream(
                    cast("trio.Nursery", reading),
                    stream,
                    address.authority,
                    address.resource,
                    subprotocols=[wire.SUBPROTOCOL],
                    message_queue_size=_QUEUED_FRAMES,
                    max_message_size=MAX_FRAME_CHARS,
                )
                return cls(stream, websocket)
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise
        await trio.aclose_forcefully(stream)
        raise reading.error or CannotConnect(
            _("{url}: closed during the handshake").format(url=url)
        )

    async def ask(
        self,
        command: wire.Command,
        answer_type: type[AnswerT],
        *,
        on_answer: Callable[[AnswerT], Any | None] | None = None,
    ) -> AnswerT:
        """Send a command that has an id and return its answer.

        ``on_answer`` is called synchronously before any later frame is read. What it returns,
        unless that is None, is delivered to ``on_event`` of `hear` in the answer's place.

        :raises CommandError: if the node refuses.
        :raises NotConfirmed: if no answer comes to a command that changes something.
        :raises NotConnected: if the connection was lost before the command was sent, or the answer
            to one that only reads has come.
        """
        if command.id is None:
            raise ValueError("only a command with an id is answered")
        pending = _Pending(command, answer_type, on_answer)
        self._pending[command.id] = pending
        try:
            await self._websocket.send_message(wire.encode(command).decode())
            await pending.answered.wait()
        except trio_websocket.ConnectionClosed as error:
            raise NotConnected(_describe(error.reason)) from None
        finally:
            self._pending.pop(command.id, None)
        if pending.answer is None:
            raise pending.error
        return pending.answer

    async def hear(self, on_event: Callable[[Any], Awaitable[None]]) -> Closed:
        """Read frames until the connection ends, and call ``on_event`` with each event."""
        closed = Closed(1006, why_closed(1006))
        try:
            while True:
                frame = await self._websocket.get_message()
                event = self._read(frame) if isinstance(frame, str) else None
                if event is not None:
                    await on_event(event)
        except trio_websocket.ConnectionClosed as error:
            if error.reason is not None:
                closed = Closed(int(error.reason.code), _describe(error.reason))
        finally:
            for pending in self._pending.values():
                pending.leave_unanswered(closed.reason)
        return closed

    def _read(self, frame: str) -> Any | None:  # noqa: ANN401 - an event, or the session's own
        try:
            if frame.startswith('{"seq":'):
                return wire.decode_event(frame)
            head = wire.head(frame)
            pending = self._pending.get(head.id) if head.id else None
            if pending is None:
                return in_own_words(wire.decode_event(frame))
            if head.type == "error":
                pending.refuse(frame)
                return None
            return pending.accept(frame)
        except ValueError:
            # A frame of a later protocol, or a late answer.
            return None

    async def ping(self) -> None:
        """Send a WebSocket ping and wait for its answer, without a bound."""
        try:
            await self._websocket.ping()
        except trio_websocket.ConnectionClosed as error:
            raise NotConnected(_describe(error.reason)) from None

    async def until_silent(self) -> None:
        """Ping the other side, and return once it does not answer."""
        answered = True
        with suppress(NotConnected):
            while answered:
                self._suspected = trio.Event()
                with trio.move_on_after(PING_SECONDS):
                    await self._suspected.wait()
                patience = PROBE_SECONDS if self._suspected.is_set() else PONG_SECONDS
                with trio.move_on_after(patience) as self._patience:
                    await self.ping()
                answered = not self._patience.cancelled_caught

    def doubt(self) -> None:
        """Make `until_silent` ping at once and wait at most `PROBE_SECONDS` for the answer."""
        self._suspected.set()
        soon = trio.current_time() + PROBE_SECONDS
        self._patience.deadline = min(self._patience.deadline, soon)

    async def close(self, *, patience: float = CLOSE_SECONDS, code: int = GOODBYE) -> None:
        """Close, and wait at most ``patience`` seconds for it; `GOODBYE` ends the session."""
        try:
            with trio.move_on_after(patience):
                await self._websocket.aclose(code)
        finally:
            await trio.aclose_forcefully(self._stream)


def _retry_after(rejected: trio_websocket.ConnectionRejected) -> float | None:
    """Return the seconds in the ``Retry-After`` header of a refused handshake."""
    for name, value in rejected.headers or ():
        if name.lower() == b"retry-after" and value.isdigit():
            return float(value)
    return None


def _why(error: BaseException) -> str:
    """Return the underlying reason of an error that Trio wraps for all addresses tried."""
    if isinstance(error, BaseExceptionGroup):
        return _why(error.exceptions[0])
    if isinstance(error, OSError) and error.strerror:
        # TLS and the resolver have error numbers of their own, which only they can explain. For
        # all others Trio puts the address into the text, so the system's text is better.
        has_own = isinstance(error, (ssl.SSLError, socket.gaierror))
        return error.strerror if has_own or not error.errno else os.strerror(error.errno)
    if error.__cause__ is not None:
        return _why(error.__cause__)
    return str(error) or _("the handshake failed")


def _describe(reason: trio_websocket.CloseReason | None) -> str:
    """Return why a connection was closed; without a close frame that is 1006 (RFC 6455)."""
    return why_closed(int(reason.code), reason.reason) if reason is not None else why_closed(1006)
