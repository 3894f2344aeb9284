"""A client that does what a promise says and nothing else, and checks every frame that it hears."""

from __future__ import annotations

import json
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import count
from typing import Any, Final, cast

import msgspec
import trio
import trio_websocket

from client.addresses import NodeAddress
from gateway import wire

Frame = dict[str, Any]

ANSWER_SECONDS: Final = 30.0
"""Seconds within which everything that is promised has to come."""
_MOST_BYTES: Final = 64 * 1024 * 1024
_KINDS: Final = {wire_type.__struct_config__.tag: wire_type for wire_type in wire.ANSWERS}


class Broken(Exception):
    """A promise is broken; the text says what came, and what should have come."""


def check(promise: object, what: str, *came: object) -> None:
    """Check that something is so; ``came`` is shown if it is not."""
    if not promise:
        raise Broken(": ".join([what, *map(_shown, came)]))


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) < 400 else f"{text[:400]}…"


class Client:
    """One connection; made by `connected`.

    Frames that nobody has waited for yet are kept in order. While no method is called, little is
    read: a client that does nothing is one that is frozen.
    """

    def __init__(
        self, stream: trio.abc.Stream, websocket: trio_websocket.WebSocketConnection
    ) -> None:
        self.stream = stream
        self.websocket = websocket
        self.nick = ""
        self.secret = ""
        self.limits: Frame = {}
        self.events: deque[Frame] = deque()
        self._prefix = secrets.token_hex(4)
        self._numbers = count(1)

    def new_id(self) -> str:
        """Return an id that was never used."""
        return f"{self._prefix}-{next(self._numbers)}"

    # --- sending ------------------------------------------------------------------------------

    async def say(self, frame: Frame | str | bytes) -> None:
        """Send a frame as it is."""
        data = json.dumps(frame) if isinstance(frame, dict) else frame
        with suppress(trio_websocket.ConnectionClosed):  # which `closed` tells
            await self.websocket.send_message(data)

    async def ask(self, kind: str, **fields: Any) -> Frame:
        """Send a command, and return its answer; what is ``too_fast`` is sent again."""
        command = {"type": kind, "id": self.new_id()} | fields
        while True:
            await self.say(command)
            answer = await self._answer_to(command)
            if answer.get("code") != "too_fast":
                return answer
            await trio.sleep(answer["retry_after"])

    async def ok(self, kind: str, **fields: Any) -> Frame:
        """Send a command that has to be carried out, and return its answer."""
        answer = await self.ask(kind, **fields)
        while answer.get("temporary") and "id" in fields:
            await trio.sleep(answer["retry_after"])
            answer = await self.ask(kind, **fields)
        check(answer["type"] != "error", f"{kind} should be carried out", answer)
        return answer

    async def refused(self, code: str, kind: str, **fields: Any) -> Frame:
        """Send a command that has to be refused with this code, and return the error."""
        answer = await self.ask(kind, **fields)
        check(answer.get("code") == code, f"{kind} should be refused with {code}", answer)
        return answer

    async def hello(self, **fields: Any) -> Frame:
        """Begin or resume a session, and return the welcome."""
        welcome = await self.ok("hello", **fields)
        self.nick, self.secret = welcome["nick"], welcome["session"]
        self.limits = welcome["limits"]
        return welcome

    # --- hearing ------------------------------------------------------------------------------

    async def hear(self) -> Frame:
        """Return the next frame, as it comes."""
        if self.events:
            return self.events.popleft()
        return await self._read()

    async def event(self, kind: str, **fields: Any) -> Frame:
        """Wait for an event with these fields, and return it; others before it are dropped."""
        with _in_time(f"{kind} {fields or ''}"):
            while True:
                frame = await self.hear()
                if frame["type"] == kind and fields.items() <= frame.items():
                    return frame

    async def heard(self) -> list[Frame]:
        """Return all events that came before the answer to a ping sent now, and drop them."""
        await self.ok("ping")
        events, self.events = list(self.events), deque()
        return events

    async def closed(self) -> int:
        """Wait until the connection is closed; return the code, 1006 if there was none."""
        with _in_time("a close frame"):
            try:
                while True:
                    await self.websocket.get_message()
            except trio_websocket.ConnectionClosed as closed:
                return 1006 if closed.reason is None else int(closed.reason.code)

    async def _answer_to(self, command: Frame) -> Frame:
        with _in_time(f"the answer to {_shown(command)}"):
            while True:
                frame = await self._read()
                is_answer = frame["type"] in {"ok", "error", "welcome"}
                if is_answer and frame.get("id") == command.get("id"):
                    _check_type(frame, command["type"])
                    return frame
                self.events.append(frame)

    async def _read(self) -> Frame:
        try:
            data = await self.websocket.get_message()
        except trio_websocket.ConnectionClosed as closed:
            raise Broken(f"the connection was closed: {closed.reason}") from None
        check(isinstance(data, str), "a node sends text only", repr(data[:80]))
        frame = json.loads(data)
        check(isinstance(frame, dict) and "type" in frame, "a frame has a type", data)
        if frame["type"] != "ok":
            _check_type(frame, None)
        return cast("Frame", frame)

    # --- ending -------------------------------------------------------------------------------

    async def leave(self, code: int = 1000) -> None:
        """Close with a code, and wait for the node's answer."""
        with trio.move_on_after(ANSWER_SECONDS):
            await self.websocket.aclose(code)

    async def break_off(self) -> None:
        """Lose the connection, without a close frame."""
        await trio.aclose_forcefully(self.stream)


def _check_type(frame: Frame, command: str | None) -> None:
    """Check that a frame has the fields that the protocol promises."""
    kind = wire.ANSWERS[_KINDS[command]] if command and frame["type"] == "ok" else wire.AnyEvent
    try:
        msgspec.convert(frame, kind)
    except msgspec.ValidationError as error:
        if "`$.type`" not in str(error):  # types of later versions are ignored
            raise Broken(f"not a frame of the protocol ({error}): {_shown(frame)}") from None
    if frame["type"] == "error":
        for field in ("temporary", "uncertain"):
            check(isinstance(frame.get(field), bool), f"an error has {field}", frame)
        check(frame["message"], "an error says in words what is wrong", frame)


@contextmanager
def _in_time(what: str) -> Iterator[None]:
    """Break the promise if something has not come within `ANSWER_SECONDS`."""
    with trio.move_on_after(ANSWER_SECONDS) as scope:
        yield
    if scope.cancelled_caught:
        raise Broken(f"within {ANSWER_SECONDS:g} s there should come {what}")


@asynccontextmanager
async def connected(url: str, *, queued: int = 1000) -> AsyncIterator[Client]:
    """Connect to a node; ``queued`` frames are read ahead. Leaves with code 1000 in the end."""
    address = NodeAddress.from_url(url)
    opened: Callable[..., Any] = (
        trio.open_ssl_over_tcp_stream if address.secure else trio.open_tcp_stream
    )
    async with trio.open_nursery() as nursery:
        with _in_time("a connection"):
            stream = await opened(address.host, address.port)
            websocket = await trio_websocket.wrap_client_stream(
                nursery, stream, address.authority, address.resource,
                subprotocols=[wire.SUBPROTOCOL],
                message_queue_size=queued, max_message_size=_MOST_BYTES,
            )  # fmt: skip
        client = Client(stream, websocket)
        try:
            yield client
            with trio.move_on_after(1):
                await websocket.aclose(1000)
        finally:
            await trio.aclose_forcefully(stream)
            nursery.cancel_scope.cancel()
