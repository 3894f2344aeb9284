"""Large rooms, long pasts and slow lines: every answer fits, and nobody is closed for one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

import pytest

from client.session import open_session
from gateway.config import Settings
from gateway.net import shares
from gateway.node import Node
from tests import PATIENCE
from tests.cluster.inside import line_to, serving
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.websocket import WebSocketClient

SMALLEST: Final = 65_536
"""The smallest ``--outbox-bytes``; and what the line holds between a node and its client."""
CROWD: Final = 7_000
STATUS: Final = "busy " + "s" * 128
LONGEST: Final = "x" * 4_096


class Served(NamedTuple):
    node: Node
    url: str


@pytest.fixture
def node(served: Served) -> Node:
    return served.node


@pytest.fixture
async def served(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Served]:
    """A node with the smallest bound, which lets members be whom no node has."""
    monkeypatch.setattr("gateway.cluster.membership.TIDY_SECONDS", 3_600.0)
    settings = Settings(
        redis=redis_server.url, port=0, outbox_bytes=SMALLEST, flood_rate=0, redis_timeout=PATIENCE
    )
    running = Node(settings)
    async with serving(running) as url:
        await until(lambda: running.context.why_not_ready() is None, "the node to be ready")
        yield Served(running, url)


@asynccontextmanager
async def connected(node: Node, **hello: object) -> AsyncIterator[WebSocketClient]:
    """Connect so, and say hello."""
    async with line_to(node) as client:
        assert (await client.ask({"type": "hello"} | hello))["type"] == "welcome"
        yield client


def fill(redis_server: RedisServer, lines: Mapping[str, str], room: str = "lobby") -> int:
    """Make these members of a room, by session; return the version of its list."""
    key = f"chat:{{room:{room}}}"
    values = [part for sid, line in lines.items() for part in (sid, f"elsewhere 1 {line}")]
    redis_server.ask("HSETNX", f"{key}:meta", "epoch", "e")
    redis_server.ask("HSET", f"{key}:members", *values)
    return int(redis_server.ask("HINCRBY", f"{key}:meta", "version", 1))


def crowd(size: int, status: str = "") -> dict[str, str]:
    return {f"s{n}": f"person{n:04} {status}".rstrip() for n in range(size)}


async def read_members(client: WebSocketClient, room: str = "lobby") -> list[str]:
    """Read the members of a room that does not change, page by page."""
    nicks: list[str] = []
    after: dict[str, str] = {}
    version = None
    while True:
        page = await client.ask({"type": "members", "room": room, "id": "m"} | after)
        assert version in {None, page["version"]}
        version = page["version"]
        nicks += [member["nick"] for member in page["members"]]
        if "next" not in page:
            return nicks
        after = {"after": page["next"]}


async def test_a_room_of_seven_thousand_is_read_over_a_line_of_64_kib(
    redis_server: RedisServer, node: Node
) -> None:
    fill(redis_server, crowd(CROWD, STATUS))
    everybody = sorted(["alice", *(f"person{n:04}" for n in range(CROWD))])
    async with connected(node, nick="alice") as alice:
        joined = await alice.join()
        assert joined["count"] == CROWD + 1
        assert {"nick": "alice"} in joined["members"]
        assert joined["next"] in {member["nick"] for member in joined["members"]}
        assert await read_members(alice) == everybody
        few = await alice.ask({"type": "members", "room": "lobby", "limit": 3, "id": "m"})
        assert [member["nick"] for member in few["members"]] == everybody[:3]
        assert few["next"] == everybody[2]


async def test_in_a_small_room_members_are_all_in_one_answer_as_ever(node: Node) -> None:
    async with connected(node, nick="bob") as bob, connected(node, nick="alice") as alice:
        await bob.join()
        joined = await alice.join()
        answer = await alice.ask({"type": "members", "room": "lobby", "id": "m"})
        assert joined.keys() == {
            "type", "id", "room", "epoch", "seq", "version", "count", "members", "messages",
        }  # fmt: skip
        assert answer.keys() == {"type", "id", "room", "version", "members"}


async def test_answers_that_nobody_reads_yet_close_nobody(
    redis_server: RedisServer, node: Node
) -> None:
    """As when a client comes back, and joins all its rooms at once."""
    rooms = [f"room{number}" for number in range(20)]
    fill(redis_server, crowd(500, STATUS), "room0")
    async with connected(node, nick="bob") as bob:
        for room in rooms:
            await bob.join(room)
            for number in range(20):
                said = {"type": "send", "room": room, "text": LONGEST, "id": f"{room} {number}"}
                await bob.ask(said)
        async with connected(node, nick="alice") as alice:
            for room in rooms:
                for command in ("join", "history", "members"):
                    say = {"type": command, "room": room, "id": f"{command} {room}"}
                    await alice.say(say)
            for room in rooms:
                for command in ("join", "history", "members"):
                    answer = await alice.hear_type("ok")
                    assert answer["id"] == f"{command} {room}"
                    assert len(json.dumps(answer)) < 3 / 4 * SMALLEST


async def test_four_thousand_statuses_at_once_close_no_bystander(
    redis_server: RedisServer, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.delivery.presence.PRESENCE_INTERVAL", 0.01)
    fill(redis_server, crowd(4_000))
    async with connected(node, nick="alice") as alice:
        joined = await alice.join()
        statuses = crowd(4_000, STATUS)
        version = fill(redis_server, statuses)
        channel = node.context.backplane.rooms.channel("lobby")
        change = json.dumps({"version": version, "here": statuses})
        redis_server.ask("PUBLISH", channel, change)
        known = joined["version"]
        busy = set[str]()
        while len(busy) < 4_000:
            presence = await alice.hear_type("presence")
            assert presence["after"] <= known, "whoever follows the protocol sees no gap"
            known = presence["version"]
            assert len(json.dumps(presence, separators=(",", ":"))) < shares.page(SMALLEST)
            busy |= {member["nick"] for member in presence.get("changed", [])}
        answer = await alice.ask({"type": "members", "room": "lobby", "id": "m"})
        assert answer["version"] == known


async def test_whoever_missed_more_direct_messages_than_fit_gets_the_rest_behind_them(
    node: Node,
) -> None:
    secret = "s" * 10 + "0123456789ab"
    async with connected(node, nick="bob") as bob:
        async with connected(node, nick="alice", session=secret) as alice:
            await alice.say({"type": "direct", "to": "alice", "text": "note", "id": "0"})
            seen = await alice.hear_type("direct")
        for number in range(1, 101):
            said = {"type": "direct", "to": "alice", "text": LONGEST, "id": str(number)}
            assert (await bob.ask(said))["type"] == "ok"
        position = {name: seen[name] for name in ("epoch", "seq", "id")}
        async with line_to(node) as again:
            welcome = await again.ask({"type": "hello", "resume": secret, "inbox": position})
            assert welcome["recovered"] is True
            heard = [direct["id"] for direct in welcome["directs"]]
            assert welcome["inbox"]["seq"] == 1 + len(heard)
            while len(heard) < 100:
                heard.append((await again.hear_type("direct"))["id"])
            assert heard == [str(number) for number in range(1, 101)]


async def test_rooms_with_long_names_fit_too(redis_server: RedisServer, node: Node) -> None:
    names = [f"{n:04}{chr(0x20000) * 60}" for n in range(500)]
    redis_server.ask("ZADD", "chat:rooms", *(part for name in names for part in (2e9, name)))
    async with connected(node, nick="alice") as alice:
        rooms = (await alice.ask({"type": "rooms", "id": "r"}))["rooms"]
    assert 100 < len(rooms) < 500
    assert {"room": "lobby", "members": 0} in rooms


async def test_an_error_does_not_say_again_all_that_was_said(node: Node) -> None:
    async with connected(node, nick="alice") as alice:
        long = "\x7f" * 15_000
        for command in ("leave", "members", "history", "typing"):
            answer = await alice.ask(f'{{"type":"{command}","room":"{long}","id":"x"}}')
            assert answer["code"] == "not_in_room"
            assert len(answer["message"]) < 400


async def test_the_client_library_reads_all_members_of_a_large_room(
    redis_server: RedisServer, served: Served
) -> None:
    fill(redis_server, crowd(CROWD, STATUS))
    async with open_session([served.url], nick="alice") as alice:
        joined = await alice.join("lobby")
        assert joined.next is not None
        listed = await alice.members("lobby")
        nicks = {member.nick for member in listed.members}
        assert nicks | {"alice"} == {"alice", *(f"person{n:04}" for n in range(CROWD))}
        assert alice.connected
