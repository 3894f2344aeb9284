"""People on different nodes, in one conversation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
import trio

from client.session import ClientSession, CommandError, open_session
from gateway import wire
from tests.cluster.people import following, two_clients, two_sessions
from tests.nodes import Cluster, open_cluster
from tests.redis_server import RedisServer
from tests.websocket import connect


async def presence(session: ClientSession) -> wire.Presence:
    [change] = await following(session, wire.Presence, 1)
    return change


async def test_two_people_on_two_nodes_see_each_other(redis_server: RedisServer) -> None:
    async with two_sessions(redis_server) as (_, alice, bob):
        await alice.join("lobby")
        joined = await bob.join("lobby")
        assert [member.nick for member in joined.members] == ["alice", "bob"]
        seen = await presence(alice)
        while [member.nick for member in seen.joined] != ["bob"]:
            seen = await presence(alice)

        assert await alice.send("lobby", "Hello, Bob!") == 1
        assert await bob.send("lobby", "Hello, Alice!") == 2
        heard = await following(alice, wire.Message, 2)
        assert [(m.seq, m.sender, m.text) for m in heard] == [
            (1, "alice", "Hello, Bob!"),
            (2, "bob", "Hello, Alice!"),
        ]
        assert await following(bob, wire.Message, 2) == heard
        assert await bob.list_rooms() == [wire.RoomInfo(room="lobby", members=2)]


async def test_a_message_is_byte_for_byte_the_same_everywhere(redis_server: RedisServer) -> None:
    async with two_clients(redis_server, room="lobby") as (_, alice, bob):
        text = 'quotes " and \\, ünïcödé, 😀, \u2028 and \x00 control'
        await alice.say({"type": "send", "room": "lobby", "text": text, "id": "1"})
        raw: list[str] = []
        for client in (alice, bob):
            while '"type":"message"' not in (heard := await client.hear_text()):
                pass
            raw.append(heard)
        assert raw[0] == raw[1]


async def test_leaving_and_renaming_are_told_on_every_node(redis_server: RedisServer) -> None:
    async with two_sessions(redis_server) as (cluster, alice, bob):
        await alice.join("lobby")
        await bob.join("lobby")
        assert await bob.rename("Bobby") == "Bobby"
        members = {"alice"}
        while members != {"alice", "Bobby"}:
            change = await presence(alice)
            members |= {member.nick for member in change.joined}
            members = members - {r.was for r in change.changed} | {r.nick for r in change.changed}
        await bob.leave("lobby")
        while (change := await presence(alice)).left != ["Bobby"]:
            pass
        assert [m.nick for m in (await alice.members("lobby")).members] == ["alice"]
        # The old name is free exactly when the new one is taken.
        async with open_session([cluster.urls[1]], nick="BOB"):
            with pytest.raises(CommandError) as refused:
                await alice.rename("bobby")
            assert refused.value.code == "nick_taken"
            assert refused.value.suggestion == "bobby_"


@dataclass
class Crowd:
    """Many clients in one room, of which some talk, all at once."""

    cluster: Cluster
    clients: int
    speakers: int
    each: int
    heard: dict[int, list[tuple[int, str]]] = field(default_factory=dict)
    answered: dict[str, int] = field(default_factory=dict)

    async def talk(self) -> None:
        """Let everybody in, then let the speakers speak; until everybody has heard all of it."""
        waiting = [trio.Event() for _ in range(self.clients)]
        async with trio.open_nursery() as nursery:
            for number, joined in enumerate(waiting):
                nursery.start_soon(self._one, number, joined, waiting)

    async def _one(self, number: int, joined: trio.Event, everybody: list[trio.Event]) -> None:
        url = self.cluster.urls[number % len(self.cluster.urls)]
        async with open_session([url], nick=f"client-{number}") as session:
            await session.join("crowd")
            joined.set()
            for other in everybody:
                await other.wait()
            async with trio.open_nursery() as nursery:
                if number < self.speakers:
                    nursery.start_soon(self._speak, session, number)
                total = self.speakers * self.each
                heard = await following(session, wire.Message, total, seconds=total)
            self.heard[number] = [(m.seq, m.text) for m in heard]

    async def _speak(self, session: ClientSession, number: int) -> None:
        for index in range(self.each):
            text = f"{number}:{index}"
            self.answered[text] = await session.send("crowd", text)


async def test_everybody_hears_everything_in_the_same_order(redis_server: RedisServer) -> None:
    async with open_cluster(redis_server, 3) as cluster:
        crowd = Crowd(cluster, clients=60, speakers=30, each=50)
        await crowd.talk()
        expected = sorted((seq, text) for text, seq in crowd.answered.items())
        assert [seq for seq, _ in expected] == list(range(1, 1501))
        assert len(crowd.heard) == 60
        for heard in crowd.heard.values():
            assert heard == expected
        assert not any(node.errors for node in cluster.nodes)


async def test_joining_amid_the_flow_misses_nothing_and_doubles_nothing(
    redis_server: RedisServer,
) -> None:
    total = 400
    async with open_cluster(redis_server, 2) as cluster:
        received: list[list[int]] = []

        async def speak(session: ClientSession) -> None:
            for index in range(total):
                await session.send("busy", str(index))

        async def join_at(session: ClientSession, url: str, nick: str, seq: int) -> None:
            while (await session.history("busy", limit=1)).messages[-1:] == [] or (
                await session.history("busy", limit=1)
            ).messages[-1].seq < seq:
                pass
            async with open_session([url], nick=nick) as late:
                joined = await late.join("busy", history=200)
                seqs = [m.seq for m in joined.messages]
                assert seqs == list(range(max(1, joined.seq - 199), joined.seq + 1))
                if joined.seq < total:
                    seqs += [m.seq for m in await following(late, wire.Message, total - joined.seq)]
                received.append(seqs)

        async with (
            open_session([cluster.urls[0]], nick="speaker") as speaker,
            open_session([cluster.urls[1]], nick="watcher") as watcher,
            trio.open_nursery() as nursery,
        ):
            await speaker.join("busy")
            await watcher.join("busy")
            nursery.start_soon(speak, speaker)
            for number in range(20):
                url = cluster.urls[number % 2]
                nursery.start_soon(join_at, watcher, url, f"late-{number}", 1 + number * 15)
        assert len(received) == 20
        for seqs in received:
            assert seqs == list(range(seqs[0], total + 1))


async def test_coming_back_with_a_position_gets_what_was_missed(redis_server: RedisServer) -> None:
    async with (
        open_cluster(redis_server, 2) as cluster,
        open_session([cluster.urls[0]], nick="alice") as alice,
    ):
        first = await alice.join("lobby")
        ids = {await alice.send("lobby", "x", message_id=f"{n}"): f"{n}" for n in range(250)}
        async with connect(cluster.urls[1], "bob") as bob:
            since = {"epoch": first.epoch, "seq": 3}
            answer = await bob.join(since=since)
            assert answer["recovered"] is True
            assert [m["seq"] for m in answer["messages"]] == list(range(4, 251))
            answer = await bob.join(since={"epoch": first.epoch, "seq": 250})
            assert (answer["recovered"], answer["messages"]) == (True, [])
            for seq in (100, 199, 200, 249, 250):
                since = {"epoch": first.epoch, "seq": seq, "id": ids[seq]}
                answer = await bob.join(since=since)
                assert answer["recovered"] is True
                assert [m["seq"] for m in answer["messages"]] == list(range(seq + 1, 251))
                answer = await bob.join(since=since | {"id": "another"})
                assert answer["recovered"] is False
            answer = await bob.join(since={"epoch": "another", "seq": 3})
            assert answer["recovered"] is False
            assert [m["seq"] for m in answer["messages"]] == list(range(201, 251))


async def test_whoever_missed_more_than_an_answer_holds_gets_all_of_it_in_order(
    redis_server: RedisServer,
) -> None:
    settings: dict[str, Any] = {"outbox_bytes": 65_536, "history_size": 5_000}
    async with two_clients(redis_server, **settings) as (_, alice, bob):
        epoch = (await alice.join())["epoch"]
        for index in range(1_300):
            text = str(index) if index < 1_200 else "x" * 4_000
            await alice.say({"type": "send", "room": "lobby", "text": text, "id": f"s{index}"})
            await alice.hear_type("ok")
        since = {"epoch": epoch, "seq": 7}
        await bob.say({"type": "join", "room": "lobby", "since": since, "id": "j"})
        seqs = []
        while (frame := await bob.hear())["type"] == "message":
            seqs.append(frame["seq"])
        assert frame["recovered"] is True
        assert len(seqs) > 1_000
        assert seqs + [m["seq"] for m in frame["messages"]] == list(range(8, 1_301))
        await alice.say({"type": "send", "room": "lobby", "text": "more", "id": "more"})
        assert (await bob.hear_type("message"))["seq"] == 1_301
