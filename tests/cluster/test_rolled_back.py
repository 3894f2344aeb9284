"""Redis goes on from older data, and what takes the place of the lost comes live at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import pytest
import trio

from gateway.backplane import Backplane, Owner, payloads
from gateway.config import Settings
from gateway.delivery.log_memory import REMEMBERED
from gateway.node import Node
from gateway.parts import make_backplane
from tests import PATIENCE
from tests.cluster.inside import NamedServer, serving
from tests.cluster.people import two_clients
from tests.nodes import NodeProcess, open_cluster
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.websocket import WebSocketClient, connect

KEPT: Final = 60
NEW: Final = 310
SWEPT_SECONDS: Final = 45.0
"""Less than it takes until the rooms are looked over anyway (`TIDY_SECONDS`)."""
NICKS: Final = "chat:{nicks}"
PEOPLE: Final = ("alice", "bob", "carol")


class Speaker:
    """Publishes as another node would: in the room, or to one person alone."""

    def __init__(self, backplane: Backplane, to: Owner | None) -> None:
        self._backplane = backplane
        self._to = to

    async def say(self, *texts: str) -> None:
        for text in texts:
            if self._to is None:
                tail = payloads.encode_message_tail(room="lobby", sender="bob", text=text, id=text)
                rooms = self._backplane.rooms
                await rooms.publish("lobby", "bob", text, tail, term=1, digest="d")
            else:
                tail = payloads.encode_direct_tail(
                    sender="bob", to="alice", text=text, id=text, person="p"
                )
                await self._backplane.inboxes.deliver(
                    self._to.session,
                    self._backplane.nodes.channel_of(self._to.node),
                    text,
                    mark=payloads.direct_mark(self._to.session),
                    tail=tail,
                    digest="d",
                )


@asynccontextmanager
async def speaker(redis_server: RedisServer, *, to_alice: bool = False) -> AsyncIterator[Speaker]:
    backplane = make_backplane(Settings(redis=redis_server.url, redis_timeout=PATIENCE))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(backplane.link.run)
        with trio.fail_after(PATIENCE):
            await backplane.wait_connected()
        yield Speaker(backplane, await backplane.nicks.owner("alice") if to_alice else None)
        nursery.cancel_scope.cancel()


def numbered(what: str, count: int, first: int = 0) -> list[str]:
    return [f"{what} {number}" for number in range(first, first + count)]


async def hear_until(client: WebSocketClient, text: str) -> list[tuple[str, int]]:
    """Text or code, and seq, of every message and notice up to one."""
    heard: list[tuple[str, int]] = []
    while not heard or heard[-1][0] != text:
        frame = await client.hear_type("message", "direct", "notice")
        heard.append((frame.get("code") or frame["text"], frame["seq"]))
    return heard


AFTER_A_LOSS: Final = [
    ("history_lost", KEPT), *((f"new {number}", KEPT + 1 + number) for number in range(NEW)),
]  # fmt: skip
"""What is heard after a roll-back, once: the loss, and all that was said since."""


@pytest.mark.parametrize(
    ("lost", "stands_still"), [(3, True), (4 * REMEMBERED, False)], ids=["one stands still", "long"]
)
async def test_everybody_hears_what_is_said_after_a_roll_back_of_any_length(
    tmp_path: Path, *, lost: int, stands_still: bool
) -> None:
    async with (
        RedisServer(tmp_path, appendonly="no") as redis_server,
        open_cluster(redis_server, len(PEOPLE), outbox_bytes=1 << 24) as cluster,
        AsyncExitStack() as stack,
    ):
        people = [
            await stack.enter_async_context(connect(url, nick))
            for url, nick in zip(cluster.urls, PEOPLE, strict=True)
        ]
        [epoch, *_] = [(await person.join())["epoch"] for person in people]
        async with speaker(redis_server) as speaking:
            await speaking.say(*numbered("kept", KEPT))
            redis_server.ask("SAVE")
            await speaking.say(*numbered("lost", lost))
        for person in people:
            await hear_until(person, f"lost {lost - 1}")
        still: list[NodeProcess] = cluster.nodes[-1:] if stands_still else []
        for node in still:
            node.pause()
        await redis_server.crash()
        async with speaker(redis_server) as speaking:
            await speaking.say(*numbered("new", NEW))
            heard = [
                await hear_until(person, f"new {NEW - 1}")
                for person in people[: len(people) - len(still)]
            ]
            for node in still:
                node.resume()
            await speaking.say("the end")
        heard += [[] for _ in still]
        for person, so_far in zip(people, heard, strict=True):
            everything = [*so_far, *await hear_until(person, "the end")]
            assert everything == [*AFTER_A_LOSS, ("the end", KEPT + NEW + 1)]
            again = await person.join(since={"epoch": epoch, "seq": KEPT + 1})
            assert again["recovered"] is False


async def test_an_inbox_is_read_on_after_a_roll_back_of_any_length(tmp_path: Path) -> None:
    async with (
        RedisServer(tmp_path, appendonly="no") as redis_server,
        open_cluster(redis_server, 1, outbox_bytes=1 << 24) as cluster,
    ):
        async with connect(cluster.urls[0]) as alice:
            secret = (await alice.ask({"type": "hello", "nick": "alice"}))["session"]
            async with speaker(redis_server, to_alice=True) as speaking:
                await speaking.say(*numbered("kept", KEPT))
                redis_server.ask("SAVE")
                await speaking.say(*numbered("lost", 4 * REMEMBERED))
            await hear_until(alice, f"lost {4 * REMEMBERED - 1}")
            await redis_server.crash()
            async with speaker(redis_server, to_alice=True) as speaking:
                await speaking.say(*numbered("new", NEW))
                assert await hear_until(alice, f"new {NEW - 1}") == AFTER_A_LOSS
                await speaking.say("the end")
            epoch = (await alice.hear_type("direct"))["epoch"]
            await alice.break_off()
        async with connect(cluster.urls[0]) as again:
            # Direct messages are of the epoch told before, though some were logged in another.
            position = {"epoch": epoch, "seq": KEPT}
            back = await again.ask({"type": "hello", "resume": secret, "inbox": position})
        assert back["recovered"] is True
        assert [(d["epoch"], d["seq"]) for d in back["directs"]] == [
            (epoch, seq) for seq in range(KEPT + 1, KEPT + NEW + 2)
        ]


@pytest.mark.parametrize("to_alice", [False, True])
async def test_who_comes_back_is_told_of_a_loss_that_no_node_was_there_to_see(
    tmp_path: Path, to_alice: bool
) -> None:
    async with RedisServer(tmp_path, appendonly="no") as redis_server:
        async with open_cluster(redis_server, 1) as cluster:
            async with connect(cluster.urls[0]) as alice:
                secret = (await alice.ask({"type": "hello", "nick": "alice"}))["session"]
                joined = await alice.join()
                async with speaker(redis_server, to_alice=to_alice) as bob:
                    await bob.say(*numbered("kept", 5))
                    redis_server.ask("SAVE")
                    await bob.say(*numbered("lost", 5))
                    while (seen := await alice.hear_type("message", "direct"))["seq"] < 10:
                        pass
                await alice.break_off()
            await cluster.nodes[0].kill()
        await redis_server.crash()
        new = numbered("new", 7)
        async with speaker(redis_server, to_alice=to_alice) as bob:
            await bob.say(*new)
        position = {"epoch": seen.get("epoch", joined["epoch"]), "seq": 10, "id": seen["id"]}
        async with (
            open_cluster(redis_server, 1) as cluster,
            connect(cluster.urls[0]) as alice,
        ):
            answer = await alice.ask({"type": "hello", "resume": secret, "inbox": position})
            if not to_alice:
                answer = await alice.join(since=position)
            assert answer["recovered"] is False
            told = [said["text"] for said in answer["directs" if to_alice else "messages"]]
            assert told[-len(new) :] == new


async def test_a_direct_message_that_comes_while_redis_is_unverified_is_not_dropped(
    redis_server: RedisServer,
) -> None:
    """Nothing has been handed on since its reader came back, nor is anything lost."""
    topology = NamedServer(redis_server)
    settings = Settings(port=0, redis_timeout=PATIENCE)
    backplane = make_backplane(settings, topology)
    node = Node(settings, backplane=backplane)
    async with serving(node) as url:
        await until(lambda: node.context.why_not_ready() is None, "the node to be ready")
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
            topology.name(None)
            backplane.link.reconnect()
            node.context.relay.recheck(unverified=True)
            await bob.say("unseen")
            [inbox] = node.context.relay.inboxes.all
            await until(lambda: inbox.log.highest == 2, "the node to have heard it")
            topology.name(redis_server)
            await bob.say("the end")
            assert await hear_until(alice, "the end") == [("unseen", 2), ("the end", 3)]


async def test_who_had_left_is_not_listed_again_for_long(tmp_path: Path) -> None:
    """Alice had left the room, and Carol had gone altogether."""
    async with (
        RedisServer(tmp_path, appendonly="no") as redis_server,
        two_clients(redis_server, room="lobby", grace_seconds=1) as (cluster, alice, bob),
    ):
        async with connect(cluster.urls[0], "carol") as carol:
            await carol.join()
            redis_server.ask("SAVE")
        await alice.ask({"type": "leave", "room": "lobby", "id": "l"})
        await until(partial(bob.lists, "bob"), "both to have left")
        await redis_server.crash()
        assert redis_server.ask("HLEN", "chat:{room:lobby}:members") == 3

        async def alone() -> bool:
            listed = [redis_server.ask("HLEN", key) for key in ("chat:{room:lobby}:members", NICKS)]
            return listed == [1, 2] and await bob.lists("bob")

        await until(alone, "those who left to be listed no more", SWEPT_SECONDS)


async def test_an_epoch_does_not_come_back(tmp_path: Path) -> None:
    """Redis goes back to the same place twice, to before the first loss was told."""
    async with (
        RedisServer(tmp_path, appendonly="no") as redis_server,
        open_cluster(redis_server, 1) as cluster,
        connect(cluster.urls[0], "alice") as alice,
    ):
        epochs = [(await alice.join())["epoch"]]
        async with speaker(redis_server) as speaking:
            await speaking.say("kept")
        await hear_until(alice, "kept")
        redis_server.ask("SAVE")
        for text in ("lost", "lost again"):
            async with speaker(redis_server) as speaking:
                await speaking.say(text)
            await hear_until(alice, text)
            await redis_server.crash()
            while (notice := await alice.hear_type("notice"))["code"] != "history_lost":
                pass
            epochs.append(notice["epoch"])
        assert len(set(epochs)) == 3, epochs
