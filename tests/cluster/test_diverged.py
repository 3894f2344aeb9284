"""Redis goes on from older data, and what takes the place of the lost comes live at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from gateway.backplane import Owner, Unavailable, payloads
from gateway.backplane.inboxes import InboxStore
from gateway.backplane.incarnation import Incarnation
from gateway.backplane.nicks import NickRegistry
from gateway.backplane.nodes import channel_of
from gateway.backplane.redis.link import Link
from gateway.backplane.redis.server import RedisEndpoint, Topology
from gateway.backplane.rooms import RoomStore
from gateway.config import Settings
from gateway.delivery.inbox import Inbox
from gateway.delivery.log_states import LogState
from gateway.delivery.room import Room
from gateway.node import Node
from tests import PATIENCE
from tests.nodes import open_cluster
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.websocket import WebSocketClient, connect


class Gate:
    """A topology that gives its server only while it is open."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._open = trio.Event()
        self._open.set()

    @property
    def place(self) -> str:
        return self._topology.place

    @property
    def database(self) -> int:
        return self._topology.database

    def close(self) -> None:
        self._open = trio.Event()

    def open(self) -> None:
        self._open.set()

    async def find(self) -> RedisEndpoint:
        await self._open.wait()
        return await self._topology.find()

    async def certain(self) -> None:
        await self._topology.certain()

    async def watch(self, on_moved: Callable[[], None]) -> None:
        await self._topology.watch(on_moved)


class Speaker:
    """Publishes as another node would: in the room, or to Alice alone."""

    def __init__(self, link: Link, alice: Owner | None) -> None:
        self._alice = alice
        incarnation = Incarnation("other")
        self._inboxes = InboxStore(link, namespace="chat", scope="chat@0", incarnation=incarnation)
        self._rooms = RoomStore(
            link,
            namespace="chat",
            scope="chat@0",
            incarnation=incarnation,
            history_size=1000,
            history_days=1,
        )

    async def say(self, text: str) -> None:
        if self._alice is not None:
            await self._inboxes.deliver(
                self._alice.session,
                channel_of("chat@0", self._alice.node).encode(),
                text,
                mark=payloads.direct_mark(self._alice.session),
                tail=payloads.encode_direct_tail(sender="bob", to="alice", text=text, id=text),
                digest="d",
            )
            return
        tail = payloads.encode_message_tail(room="lobby", sender="bob", text=text, id=text)
        await self._rooms.publish("lobby", "bob", text, tail, term=1, digest="d")


@asynccontextmanager
async def speaker(redis_server: RedisServer, *, to_alice: bool) -> AsyncIterator[Speaker]:
    async with trio.open_nursery() as nursery:
        link = Link(RedisEndpoint.from_url(redis_server.url), name="other", timeout=PATIENCE)
        nursery.start_soon(link.run)
        with trio.fail_after(PATIENCE):
            await link.wait_connected()
        nicks = NickRegistry(
            link, namespace="chat", scope="chat@0", incarnation=Incarnation("other")
        )
        yield Speaker(link, await nicks.owner("alice") if to_alice else None)
        nursery.cancel_scope.cancel()


async def go_on_from_save(redis_server: RedisServer) -> None:
    assert redis_server.process is not None
    redis_server.process.kill()
    await redis_server.process.wait()
    await redis_server.start()


class Diverging:
    """A node with Alice in a room, around a Redis that is to forget the newest messages."""

    def __init__(self, redis_server: RedisServer, *, to_alice: bool) -> None:
        self.redis_server = redis_server
        self.to_alice = to_alice
        self.node = Node(Settings(redis=redis_server.url, port=0))
        backplane = self.node._backplane
        self.gates = {
            "link": Gate(backplane.link._reconnector.topology),
            "subscription": Gate(backplane.subscription._reconnector.topology),
        }
        backplane.link._reconnector.topology = self.gates["link"]
        backplane.subscription._reconnector.topology = self.gates["subscription"]

    async def ready(self) -> bool:
        return self.node._why_not_ready() is None

    async def subscribed(self) -> bool:
        channel = channel_of("chat@0", self.node.name) if self.to_alice else "chat@0:{room:lobby}"
        return bool(self.redis_server.ask("PUBSUB", "NUMSUB", channel)[1])

    @property
    def followed(self) -> Room | Inbox:
        if not self.to_alice:
            return self.node._relay.rooms["lobby"]
        [inbox] = self.node._relay.inboxes.all
        return inbox

    async def caught_up(self) -> bool:
        log = self.followed.log
        return log.state is LogState.CURRENT and log.position == 12

    async def has_heard(self) -> bool:
        return self.followed.log.highest == 12

    async def lose(self) -> None:
        """Have Redis go on from what it had saved; the node does not come to it yet."""
        for gate in self.gates.values():
            gate.close()
        await go_on_from_save(self.redis_server)


async def hear_until(client: WebSocketClient, text: str) -> list[dict[str, Any]]:
    """Every message and notice up to one."""
    heard: list[dict[str, Any]] = []
    while not heard or heard[-1].get("text") != text:
        heard.append(await client.hear_type("message", "direct", "notice"))
    return heard


def lose_first_answer(monkeypatch: pytest.MonkeyPatch, of: RoomStore | InboxStore) -> None:
    """Have the epoch renewed, and the node not know of it."""
    renew = of.renew_epoch

    async def renew_unheard(name: str, epoch: str, *, beyond: str) -> None:
        await renew(name, epoch, beyond=beyond)
        monkeypatch.setattr(of, "renew_epoch", renew)
        raise Unavailable("the answer was lost")

    monkeypatch.setattr(of, "renew_epoch", renew_unheard)


@pytest.mark.parametrize("to_alice", [False, True])
@pytest.mark.parametrize("first", ["link", "subscription"])
@pytest.mark.parametrize("unheard", [6, 9, 11])
@pytest.mark.parametrize("is_told", [True, False], ids=["", "answer lost"])
async def test_what_was_lost_is_told_and_all_else_once(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    first: str,
    unheard: int,
    to_alice: bool,
    is_told: bool,
) -> None:
    """Whichever connection is there first, and however much came before there was one."""
    async with RedisServer(tmp_path, appendonly="no") as redis_server, trio.open_nursery() as run:
        diverging = Diverging(redis_server, to_alice=to_alice)
        if not is_told:
            lose_first_answer(monkeypatch, diverging.node._backplane.rooms)
            lose_first_answer(monkeypatch, diverging.node._backplane.inboxes)
        port = await run.start(diverging.node.run)
        await until(diverging.ready, "the node to be ready")
        url = f"ws://127.0.0.1:{port}/ws"
        async with connect(url) as alice:
            secret = (await alice.ask({"type": "hello", "nick": "alice"}))["session"]
            joined = await alice.ask({"type": "join", "room": "lobby", "id": "j"})
            async with speaker(redis_server, to_alice=to_alice) as bob:
                for seq in range(1, 11):
                    if seq == 6:
                        redis_server.ask("SAVE")
                    await bob.say(f"old {seq}")
                await hear_until(alice, "old 10")
            await diverging.lose()
            async with speaker(redis_server, to_alice=to_alice) as bob:
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
            told = [(frame.get("code") or frame["text"], frame["seq"]) for frame in heard]
            assert told == [*expected, ("the end", 13)]
            again = await alice.ask(
                {"type": "join", "room": "lobby", "id": "again"}
                | {"since": {"epoch": joined["epoch"], "seq": 10}}
            )
            assert again["recovered"] is False
            if to_alice:
                await check_epochs(url, secret, heard)
        run.cancel_scope.cancel()


@pytest.mark.parametrize("to_alice", [False, True])
async def test_who_comes_back_is_told_of_a_loss_that_no_node_was_there_to_see(
    tmp_path: Path, to_alice: bool
) -> None:
    join = {"type": "join", "room": "lobby", "id": "j"}
    async with RedisServer(tmp_path, appendonly="no") as redis_server:
        async with open_cluster(redis_server, 1) as cluster:
            async with connect(cluster.urls[0]) as alice:
                secret = (await alice.ask({"type": "hello", "nick": "alice"}))["session"]
                joined = await alice.ask(join)
                async with speaker(redis_server, to_alice=to_alice) as bob:
                    for seq in range(1, 11):
                        if seq == 6:
                            redis_server.ask("SAVE")
                        await bob.say(f"old {seq}")
                    while (seen := await alice.hear_type("message", "direct"))["seq"] < 10:
                        pass
                await alice.break_off()
            await cluster.nodes[0].kill()
        await go_on_from_save(redis_server)
        async with speaker(redis_server, to_alice=to_alice) as bob:
            for seq in range(6, 13):
                await bob.say(f"new {seq}")
        position = {"epoch": seen.get("epoch", joined["epoch"]), "seq": 10, "id": seen["id"]}
        async with (
            open_cluster(redis_server, 1) as cluster,
            connect(cluster.urls[0]) as alice,
        ):
            answer = await alice.ask({"type": "hello", "resume": secret, "inbox": position})
            if not to_alice:
                answer = await alice.ask(join | {"since": position})
            assert answer["recovered"] is False
            told = [said["text"] for said in answer["directs" if to_alice else "messages"]]
            assert told[-7:] == [f"new {seq}" for seq in range(6, 13)]


async def test_a_direct_message_that_comes_while_redis_is_doubted_is_not_dropped(
    tmp_path: Path,
) -> None:
    """Nothing has been handed on since its reader came back, nor is anything lost."""
    async with RedisServer(tmp_path) as redis_server, trio.open_nursery() as run:
        diverging = Diverging(redis_server, to_alice=True)
        port = await run.start(diverging.node.run)
        await until(diverging.ready, "the node to be ready")
        url = f"ws://127.0.0.1:{port}/ws"
        async with connect(url) as alice:
            secret = (await alice.ask({"type": "hello", "nick": "alice"}))["session"]
            async with speaker(redis_server, to_alice=True) as bob:
                await bob.say("seen")
            seen = await alice.hear_type("direct")
            await alice.break_off()
        position = {name: seen[name] for name in ("epoch", "seq", "id")}
        async with connect(url) as alice, speaker(redis_server, to_alice=True) as bob:
            back = await alice.ask({"type": "hello", "resume": secret, "inbox": position})
            assert back["resumed"]
            diverging.gates["link"].close()
            diverging.node._backplane.link.reconnect()
            diverging.node._relay.recheck(doubted=True)
            await bob.say("unseen")
            await until(lambda: diverging.followed.log.highest == 2, "the node to have heard it")
            diverging.gates["link"].open()
            await bob.say("the end")
            heard = await hear_until(alice, "the end")
            assert [(frame.get("text"), frame["seq"]) for frame in heard] == [
                ("unseen", 2), ("the end", 3),
            ]  # fmt: skip
        run.cancel_scope.cancel()


async def check_epochs(url: str, secret: str, heard: list[dict[str, Any]]) -> None:
    """Direct messages are of the epoch that was told before, though some were logged in another."""
    [epoch] = {frame["epoch"] for frame in heard}
    hello = {"type": "hello", "resume": secret, "inbox": {"epoch": epoch, "seq": 5}}
    async with connect(url) as again:
        back = await again.ask(hello)
    assert back["recovered"] is True
    assert [(d["epoch"], d["seq"]) for d in back["directs"]] == [(epoch, n) for n in range(6, 14)]
