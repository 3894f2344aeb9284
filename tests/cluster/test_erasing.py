"""Erasing in a running cluster: nobody is given the text any more, and nobody misses a message."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from gateway.backplane.room_log import RoomLog
from gateway.delivery import history
from gateway.delivery.room import Room
from gateway.net.write_buffer import WriteBuffer
from gateway.node import Node
from tests.cluster.inside import Client, command, running_node, signed_in
from tests.cluster.people import in_the_lobby, two_clients
from tests.nodes import NodeProcess, administer, open_cluster
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.websocket import WebSocketClient, connect

WORDS = "words-that-go"


async def purge(redis_server: RedisServer, *what: str) -> str:
    """Erase, and give what the command says of it."""
    done = await administer("purge", *what, redis=redis_server.url)
    assert (done.returncode, done.stderr) == (0, ""), done
    assert WORDS not in redis_server.contents()
    return done.stdout


async def join(client: WebSocketClient, room: str = "lobby", **fields: Any) -> dict[str, Any]:
    answer = await client.ask({"type": "join", "room": room, "id": "j"} | fields)
    assert answer["type"] == "ok", answer
    return answer


async def send(client: WebSocketClient, text: str, message_id: str) -> int:
    answer = await client.ask({"type": "send", "room": "lobby", "text": text, "id": message_id})
    assert answer["type"] == "ok", answer
    return int(answer["seq"])


def check_erased(messages: list[dict[str, Any]], *erased: int) -> None:
    """Those messages alone are tombstones; not one is missing between the first and the last."""
    assert messages
    first = messages[0]["seq"]
    assert [m["seq"] for m in messages] == list(range(first, first + len(messages)))
    assert [m["seq"] for m in messages if m.get("erased")] == list(erased)
    assert [m["seq"] for m in messages if not m["text"]] == list(erased)
    assert all(m["from"] and m["id"] and m["at"] for m in messages)
    assert WORDS not in json.dumps(messages)


async def check_every_read(node: NodeProcess, *erased: int, last: int, since: str) -> None:
    """Whoever comes to a node is given the erased messages as tombstones, however they read."""
    async with connect(node.url, f"reader{node.port}") as reader:
        joined = await join(reader, history=200)
        assert joined["seq"] == last
        check_erased(joined["messages"], *erased)
        page = await reader.ask(
            {"type": "history", "room": "lobby", "before": last + 1, "limit": 200, "id": "h"}
        )
        check_erased(page["messages"], *erased)
        assert page["more"] is False
        for seq in range(last + 1):
            for seen_id in ({}, {"id": since.format(seq)}) if seq else ({},):
                seen = {"epoch": joined["epoch"], "seq": seq} | seen_id
                answer = await join(reader, since=seen)
                assert answer["recovered"] is True
                missed = answer["messages"]
                assert [m["seq"] for m in missed] == list(range(seq + 1, last + 1))
                assert WORDS not in json.dumps(answer)
                event = await reader.hear_type("erased")
                assert (event["room"], event["seqs"]) == ("lobby", list(erased))


async def test_a_purged_message_is_given_to_nobody_any_more(redis_server: RedisServer) -> None:
    async with two_clients(redis_server, room="lobby") as (cluster, alice, bob):
        for number, text in enumerate(["one", WORDS, "three"], 1):
            assert await send(alice, text, f"id-{number}") == number
        said = await purge(redis_server, "message", "lobby", "2")
        assert said == (
            "lobby: erased 2\nnodes told: 2, those that have the room open, of 2 alive\n"
        )
        for client in (alice, bob):
            event = await client.hear_type("erased")
            assert event == {
                "type": "erased", "room": "lobby", "epoch": event["epoch"], "seqs": [2],
            }  # fmt: skip
        for node in cluster.nodes:
            await check_every_read(node, 2, last=3, since="id-{}")
        # What is sent again has been said already.
        assert await send(alice, WORDS, "id-2") == 2
        assert await send(alice, "four", "id-4") == 4
        again = await purge(redis_server, "message", "lobby", "2", "2")
        assert again.startswith("lobby: erased before: 2\n")
        for node in cluster.nodes:
            await check_every_read(node, 2, last=4, since="id-{}")


async def test_a_purged_room_talks_on(redis_server: RedisServer) -> None:
    async with two_clients(redis_server, room="lobby") as (cluster, alice, bob):
        for number in range(1, 61):  # more than a node keeps at hand
            await send(alice, f"{WORDS} {number}", f"id-{number}")
        said = await purge(redis_server, "room", "lobby")
        assert said.startswith("lobby: erased everything up to 60\nnodes told: 2,")
        for client in (alice, bob):
            event = await client.hear_type("erased")
            assert (event["up_to"], "seqs" in event) == (60, False)
        assert await send(bob, "on", "id-61") == 61
        for node in cluster.nodes:
            async with connect(node.url, f"reader{node.port}") as reader:
                check_erased((await join(reader, history=200))["messages"], *range(1, 61))
            assert await node.metric("chat_gaps_filled_total") == 0


async def test_people_who_talk_meanwhile_miss_nothing(redis_server: RedisServer) -> None:
    async with (
        open_cluster(redis_server, 2) as cluster,
        in_the_lobby(cluster, "alice", "bob", "carol") as talkers,
        trio.open_nursery() as nursery,
    ):
        for talker in talkers:
            nursery.start_soon(talker.talk)
        for wanted in (50, 100, 150):
            await talkers[0].until_seq(wanted)
            await purge(redis_server, "message", "lobby", str(wanted - 10), str(wanted - 3))
        await purge(redis_server, "room", "lobby")
        for talker in talkers:
            talker.stop.set()
        last = max(seq for talker in talkers for seq in talker.acknowledged)
        for talker in talkers:
            await talker.until_seq(last)
            assert [m.seq for m in talker.messages] == list(range(1, len(talker.messages) + 1))
            assert not talker.notices
            assert not talker.unrecovered
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("cut", [False, True])
async def test_a_node_that_stood_still_meanwhile_gives_it_to_nobody(
    redis_server: RedisServer, *, cut: bool
) -> None:
    """Cut its subscription off meanwhile, so that nothing tells it what was erased."""
    async with two_clients(redis_server, room="lobby") as (cluster, alice, bob):
        for number, text in enumerate(["one", WORDS, "three"], 1):
            await send(alice, text, f"id-{number}")
        while (await bob.hear_type("message"))["seq"] < 3:
            pass
        cluster.nodes[1].pause()
        if cut:
            redis_server.ask("CLIENT", "KILL", "TYPE", "pubsub")
        await purge(redis_server, "message", "lobby", "2")
        cluster.nodes[1].resume()
        for node in reversed(cluster.nodes):
            await check_every_read(node, 2, last=3, since="id-{}")
        assert (await bob.hear_type("erased"))["seqs"] == [2]
        assert await send(bob, "four", "id-4") == 4
        while (heard := await alice.hear_type("message", "notice")).get("seq") != 4:
            assert heard["type"] == "message", heard


async def test_after_a_purge_a_doubt_about_redis_finds_nothing_lost(
    redis_server: RedisServer,
) -> None:
    """A node that compares what it has with the log takes no tombstone for another message."""
    async with (
        two_clients(redis_server, room="lobby") as (cluster, alice, bob),
        connect(cluster.urls[0], "carol") as carol,
    ):
        await join(carol)
        for number, text in enumerate(["one", WORDS, WORDS], 1):
            await send(alice, text, f"id-{number}")
        cluster.nodes[1].pause()  # it does not hear of it before it compares
        await purge(redis_server, "message", "lobby", "2", "3")
        await redis_server.stop()
        await redis_server.start()
        cluster.nodes[1].resume()
        for node in cluster.nodes:
            await node.ready()

        async def spoke() -> bool:
            said = {"type": "send", "room": "lobby", "text": "four", "id": "id-4"}
            return bool((await alice.ask(said))["type"] == "ok")

        await until(spoke, "Redis to be back")
        for client in (bob, carol):
            while (heard := await client.hear_type("message", "notice")).get("seq") != 4:
                assert heard["type"] == "message", heard
        for node in cluster.nodes:
            await check_every_read(node, 2, 3, last=4, since="id-{}")


# --- what was read before it was erased, and is answered afterwards -------------------------------


async def talked_in(node: Node, session: Client, words: str) -> Room:
    """Let a session say more than a node keeps at hand, and hear it; return the room."""
    for number in range(1, 61):
        fields = {"room": "lobby", "text": f"{words} {number}", "id": str(number)}
        await session.say(json.dumps({"type": "send"} | fields))
    room = node.context.relay.rooms["lobby"]
    await until(lambda: room.position == 60, "all that was said to be heard")
    return room


@asynccontextmanager
async def answering_late(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Any, list[bytes]]]:
    """Run a session whose node hears of an erasure between a read of the log and its answer."""
    frames: list[bytes] = []
    async with running_node(redis_server) as node:
        rooms = node.context.backplane.rooms
        read = rooms.messages_before
        session = await signed_in(node, "alice")
        await command(session, "join", room="lobby")
        room = await talked_in(node, session, WORDS)

        async def erase_behind(name: str, before: int | None, limit: int) -> list[bytes]:
            page = await read(name, before, limit)
            if not room.erasures.count:
                link = node.context.backplane.link
                log = RoomLog(link, namespace="chat", scope="chat@0", room=name)
                await log.erase(room.epoch, up_to=60)
                await until(lambda: room.erasures.count == 1, "the erasure to be heard")
            return page

        monkeypatch.setattr(rooms, "messages_before", erase_behind)
        monkeypatch.setattr(WriteBuffer, "write", lambda _, data: frames.append(data))
        yield session, frames
        session.end(goodbye=True)


@pytest.mark.parametrize(
    ("type", "fields"),
    [
        ("history", {"before": 61, "limit": 60}),
        ("join", {"history": 60}),
        ("join", {"since": {"seq": 0}}),
    ],
)
async def test_what_was_read_before_is_not_given_out_afterwards(
    redis_server: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
    type: str,  # noqa: A002
    fields: dict[str, Any],
) -> None:
    async with answering_late(redis_server, monkeypatch) as (session, frames):
        if "since" in fields:
            epoch = session.session.context.relay.rooms["lobby"].epoch
            fields = {"since": {"epoch": epoch} | fields["since"]}
        await command(session, type, room="lobby", **fields)
        answered = b"".join(frames)
        assert answered.count(b'"erased":true') == 60
        assert WORDS.encode() not in answered


async def test_what_is_on_its_way_to_somebody_is_told_to_be_erased(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever missed too much for one answer hears nothing else until they have come so far."""
    frames: list[bytes] = []
    async with running_node(redis_server) as node:
        session = await signed_in(node, "alice")
        await command(session, "join", room="lobby")
        room = await talked_in(node, session, "line")

        async def erase_what_is_on_its_way(_: WriteBuffer) -> None:
            if not room.erasures.count:
                link = node.context.backplane.link
                log = RoomLog(link, namespace="chat", scope="chat@0", room="lobby")
                await log.erase(room.epoch, seqs=[7])
                await until(lambda: room.erasures.count == 1, "the erasure to be heard")

        monkeypatch.setattr(history, "oldest_within", lambda messages, _: messages[:10])
        monkeypatch.setattr(WriteBuffer, "drained", erase_what_is_on_its_way)
        monkeypatch.setattr(WriteBuffer, "write", lambda _, data: frames.append(data))
        since = {"epoch": room.epoch, "seq": 0}
        await command(session, "join", room="lobby", since=since)
        session.end(goodbye=True)
    assert b'"text":"line 7"' in frames[0]
    assert b'"type":"erased","room":"lobby"' in frames[-1]
    assert b'"seqs":[7]' in frames[-1]
