"""A node in the test's own process, to look into."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, NoReturn

import trio

from gateway.backplane import RedisEndpoint, Unavailable
from gateway.config import Settings
from gateway.net.client_address import ClientAddress
from gateway.node import Node
from gateway.server.connection import Connection
from gateway.sessions.dispatcher import CommandDispatcher
from gateway.sessions.reclaim import reclaim
from gateway.sessions.record import SessionRecord
from gateway.sessions.session import Session
from gateway.sessions.states import RoomState
from tests import PATIENCE
from tests.memory_transport import memory_connection
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.websocket import WebSocketClient, open_websocket


class NamedServer:
    """A topology of which the test says what server there is, if any."""

    place = "the test's"
    database = 0

    def __init__(self, server: RedisServer | None = None) -> None:
        self._moved = trio.Event()
        self.name(server)

    def name(self, server: RedisServer | None) -> None:
        """Name a server to those who connect from now on."""
        self._server = RedisEndpoint.from_url(server.url) if server else None

    def announce(self, server: RedisServer) -> None:
        """Have everybody connect to this server."""
        self.name(server)
        self._moved.set()
        self._moved = trio.Event()

    async def find(self) -> RedisEndpoint:
        await trio.lowlevel.checkpoint()
        if self._server is None:
            raise OSError("the test has named no server")
        return self._server

    async def certain(self) -> None:
        await trio.lowlevel.checkpoint()

    async def watch(self, on_moved: Callable[[], None]) -> None:
        while True:
            await self._moved.wait()
            on_moved()


@asynccontextmanager
async def serving(node: Node) -> AsyncIterator[str]:
    """Run a node; yields its URL."""
    async with trio.open_nursery() as nursery:
        port = await nursery.start(node.run)
        yield f"ws://127.0.0.1:{port}/ws"
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def running_node(redis_server: RedisServer, *, grace: float = 0) -> AsyncIterator[Node]:
    """Run a node that is ready; there is no flood control."""
    node = Node(
        Settings(
            redis=redis_server.url,
            port=0,
            grace_seconds=grace,
            redis_timeout=PATIENCE,
            flood_rate=0,
        )
    )
    async with serving(node):
        await until(
            lambda: node.membership.is_idle and node.context.why_not_ready() is None,
            "the node to be ready",
        )
        yield node


LINE_BYTES: Final = 65_536


@asynccontextmanager
async def line_to(node: Node) -> AsyncIterator[WebSocketClient]:
    """Connect to a node over a line that holds `LINE_BYTES`, read only as the test says."""
    transport, stream = memory_connection(LINE_BYTES)
    async with trio.open_nursery() as nursery:
        peer = ClientAddress("127.0.0.1")
        connection = Connection(node.context, transport, peer, nursery.start_soon)
        nursery.start_soon(connection.serve)
        async with stream:
            yield await open_websocket(stream)
        nursery.cancel_scope.cancel()


class Client:
    """A client of a node in this process, who reads nothing."""

    def __init__(self, node: Node) -> None:
        transport, _ = memory_connection()
        connection = Connection(node.context, transport, ClientAddress("test"), start_nothing)
        self.connection = connection
        self.dispatcher = CommandDispatcher(node.context, connection.write_buffer, connection)

    @property
    def session(self) -> Session:
        """The session; only after a hello."""
        assert self.dispatcher.session is not None
        return self.dispatcher.session

    @property
    def record(self) -> SessionRecord:
        """What the node remembers of the session; only after a hello."""
        return self.session.record

    @property
    def sid(self) -> str:
        """What others know the session by; only after a hello."""
        return self.session.sid

    @property
    def nick(self) -> str:
        """The nickname; empty before a hello."""
        return "" if self.dispatcher.session is None else self.session.nick

    @property
    def followed(self) -> set[str]:
        """The rooms that the session follows."""
        return set(self.record.rooms_in(RoomState.FOLLOWED))

    async def say(self, frame: str) -> None:
        """Have a frame carried out."""
        await self.dispatcher.handle(frame)

    def end(self, *, goodbye: bool = False) -> None:
        """Lose the connection, with or without a goodbye."""
        self.dispatcher.end(goodbye=goodbye)


async def command(client: Client, /, type: str, **fields: Any) -> None:  # noqa: A002
    """Have a client's command carried out, with its type for an id."""
    await client.say(json.dumps({"type": type, "id": type} | fields))


async def signed_in(node: Node, nick: str) -> Client:
    """Return a client of a node that has said hello."""
    client = Client(node)
    await command(client, "hello", nick=nick)
    return client


async def reclaim_on(node: Node) -> None:
    """Have all unverified sessions of a node claim again what they hold."""
    await reclaim(node.context.backplane, node.context.registry)


def unheard(call: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[NoReturn]]:
    """Return a call that is carried out, and whose answer is lost."""

    async def answer_lost(*arguments: Any, **more: Any) -> NoReturn:
        await call(*arguments, **more)
        raise Unavailable("the answer was lost")

    return answer_lost


def start_nothing(_: object) -> None:
    """Stand for a nursery in which no task is to be started: so little fits any connection."""
    raise AssertionError("it reads fast enough")
