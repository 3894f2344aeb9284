"""A node that answers as a test says, over a real connection to a port of this machine."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

import trio
import wsproto
from wsproto.events import AcceptConnection, CloseConnection, Ping, Request, TextMessage

from tests import PATIENCE

Frame = dict[str, Any]
LIMITS: Final[Frame] = {
    "frame_bytes": 16384, "text_bytes": 4096, "rooms": 50, "history": 200, "flood_burst": 20,
    "flood_rate": 5.0,
}  # fmt: skip


class Hangup:
    """Ends the connection in place of an answer; without a code, as a node does that dies."""

    def __init__(self, code: int | None = None) -> None:
        self.code = code


LOST: Final = Hangup()
Answer = Frame | Hangup | list[Frame | Hangup] | None
"""One frame or several, and how the connection ends; None for silence."""


def welcome(**fields: object) -> Frame:
    return {
        "type": "welcome", "session": "s" * 22, "nick": "alice", "node": "n", "limits": LIMITS,
    } | fields  # fmt: skip


def member_of(room: str, seq: int = 0, **fields: object) -> Frame:
    """Return the answer to a join."""
    return {
        "type": "ok", "room": room, "epoch": "e", "seq": seq, "version": 1, "count": 1,
        "members": [{"nick": "alice"}], "messages": [],
    } | fields  # fmt: skip


def refusal(code: str, **fields: object) -> Frame:
    return {"type": "error", "code": code, "message": "No."} | fields


class ScriptedNode:
    """Answers each command by the ``answers`` for its type: one after the other, the last for ever.

    ``asked`` are all commands, without their ids; those of one type, with all fields, are
    ``frames(type)``.
    """

    def __init__(self) -> None:
        self.url = ""
        self.commands: list[Frame] = []
        self.answers: dict[str, list[Answer | Callable[[Frame], Answer]]] = {
            "hello": [welcome()],
            "join": [lambda command: member_of(command["room"])],
        }
        self._asked = trio.Event()
        self._stream: trio.SocketStream | None = None
        self._protocol = wsproto.WSConnection(wsproto.ConnectionType.SERVER)

    def script(self, kind: str, *answers: Answer | Callable[[Frame], Answer]) -> None:
        """Answer the next commands of a type so."""
        self.answers[kind] = list(answers)

    def frames(self, kind: str) -> list[Frame]:
        return [command for command in self.commands if command["type"] == kind]

    async def until(self, kind: str, number: int = 1) -> list[Frame]:
        """Wait until so many commands of a type have come, and return them."""
        with trio.fail_after(PATIENCE):
            while len(self.frames(kind)) < number:
                self._asked = trio.Event()
                await self._asked.wait()
        return self.frames(kind)

    async def tell(self, *frames: Frame | Hangup) -> None:
        """Send frames over the last connection."""
        assert self._stream is not None
        for frame in frames:
            if isinstance(frame, Hangup):
                if frame.code is not None:
                    close = self._protocol.send(CloseConnection(frame.code))
                    await self._stream.send_all(close)
                await trio.aclose_forcefully(self._stream)
                return
            await self._stream.send_all(self._protocol.send(TextMessage(json.dumps(frame))))

    async def serve(self, stream: trio.SocketStream) -> None:
        self._stream, self._protocol = stream, wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        try:
            await self._serve(stream, self._protocol)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the client has gone, or a test hung up
        finally:
            await trio.aclose_forcefully(stream)

    async def _serve(self, stream: trio.SocketStream, protocol: wsproto.WSConnection) -> None:
        async for data in stream:
            protocol.receive_data(bytes(data))
            for event in protocol.events():
                if isinstance(event, Request):
                    accept = AcceptConnection(subprotocol="chat.v1")
                    await stream.send_all(protocol.send(accept))
                elif isinstance(event, (Ping, CloseConnection)):
                    await stream.send_all(protocol.send(event.response()))
                    if isinstance(event, CloseConnection):
                        return
                elif isinstance(event, TextMessage):
                    await self._answer(json.loads(event.data))

    async def _answer(self, command: Frame) -> None:
        self.commands.append(command)
        answers = self.answers.get(command["type"], [{"type": "ok", "seq": 1}])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        answer = answer(command) if callable(answer) else answer
        self._asked.set()
        several = answer if isinstance(answer, list) else [answer] if answer is not None else []
        if several and isinstance(first := several[0], dict):
            several = [{**first, "id": command["id"]}, *several[1:]]
        await self.tell(*several)


@asynccontextmanager
async def scripted_node() -> AsyncIterator[ScriptedNode]:
    node = ScriptedNode()
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, node.serve, 0, host="127.0.0.1"))
        node.url = f"ws://127.0.0.1:{listeners[0].socket.getsockname()[1]}/ws"
        yield node
        nursery.cancel_scope.cancel()
