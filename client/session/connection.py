"""One WebSocket connection to one node: commands, their answers, and events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import trio
import trio_websocket

from client.errors import NotConfirmed, NotConnected
from client.i18n.server_texts import FAREWELLS, in_own_words, why_closed
from client.i18n.texts import _
from client.session.counted_stream import CountedStream
from client.session.incoming import EventT, WrongFrame, read_answer, read_event, read_head
from client.session.opening import open_websocket
from client.text.visible import visible
from gateway import wire

CLOSE_SECONDS: Final = 2.0
PING_SECONDS: Final = 20.0
PONG_SECONDS: Final = 10.0
PROBE_SECONDS: Final = 3.0
"""How long the answer to a ping may take after `ClientConnection.doubt`."""
MOST_WRONG_FRAMES: Final = 100
"""How many frames that are wrong are dropped; the next one ends the connection."""
_PROTOCOL_ERROR: Final = 1002
GOODBYE: Final = 1000
"""The close code that ends the session."""
COMING_BACK: Final = 3000
"""The close code of a client that is going to resume the session."""

AnswerT = TypeVar("AnswerT", bound=wire.Event)


@dataclass(frozen=True)
class Closed:
    """How a connection ended: the WebSocket close code, and the reason in our words."""

    code: int
    reason: str


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
        """Decode the answer; return what is to be delivered as an event before any later frame.

        :raises WrongFrame: if it is wrong; the command has failed then.
        """
        self.answer = self._read(data, self._answer_type)
        self.answered.set()
        return self._on_answer(self.answer) if self._on_answer else None

    def refuse(self, data: str) -> None:
        """Fail with the refusal in a frame; :raises WrongFrame: if that is wrong."""
        refusal = in_own_words(self._read(data, wire.Error), self._command).as_exception()
        refusal.uncertain = refusal.uncertain and not self._command.only_reads
        self.fail(refusal)

    def leave_unanswered(self, reason: str) -> None:
        """Fail because no answer comes, or none that can be read."""
        self.fail(self._unanswered(reason))

    def _read(self, data: str, kind: type[EventT]) -> EventT:
        try:
            return read_answer(data, kind)
        except WrongFrame as error:
            self.leave_unanswered(_("the answer cannot be read: {error}").format(error=error))
            raise

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
        self, stream: CountedStream, websocket: trio_websocket.WebSocketConnection
    ) -> None:
        self._stream = stream
        self._websocket = websocket
        self.wrong_frames = 0
        """How many frames were dropped because they were wrong."""
        self._pending: dict[str, _Pending[Any]] = {}
        self._suspected = trio.Event()
        self._patience = trio.CancelScope()

    @classmethod
    async def open(cls, nursery: trio.Nursery, url: str) -> ClientConnection:
        """Connect to a node; the connection's task runs in the nursery until `close`.

        :raises CannotConnect: if that fails.
        """
        return cls(*await open_websocket(nursery, url))

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
        """Read frames until the connection ends, and call ``on_event`` with each event.

        A server of which more than `MOST_WRONG_FRAMES` are wrong is not listened to any more.
        """
        closed = Closed(1006, why_closed(1006))
        farewell = ""
        try:
            while self.wrong_frames <= MOST_WRONG_FRAMES:
                event = self._read(await self._websocket.get_message())
                if isinstance(event, wire.Notice) and event.code in FAREWELLS:
                    farewell = event.message
                elif event is not None:
                    await on_event(event)
            closed = Closed(_PROTOCOL_ERROR, _("the server sends what this client cannot read"))
        except trio_websocket.ConnectionClosed as error:
            if error.reason is not None:
                code = int(error.reason.code)
                is_final = not wire.may_reconnect(code)
                closed = Closed(code, (is_final and farewell) or _describe(error.reason))
        finally:
            for pending in self._pending.values():
                pending.leave_unanswered(closed.reason)
        return closed

    def _read(self, frame: str | bytes) -> Any | None:  # noqa: ANN401 - or the session's own
        """Return the event in a frame, if there is one; a frame that is wrong is only counted."""
        try:
            return self._decode(frame)
        except WrongFrame:
            self.wrong_frames += 1
            return None

    def _decode(self, frame: str | bytes) -> Any | None:  # noqa: ANN401 - or the session's own
        if isinstance(frame, bytes):
            raise WrongFrame("no text")
        if frame.startswith('{"seq":'):
            return read_event(frame)
        head = read_head(frame)
        pending = self._pending.get(head.id) if head.id else None
        if pending is None:
            return in_own_words(read_event(frame))  # or a late answer
        if head.type == "error":
            pending.refuse(frame)
            return None
        return pending.accept(frame)

    async def ping(self) -> None:
        """Send a WebSocket ping and wait for its answer, without a bound."""
        try:
            await self._websocket.ping()
        except trio_websocket.ConnectionClosed as error:
            raise NotConnected(_describe(error.reason)) from None

    async def until_silent(self) -> None:
        """Ping the other side, and return once it does not answer and nothing else comes in.

        A pong comes behind what was sent before, which may take long on a slow line.
        """
        answered = True
        with suppress(NotConnected):
            while answered:
                self._suspected = trio.Event()
                with trio.move_on_after(PING_SECONDS):
                    await self._suspected.wait()
                patience = PROBE_SECONDS if self._suspected.is_set() else PONG_SECONDS
                received = self._stream.received
                with trio.move_on_after(patience) as self._patience:
                    await self.ping()
                is_late = self._patience.cancelled_caught
                answered = not is_late or self._stream.received > received

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


def _describe(reason: trio_websocket.CloseReason | None) -> str:
    """Return why a connection was closed; without a close frame that is 1006 (RFC 6455)."""
    if reason is None:
        return why_closed(1006)
    return why_closed(int(reason.code), visible(reason.reason) if reason.reason else None)
