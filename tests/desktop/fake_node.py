"""A node that does what real ones seldom do."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import trio
import trio_websocket

Frame = dict[str, object]

_LIMITS = {
    "frame_bytes": 16384, "text_bytes": 4096, "rooms": 50, "history": 200,
    "flood_burst": 20, "flood_rate": 0.0,
}  # fmt: skip

_ON_A_PAGE = 1_000


class FakeNode:
    """Lets everybody in, sends a burst of frames after a join, and refuses all else."""

    def __init__(
        self, burst: tuple[Frame, ...], members: Sequence[str], nursery: trio.Nursery
    ) -> None:
        self.url = ""
        self._burst, self._members = burst, members
        self._nursery = nursery
        self._commands: list[Frame] = []
        self._connection: trio_websocket.WebSocketConnection | None = None

    def heard(self, kind: str) -> list[Frame]:
        """The commands of one kind that came so far."""
        return [command for command in self._commands if command["type"] == kind]

    async def tell(self, frame: Frame) -> None:
        """Send something over the newest connection."""
        assert self._connection is not None
        await self._connection.send_message(json.dumps(frame))

    def close(self, code: int, reason: str) -> None:
        """Close the newest connection."""
        assert self._connection is not None
        self._nursery.start_soon(self._connection.aclose, code, reason)

    async def serve(self, request: trio_websocket.WebSocketRequest) -> None:
        """Serve one connection."""
        self._connection = connection = await request.accept(subprotocol="chat.v1")
        try:
            while True:
                command = json.loads(await connection.get_message())
                self._commands.append(command)
                for frame in self._answers(command):
                    await connection.send_message(json.dumps(frame))
        except trio_websocket.ConnectionClosed:
            pass  # as it should be, in the end

    def _answers(self, command: Frame) -> list[Frame]:
        answer: Frame = {"type": "ok", "id": command["id"]}
        match command["type"]:
            case "hello":
                answer |= {
                    "type": "welcome",
                    "session": "s",
                    "nick": command["nick"],
                    "node": "fake",
                }
                answer["limits"] = _LIMITS
            case "join":
                answer |= {"room": command["room"], "epoch": "e", "seq": 0, "messages": []}
                answer |= {"count": len(self._members), **self._page(None)}
                return [answer, *self._burst]
            case "members":
                answer |= {"room": command["room"], **self._page(command.get("after"))}
            case _:
                answer |= {"type": "error", "code": "unheard_of", "message": "You may not."}
        return [answer]

    def _page(self, after: object) -> Frame:
        """A page of the members."""
        rest = [nick for nick in sorted(self._members) if after is None or nick > str(after)]
        listed = rest[:_ON_A_PAGE]
        page: Frame = {"version": 1, "members": [{"nick": nick} for nick in listed]}
        return page | ({"next": listed[-1]} if len(rest) > _ON_A_PAGE else {})


@asynccontextmanager
async def fake_node(*burst: Frame, members: Sequence[str] = ("alice",)) -> AsyncIterator[FakeNode]:
    """Run a `FakeNode`."""
    async with trio.open_nursery() as nursery:
        node = FakeNode(burst, members, nursery)
        server = await nursery.start(
            partial(trio_websocket.serve_websocket, node.serve, "127.0.0.1", 0, None)
        )
        node.url = f"ws://127.0.0.1:{server.port}/ws"
        yield node
        nursery.cancel_scope.cancel()
