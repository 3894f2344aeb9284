"""Redis goes on from older data, and what takes the place of the lost comes live at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from gateway import splicing
from gateway.backplane import Rooms, Server, Topology
from gateway.backplane.incarnation import Incarnation
from gateway.backplane.link import Link
from gateway.config import Settings
from gateway.node import Node
from tests.harness import RawClient, raw_client, until
from tests.redis_server import RedisServer


class Gate:
    """A topology that gives its server only while it is open."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._open = trio.Event()
        self._open.set()

    @property
    def place(self) -> str:
        return self._topology.place

    def close(self) -> None:
        self._open = trio.Event()

    def open(self) -> None:
        self._open.set()

    async def find(self) -> Server:
        await self._open.wait()
        return await self._topology.find()


class Speaker:
    """Publishes as another node would; the text is ``old`` or ``new`` with the message's seq."""

    def __init__(self, link: Link) -> None:
        self._rooms = Rooms(
            link,
            namespace="chat",
            incarnation=Incarnation("other"),
            history_size=1000,
            history_days=1,
        )

    async def say(self, text: str) -> None:
        tail = splicing.encode_message_tail(room="lobby", sender="bob", text=text, id=text)
        await self._rooms.publish("lobby", "bob", text, tail)


@asynccontextmanager
async def speaker(redis_server: RedisServer) -> AsyncIterator[Speaker]:
    async with trio.open_nursery() as nursery:
        link = Link(Server.from_url(redis_server.url), name="other", timeout=10)
        nursery.start_soon(link.run)
        with trio.fail_after(10):
            await link.wait_connected()
        yield Speaker(link)
        nursery.cancel_scope.cancel()


class Diverging:
    """A node with a listener in a room, around a Redis that is to forget the newest messages."""

    def __init__(self, redis_server: RedisServer) -> None:
        self.redis_server = redis_server
        self.node = Node(Settings(redis=redis_server.url, port=0))
        backplane = self.node._backplane
        self.gates = {
            "link": Gate(backplane.link._topology),
            "subscription": Gate(backplane.subscription._topology),
        }
        backplane.link._topology = self.gates["link"]
        backplane.subscription._topology = self.gates["subscription"]

    async def ready(self) -> bool:
        return self.node._why_not_ready() is None

    async def subscribed(self) -> bool:
        return bool(self.redis_server.ask("PUBSUB", "NUMSUB", "chat:{room:lobby}")[1])

    async def caught_up(self) -> bool:
        room = self.node._relay.rooms["lobby"]
        return not room.catching_up and room.position == 12

    async def has_heard(self) -> bool:
        return self.node._relay.rooms["lobby"].sequence.highest == 12

    async def lose(self) -> None:
        """Have Redis go on from what it had saved; the node does not come to it yet."""
        for gate in self.gates.values():
            gate.close()
        assert self.redis_server.process is not None
        self.redis_server.process.kill()
        await self.redis_server.process.wait()
        await self.redis_server.start()


async def hear_until(client: RawClient, text: str) -> list[tuple[str, int]]:
    """Every message and notice up to one, each as its text or code, and its seq."""
    heard = []
    while True:
        frame = await client.hear_type("message", "notice")
        heard.append((frame.get("code") or frame["text"], frame["seq"]))
        if frame.get("text") == text:
            return heard


@pytest.mark.parametrize("first", ["link", "subscription"])
@pytest.mark.parametrize("unheard", [6, 9, 11])
async def test_what_was_lost_is_told_and_all_else_once(
    tmp_path: Path, first: str, unheard: int
) -> None:
    """Whichever connection is there first, and however much came before there was one."""
    async with RedisServer(tmp_path, appendonly="no") as redis_server, trio.open_nursery() as run:
        diverging = Diverging(redis_server)
        port = await run.start(diverging.node.run)
        await until(diverging.ready, "the node to be ready")
        async with raw_client(f"ws://127.0.0.1:{port}/ws", "alice") as alice:
            joined = await alice.ask({"type": "join", "room": "lobby", "id": "j"})
            async with speaker(redis_server) as bob:
                for seq in range(1, 11):
                    if seq == 6:
                        redis_server.ask("SAVE")
                    await bob.say(f"old {seq}")
                await hear_until(alice, "old 10")
            await diverging.lose()
            async with speaker(redis_server) as bob:
                for seq in range(6, unheard):
                    await bob.say(f"new {seq}")
                diverging.gates.pop(first).open()
                if first == "subscription":
                    await until(diverging.subscribed, "the node to listen")
                for seq in range(unheard, 13):
                    await bob.say(f"new {seq}")
                if first == "subscription":
                    await until(diverging.has_heard, "the node to have heard it")
                diverging.gates.popitem()[1].open()
                await until(diverging.caught_up, "the node to know what is so")
                await bob.say("the end")
            heard = await hear_until(alice, "the end")
            expected = [("history_lost", 5), *((f"new {seq}", seq) for seq in range(6, 13))]
            assert heard == [*expected, ("the end", 13)]
            again = await alice.ask(
                {"type": "join", "room": "lobby", "id": "again"}
                | {"since": {"epoch": joined["epoch"], "seq": 10}}
            )
            assert again["recovered"] is False
        run.cancel_scope.cancel()
