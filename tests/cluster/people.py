"""People in a conversation, each on a node of their own: how tests begin, and what is heard."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

import trio

from client.session import ClientSession, Disconnected, NotRejoined, Rejoined, open_session
from gateway import wire
from tests import PATIENCE
from tests.nodes import Cluster, NodeProcess, open_cluster
from tests.redis_server import RedisServer
from tests.websocket import WebSocketClient, connect

EventT = TypeVar("EventT", wire.Message, wire.DirectMessage, wire.Presence)


async def following(
    session: ClientSession, kind: type[EventT], count: int, *, seconds: float = 5 * PATIENCE
) -> list[EventT]:
    """The next of a kind among a session's events."""
    found: list[EventT] = []
    with trio.fail_after(seconds):
        async for event in session.events:
            if isinstance(event, kind):
                found.append(event)
                if len(found) == count:
                    return found
    raise AssertionError("the session ended")


class Listener:
    """Keeps what one session hears."""

    def __init__(self, session: ClientSession) -> None:
        self.session = session
        self.messages: list[wire.Message] = []
        self.notices: list[wire.Notice] = []
        self.left: list[str] = []
        self.lost_connections = self.unrecovered = 0
        self._news = trio.Event()

    async def listen(self) -> None:
        async for event in self.session.events:
            match event:
                case wire.Message():
                    self.messages.append(event)
                case wire.Notice():
                    self.notices.append(event)
                case wire.Presence():
                    self.left += event.left
                case Rejoined(joined):
                    self.unrecovered += not joined.recovered
                    self.messages += joined.messages
                case Disconnected():
                    self.lost_connections += 1
                case NotRejoined():
                    raise AssertionError(event)
            self._news.set()

    async def until_seq(self, seq: int) -> None:
        with trio.fail_after(PATIENCE):
            while not self.messages or self.messages[-1].seq < seq:
                self._news = trio.Event()
                await self._news.wait()

    async def until_notice(self, code: str) -> wire.Notice:
        with trio.fail_after(PATIENCE):
            while not (found := [n for n in self.notices if n.code == code]):
                self._news = trio.Event()
                await self._news.wait()
        return found[0]


class Talker(Listener):
    """Says numbered things without end, and keeps all that it hears."""

    def __init__(self, session: ClientSession) -> None:
        super().__init__(session)
        self.acknowledged: dict[int, str] = {}
        self.stop = trio.Event()

    async def talk(self) -> None:
        number = 0
        while not self.stop.is_set():
            number += 1
            text = f"{self.session.nick} {number}"
            self.acknowledged[await self.session.send("lobby", text)] = text
            await trio.sleep(0.01)


async def check_heard(talkers: Sequence[Talker]) -> None:
    """Everybody has heard everything once, in order, with no gap."""
    acknowledged = {seq: text for t in talkers for seq, text in t.acknowledged.items()}
    for talker in talkers:
        await talker.until_seq(max(acknowledged))
        assert [m.seq for m in talker.messages] == list(range(1, len(talker.messages) + 1))
        heard = {m.seq: m.text for m in talker.messages}
        assert acknowledged.items() <= heard.items()
        assert len(set(heard.values())) == len(heard), "something was said twice"
        for sender in {m.sender for m in talker.messages}:
            order = [int(m.text.split()[1]) for m in talker.messages if m.sender == sender]
            assert order == sorted(order)
        assert talker.unrecovered == 0


@asynccontextmanager
async def one_client(
    redis_server: RedisServer, **settings: object
) -> AsyncIterator[tuple[NodeProcess, WebSocketClient]]:
    """Run a node, with Alice on it."""
    async with (
        open_cluster(redis_server, 1, **settings) as cluster,
        connect(cluster.urls[0], "alice") as alice,
    ):
        yield cluster.nodes[0], alice


@asynccontextmanager
async def two_clients(
    redis_server: RedisServer, *, room: str | None = None, nodes: int = 2, **settings: object
) -> AsyncIterator[tuple[Cluster, WebSocketClient, WebSocketClient]]:
    """Run a cluster with Alice on its first node and Bob on its last, maybe in a room."""
    async with (
        open_cluster(redis_server, nodes, **settings) as cluster,
        connect(cluster.urls[0], "alice") as alice,
        connect(cluster.urls[-1], "bob") as bob,
    ):
        if room is not None:
            for client in (alice, bob):
                assert (await client.join(room))["type"] == "ok"
        yield cluster, alice, bob


@asynccontextmanager
async def two_sessions(
    redis_server: RedisServer, *, nodes: int = 2
) -> AsyncIterator[tuple[Cluster, ClientSession, ClientSession]]:
    """Run a cluster with Alice's session on its first node and Bob's on its last."""
    async with (
        open_cluster(redis_server, nodes) as cluster,
        open_session([cluster.urls[0]], nick="alice") as alice,
        open_session([cluster.urls[-1]], nick="bob") as bob,
    ):
        yield cluster, alice, bob


@asynccontextmanager
async def in_the_lobby(cluster: Cluster, *nicks: str) -> AsyncIterator[list[Talker]]:
    """Have people in the lobby, round about on the nodes; all that they hear is kept."""
    async with AsyncExitStack() as stack:
        talkers = []
        for number, nick in enumerate(nicks):
            url = cluster.urls[number % len(cluster.urls)]
            session = await stack.enter_async_context(open_session([url], nick=nick))
            await session.join("lobby")
            talkers.append(Talker(session))
        nursery = await stack.enter_async_context(trio.open_nursery())
        for talker in talkers:
            nursery.start_soon(talker.listen)
        yield talkers
        nursery.cancel_scope.cancel()
