"""The rooms and the read markers of accounts in Redis."""

from __future__ import annotations

import pytest
import trio

from gateway.backplane.account_rooms import (
    MOST_UNREAD_READ,
    AccountRooms,
    Marker,
    Markers,
    RoomUnread,
)
from gateway.backplane.redis.link import Link
from tests.backplane.conftest import Node
from tests.backplane.sayings import say
from tests.redis_server import RedisServer


@pytest.fixture
def store(link: Link) -> AccountRooms:
    return AccountRooms(link, namespace="test")


async def test_rooms_are_kept_by_their_keys(store: AccountRooms) -> None:
    await store.add_room("a1", "lobby", "Lobby")
    await store.add_room("a1", "straße", "Straße")
    await store.add_room("a1", "lobby", "LOBBY")
    assert await store.rooms("a1") == {"lobby": "LOBBY", "straße": "Straße"}
    await store.remove_room("a1", "lobby")
    assert await store.rooms("a1") == {"straße": "Straße"}
    assert await store.rooms("a2") == {}


async def test_a_marker_never_goes_back(store: AccountRooms) -> None:
    assert await store.read_room("a1", "lobby", 7)
    assert not await store.read_room("a1", "lobby", 7)
    assert not await store.read_room("a1", "lobby", 6)
    assert await store.read_room("a1", "lobby", 10)
    assert await store.read_person("a1", "tag", 5, 2)
    assert not await store.read_person("a1", "tag", 4, 9)
    assert await store.markers("a1") == Markers({"lobby": Marker(10)}, {"tag": Marker(5, 2)})


async def test_markers_are_bounded(
    store: AccountRooms, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of rooms that the account is in stay, and those that were read last."""
    monkeypatch.setattr("gateway.backplane.account_rooms.MOST_MARKERS", 10)
    await store.add_room("a1", "here", "Here", read=1)
    for number in range(4):
        await store.read_room("a1", f"left-{number}", 100)
        await store.read_person("a1", f"tag-{number}", number, 0)
    await store.read_person("a1", "tag-8", 8, 0)
    await store.read_person("a1", "tag-9", 9, 0)
    assert redis_server.ask("HLEN", "test:{account:a1}:read") == 11
    await store.read_person("a1", "tag-9", 10, 0)  # is there already
    await store.read_person("a1", "tag-11", 11, 0)
    markers = await store.markers("a1")
    assert sum(map(len, markers)) == 11
    assert "here" in markers.rooms
    assert len(markers.rooms) == 4
    assert {"tag-0", "tag-9", "tag-11"} <= markers.persons.keys()
    for number in range(12, 30):
        await store.read_person("a1", f"tag-{number}", number, 0)
    markers = await store.markers("a1")
    assert list(markers.rooms) == ["here"]
    newest = [f"tag-{number}" for number in range(21, 30)]
    assert set(newest) <= markers.persons.keys()
    assert len(markers.persons) <= 10


async def test_of_markers_moved_at_once_the_furthest_stays(store: AccountRooms) -> None:
    async with trio.open_nursery() as nursery:
        for seq in (3, 9, 10, 1, 8, 2):
            nursery.start_soon(store.read_room, "a1", "lobby", seq)
    assert (await store.markers("a1")).rooms == {"lobby": Marker(10)}


async def test_what_is_unread_is_counted_from_the_marker(
    store: AccountRooms, node: Node, redis_server: RedisServer
) -> None:
    await node.rooms.join("lobby", "s1", "Ann", term=1)
    for number in range(5):
        await say(node, f"text {number}")
    for room in ("lobby", "empty", "ahead"):
        await store.add_room("a1", room, room.title())
    await store.read_room("a1", "lobby", 3)
    await store.read_room("a1", "ahead", 9)
    redis_server.ask("CONFIG", "RESETSTAT")
    rooms = await store.unread("a1")
    assert rooms == [
        RoomUnread("ahead", "Ahead", 0, 9, 0),
        RoomUnread("empty", "Empty", 0, 0, 0),
        RoomUnread("lobby", "Lobby", 5, 3, 2),
    ]
    texts = await store.newest_unread(rooms)
    assert list(texts) == ["lobby"]
    assert [b'"seq":4' in texts["lobby"][0], b'"seq":5' in texts["lobby"][1]] == [True, True]


async def test_only_the_newest_unread_messages_are_read(store: AccountRooms, node: Node) -> None:
    await node.rooms.join("lobby", "s1", "Ann", term=1)
    for number in range(MOST_UNREAD_READ + 5):
        await say(node, f"text {number}")
    await store.add_room("a1", "lobby", "lobby")
    [found] = (await store.newest_unread(await store.unread("a1"))).values()
    assert len(found) == MOST_UNREAD_READ
    assert b'"seq":6' in found[0]


async def test_what_another_program_wrote_counts_for_nothing(
    store: AccountRooms, redis_server: RedisServer
) -> None:
    await store.add_room("a1", "lobby", "lobby")
    await store.add_room("a1", "logless", "logless")
    await store.add_room("a1", "spoilt", "spoilt")
    redis_server.ask("HSET", "test:{room:lobby}:meta", "seq", "many")
    redis_server.ask("HSET", "test:{room:logless}:meta", "seq", 3)
    redis_server.ask("SET", "test:{room:logless}:log", "theirs")
    redis_server.ask("SET", "test:{room:spoilt}:meta", "theirs")
    redis_server.ask("HSET", "test:{account:a1}:read", "#lobby", "x", "y", "1", "@t", "1 x")
    rooms = await store.unread("a1")
    assert [room.unread for room in rooms] == [0, 3, 0]
    assert await store.newest_unread(rooms) == {}
    assert await store.markers("a1") == Markers({}, {})
    assert await store.read_room("a1", "lobby", 1)
