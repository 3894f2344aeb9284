"""Everything a client can do wrong gets its own answer, and changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
import trio

from tests.cluster.people import one_client
from tests.nodes import NodeProcess, open_cluster
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.websocket import WebSocketClient, connect


@pytest.fixture
async def node(redis_server: RedisServer) -> AsyncIterator[NodeProcess]:
    async with open_cluster(redis_server, 1) as cluster:
        yield cluster.nodes[0]
        assert cluster.nodes[0].errors == []


async def still_well(client: WebSocketClient) -> None:
    """The connection lives, and nobody else heard anything."""
    assert (await client.ask({"type": "ping", "id": "well?"}))["type"] == "ok"


def send(text: Any, room: str = "lobby") -> dict[str, Any]:
    return {"type": "send", "room": room, "text": text, "id": "x"}


REFUSED: list[tuple[str | bytes | dict[str, Any], str, str]] = [
    ("nonsense", "bad_frame", "JSON"),
    ("", "bad_frame", "JSON"),
    ('{"type":"ping"', "bad_frame", "JSON"),
    ("[" * 10_000, "bad_frame", "JSON"),
    ("[1]", "bad_frame", "object"),
    ('"ping"', "bad_frame", "object"),
    ("null", "bad_frame", "object"),
    (b'{"type":"ping"}', "bad_frame", "binary"),
    ({}, "bad_frame", "type"),
    ({"type": "explode", "id": "x"}, "bad_frame", "explode"),
    ({"type": 3}, "bad_frame", "type"),
    ({"type": "join", "id": "x"}, "bad_frame", "room"),
    ({"type": "join", "room": 3, "id": "x"}, "bad_frame", "room"),
    ({"type": "join", "room": "a", "history": -1, "id": "x"}, "bad_frame", "history"),
    ({"type": "join", "room": "a", "history": 201, "id": "x"}, "bad_frame", "history"),
    ({"type": "join", "room": "a", "since": {"epoch": "e"}, "id": "x"}, "bad_frame", "seq"),
    ({"type": "send", "room": "lobby", "text": "no id"}, "bad_frame", "id"),
    ({"type": "ping", "id": ""}, "bad_frame", "id"),
    ({"type": "ping", "id": "x" * 65}, "bad_frame", "id"),
    (send(3), "bad_frame", "text"),
    (send(""), "bad_frame", "empty"),
    (send("x" * 4097), "too_long", "4096"),
    (send("é" * 2049), "too_long", "4096"),
    (send("hello", room="elsewhere"), "not_in_room", "elsewhere"),
    ({"type": "leave", "room": "elsewhere", "id": "x"}, "not_in_room", "elsewhere"),
    ({"type": "history", "room": "elsewhere", "id": "x"}, "not_in_room", "elsewhere"),
    ({"type": "members", "room": "elsewhere", "id": "x"}, "not_in_room", "elsewhere"),
    ({"type": "history", "room": "lobby", "before": 2**64, "id": "x"}, "bad_frame", "before"),
    ({"type": "direct", "to": "bob", "text": "no id"}, "bad_frame", "id"),
    ({"type": "direct", "text": "hi", "id": "x"}, "bad_frame", "to"),
    ({"type": "direct", "to": "bob", "text": "", "id": "x"}, "bad_frame", "empty"),
    ({"type": "direct", "to": "bob", "text": "é" * 2049, "id": "x"}, "too_long", "4096"),
    ({"type": "direct", "to": "nobody", "text": "hi", "id": "x"}, "no_such_nick", "nobody"),
    ({"type": "direct", "to": "", "text": "hi", "id": "x"}, "no_such_nick", "called"),
    ({"type": "direct", "to": "b" * 9000, "text": "hi", "id": "x"}, "no_such_nick", "bbb"),
    ({"type": "direct", "to": "bob\x00 \n", "text": "hi", "id": "x"}, "no_such_nick", "bob"),
    ({"type": "status", "id": "x"}, "bad_frame", "state"),
    ({"type": "status", "state": "gone", "id": "x"}, "bad_frame", "gone"),
    ({"type": "status", "state": "away", "text": "é" * 65, "id": "x"}, "too_long", "128"),
    ({"type": "status", "state": "away", "text": "a\nb", "id": "x"}, "bad_status", "line breaks"),
    ({"type": "status", "state": "away", "text": "\x1b[1m", "id": "x"}, "bad_status", "control"),
    ({"type": "status", "state": "away", "text": "\u2028", "id": "x"}, "bad_status", "line"),
    ({"type": "typing", "id": "x"}, "bad_frame", "room"),
    ({"type": "typing", "room": "lobby", "to": "bob", "id": "x"}, "bad_frame", "either"),
    ({"type": "typing", "room": "elsewhere", "id": "x"}, "not_in_room", "elsewhere"),
    ({"type": "typing", "to": "nobody", "id": "x"}, "no_such_nick", "nobody"),
    ({"type": "join", "room": "", "id": "x"}, "bad_room", "64"),
    ({"type": "join", "room": "r" * 65, "id": "x"}, "bad_room", "64"),
    ({"type": "join", "room": "two words", "id": "x"}, "bad_room", "spaces"),
    ({"type": "join", "room": "bell\x07", "id": "x"}, "bad_room", "invisible"),
    ({"type": "join", "room": "\u200b\u3164", "id": "x"}, "bad_room", "invisible"),
    ({"type": "join", "room": "a\u2800b", "id": "x"}, "bad_room", "U+2800"),
    ({"type": "join", "room": "\u0301a", "id": "x"}, "bad_room", "U+0301"),
    ({"type": "join", "room": "\ufdfa" * 2000, "id": "x"}, "bad_room", "64"),
    ({"type": "join", "room": "Iobby", "id": "x"}, "room_looks_alike", "lobby"),
    ({"type": "leave", "room": "\ufdfa" * 2000, "id": "x"}, "not_in_room", "join it"),
    ({"type": "hello", "nick": "alice", "id": "x"}, "bad_frame", "already"),
    ({"type": "nick", "nick": "a", "id": "x"}, "bad_nick", "2 to 32"),
    ({"type": "nick", "nick": "a" * 33, "id": "x"}, "bad_nick", "2 to 32"),
    ({"type": "nick", "nick": "al ice", "id": "x"}, "bad_nick", "space"),
    ({"type": "nick", "nick": "al\nice", "id": "x"}, "bad_nick", "U+000A"),
    ({"type": "nick", "nick": "аlice", "id": "x"}, "bad_nick", "ASCII"),  # noqa: RUF001
    ({"type": "nick", "nick": "BOB", "id": "x"}, "nick_taken", "BOB_"),
]


async def test_each_wrong_frame_gets_its_own_error(node: NodeProcess) -> None:
    async with connect(node.url, "alice") as alice, connect(node.url, "bob") as bob:
        for client in (alice, bob):
            await client.join()
        for frame, code, words in REFUSED:
            answer = await alice.ask(frame)
            assert answer["type"] == "error", frame
            assert answer["code"] == code, (frame, answer)
            assert words in answer["message"], (frame, answer)
            if isinstance(frame, dict) and frame.get("id") == "x":
                assert answer["id"] == "x", (frame, answer)
        await still_well(alice)
        # Nothing of it reached the room: the first message is the first.
        assert (await alice.ask(send("x" * 4096)))["seq"] == 1
        await until(partial(alice.lists, "alice", "bob"), "both to be listed")


async def test_a_frame_over_16_kib_closes_with_1009(node: NodeProcess) -> None:
    payloads = ('"' + "x" * 16_383 + '"', '"' + "é" * 8_192 + '"', "x" * 5_000_000)
    for number, payload in enumerate(payloads):
        async with connect(node.url, f"alice{number}") as alice:
            # The node may close while a very long frame is still on its way.
            with suppress(trio.BrokenResourceError):
                await alice.say(payload)
            assert await alice.closed() == 1009
    async with connect(node.url, "alice") as alice:
        exactly = '{"type":"ping","id":"x","pad":"' + "x" * (16_384 - 33) + '"}'
        assert len(exactly) == 16_384
        assert (await alice.ask(exactly))["type"] == "ok"


async def test_the_same_id_twice_is_answered_like_the_first_time(node: NodeProcess) -> None:
    async with connect(node.url, "alice") as alice:
        commands: list[dict[str, Any]] = [
            {"type": "join", "room": "lobby", "id": "1"},
            send("once") | {"id": "2"},
            {"type": "nick", "nick": "alicia", "id": "3"},
            {"type": "leave", "room": "lobby", "id": "4"},
        ]
        for command in commands:
            first = await alice.ask(command)
            again = await alice.ask(command)
            assert first["type"] == again["type"] == "ok"
            kept = {"id", "room", "epoch", "seq", "nick"}
            assert {k: v for k, v in first.items() if k in kept} == {
                k: v for k, v in again.items() if k in kept
            }
        joined = await alice.ask({"type": "join", "room": "lobby", "id": "5"})
        assert [m["text"] for m in joined["messages"]] == ["once"]


async def test_fifty_rooms_and_no_more(node: NodeProcess) -> None:
    async with connect(node.url, "alice") as alice:
        for number in range(50):
            answer = await alice.join(f"r{number}")
            assert answer["type"] == "ok"
        answer = await alice.ask({"type": "join", "room": "one-more", "id": "x"})
        assert answer["code"] == "too_many_rooms"
        assert (await alice.join("r0"))["type"] == "ok"
        await alice.ask({"type": "leave", "room": "r0", "id": "l"})
        assert (await alice.ask({"type": "join", "room": "one-more", "id": "x"}))["type"] == "ok"


async def test_who_sends_too_fast_is_told_and_nothing_is_done(redis_server: RedisServer) -> None:
    async with one_client(redis_server, flood_burst=20, flood_rate=0.01) as (_, alice):
        await alice.join()
        for number in range(60):
            await alice.say({"type": "send", "room": "lobby", "text": "!", "id": str(number)})
        answers = [await alice.hear_type("ok", "error") for _ in range(60)]
        refused = [a for a in answers if a["type"] == "error"]
        done = [a for a in answers if a["type"] == "ok"]
        assert [a["seq"] for a in done] == list(range(1, len(done) + 1))
        assert len(done) == 18, "hello and join were commands, too"
        assert {a["code"] for a in refused} == {"too_fast"}
        assert all(0 < a["retry_after"] <= 100 for a in refused)
        assert all("id" in a for a in refused)
