"""Who is in a room, as Redis keeps it, and what goes when nobody is."""

from __future__ import annotations

from functools import partial

import pytest
import trio
from redis.crc import key_slot

from gateway.backplane import Change, read_change
from tests.backplane.conftest import Node, NodeRegistry
from tests.backplane.sayings import DAY_MS, keys_of, say, texts, ttl
from tests.redis_server import RedisServer

# --- who is there ---------------------------------------------------------------------------------


async def test_comings_renamings_and_goings_are_published_with_versions(node: Node) -> None:
    await node.listen("lobby")
    epoch = await node.rooms.join("lobby", "s1", "Alice", term=1)
    assert await node.rooms.join("lobby", "s2", "Bob", term=1) == epoch
    assert await node.rooms.join("lobby", "s1", "Älice", term=1) == epoch
    await node.rooms.leave("lobby", {"s2": 1})
    assert [read_change(payload) for payload in await node.hear(4)] == [
        Change(1, here={"s1": "Alice"}),
        Change(2, here={"s2": "Bob"}),
        Change(3, here={"s1": "Älice"}),
        Change(4, gone=["s2"]),
    ]


async def test_repeating_changes_and_announces_nothing(node: Node) -> None:
    await node.listen("lobby")
    first = await node.rooms.join("lobby", "s1", "Alice", term=1)
    assert await node.rooms.join("lobby", "s1", "Alice", term=1) == first
    await node.rooms.join("lobby", "s2", "Bob", term=1)
    await node.rooms.leave("lobby", {"s2": 1})
    await node.rooms.leave("lobby", {"s2": 1})
    await node.rooms.leave("lobby", {"nobody": 1})
    assert [read_change(payload).version for payload in await node.hear(3)] == [1, 2, 3]
    await node.hear_no_more()


async def test_many_leave_in_one_announcement(node: Node) -> None:
    for number in range(4):
        await node.rooms.join("lobby", f"s{number}", f"Nick{number}", term=1)
    await node.listen("lobby")
    await node.rooms.leave("lobby", {"s0": 1, "nobody": 1, "s2": 1})
    [change] = await node.hear(1)
    assert read_change(change) == Change(5, gone=["s0", "s2"])


async def test_leaving_by_node_takes_only_those_on_it(nodes: NodeRegistry) -> None:
    """Somebody who has resumed on another node meanwhile stays."""
    dead, alive = await nodes.open("n1"), await nodes.open("n11")
    await dead.rooms.join("lobby", "s1", "Alice", term=1)
    await alive.rooms.join("lobby", "s2", "Bob", term=1)
    await alive.rooms.leave("lobby", {"s1": 1, "s2": 1}, node="n1")
    snapshot = await alive.rooms.snapshot("lobby", after=None, limit=1, known_version=-1)
    assert snapshot.members == {"s2": "Bob"}


async def test_a_room_left_empty_without_history_is_gone(
    node: Node, redis_server: RedisServer
) -> None:
    first = await node.rooms.join("cafe", "s1", "Alice", term=1)
    await node.rooms.register("cafe")
    await node.rooms.leave("cafe", {"s1": 1})
    assert redis_server.ask("EXISTS", *keys_of("cafe").all()) == 0
    assert await node.rooms.listing(10) == []
    assert await node.rooms.join("cafe", "s1", "Alice", term=1) != first


async def test_a_room_left_empty_keeps_its_history_for_a_time(
    node: Node, redis_server: RedisServer
) -> None:
    await node.rooms.join("cafe", "s1", "Alice", term=1)
    await say(node, "hello", room="cafe")
    assert ttl(redis_server, "cafe") == {-1}
    await node.rooms.leave("cafe", {"s1": 1})
    lives = ttl(redis_server, "cafe")
    assert lives
    assert all(DAY_MS - 60_000 < life <= DAY_MS for life in lives)


async def test_whoever_comes_back_keeps_the_history(node: Node, redis_server: RedisServer) -> None:
    first = await node.rooms.join("cafe", "s1", "Alice", term=1)
    await say(node, "hello", room="cafe")
    await node.rooms.leave("cafe", {"s1": 1})
    assert await node.rooms.join("cafe", "s2", "Bob", term=1) == first
    assert ttl(redis_server, "cafe") == {-1}
    assert texts(await node.rooms.messages_before("cafe", None, 10)) == ["hello"]
    assert await say(node, "hi", room="cafe", session="s2") == 2


async def test_a_message_into_an_empty_room_does_not_make_it_live_for_ever(
    node: Node, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last member was taken for dead, and spoke."""
    monkeypatch.setattr("gateway.backplane.rooms.REMEMBERED_IDS", 2)
    await node.rooms.join("cafe", "s1", "Alice", term=1)
    await say(node, "1", room="cafe")
    await node.rooms.leave("cafe", {"s1": 1})
    for number in range(2, 6):
        await say(node, str(number), room="cafe")
    assert -1 not in ttl(redis_server, "cafe")


async def test_a_session_may_leave_what_never_was(node: Node, redis_server: RedisServer) -> None:
    await node.rooms.leave("nowhere", {"s1": 1})
    assert redis_server.keys() == []


# --- the listing ----------------------------------------------------------------------------------


async def fill(node: Node, **sizes: int) -> None:
    for room, sessions in sizes.items():
        for number in range(sessions):
            await node.rooms.join(room, f"{room}-{number}", f"Nick{number}", term=1)
    await node.rooms.register(*sizes)
    await node.rooms.count(*sizes)


async def test_the_fullest_rooms_are_listed_first_whenever_they_were_entered(node: Node) -> None:
    await fill(node, пять=5, six=6)
    await fill(node, **{f"room{number}": 1 for number in range(20)}, four=4)
    await fill(node, empty=0)
    assert await node.rooms.listing(3) == [("six", 6), ("пять", 5), ("four", 4)]
    assert await node.rooms.listing(3, "lobby") == [("six", 6), ("пять", 5), ("lobby", 0)]
    assert (await node.rooms.listing(1000))[-1] == ("empty", 0)


async def test_what_a_dead_node_left_empty_keeps_no_other_room_out_of_the_listing(
    nodes: NodeRegistry, redis_server: RedisServer
) -> None:
    dead, alive = await nodes.open("dead"), await nodes.open("alive")
    await fill(dead, **{f"gone{number}": 3 for number in range(20)})
    for number in range(20):
        await say(dead, "1", room=f"gone{number}")  # so that they are there still
    await fill(alive, two=2, one=1)
    assert [size for _, size in await alive.rooms.listing(2)] == [3, 3]
    await alive.rooms.release_node("dead")
    assert await alive.rooms.listing(2) == [("two", 2), ("one", 1)]
    assert redis_server.ask("ZCARD", "test:rooms:sizes") == 2


async def test_a_room_whose_history_has_expired_is_not_listed(
    node: Node, redis_server: RedisServer
) -> None:
    def expire(rooms: list[str]) -> None:
        for index in ("test:rooms:sizes", "test:rooms"):
            redis_server.ask("ZADD", index, *(word for room in rooms for word in (1, room)))

    await node.rooms.register("old", "older", "new")
    expire(["old", "older"])
    assert [room for room, _ in await node.rooms.listing(10)] == ["new"]
    expire([f"old{number}" for number in range(600)])  # more than are forgotten at a time
    await node.rooms.forget_expired()
    assert redis_server.ask("ZRANGE", "test:rooms", 0, -1) == ["new"]
    assert not redis_server.ask("EXISTS", "test:rooms:sizes")


async def test_a_room_is_in_the_index_until_its_history_expires_by_the_clock_of_redis(
    node: Node, redis_server: RedisServer
) -> None:
    def now() -> float:
        seconds, microseconds = redis_server.ask("TIME")
        return int(seconds) + int(microseconds) / 1_000_000

    before = now()
    await node.rooms.register("lobby", "cafe")
    for room in ("lobby", "cafe"):
        until = float(redis_server.ask("ZSCORE", "test:rooms", room))
        assert before - 0.001 <= until - DAY_MS / 1000 <= now() + 0.001


# --- a dead node's members ------------------------------------------------------------------------


async def test_what_a_dead_node_held_is_released_in_batches(nodes: NodeRegistry) -> None:
    dead, alive = await nodes.open("dead"), await nodes.open("alive")
    async with trio.open_nursery() as nursery:
        for number in range(1000):
            nursery.start_soon(
                partial(dead.rooms.join, "big", f"dead-{number}", f"Ghost{number}", term=1)
            )
        for number in range(100):
            nursery.start_soon(
                partial(alive.rooms.join, "big", f"alive-{number}", f"Nick{number}", term=1)
            )
        nursery.start_soon(partial(dead.rooms.join, "small", "dead-0", "Ghost0", term=1))
    await dead.rooms.register("big", "small")
    await alive.rooms.register("big")
    await alive.listen("big")

    await alive.rooms.release_node("dead")

    snapshot = await alive.rooms.snapshot("big", after=None, limit=1, known_version=-1)
    assert snapshot.members == {f"alive-{n}": f"Nick{n}" for n in range(100)}
    changes = [read_change(payload) for payload in await alive.hear(snapshot.version - 1100)]
    assert len(changes) > 1, "no single command may block Redis for everybody"
    assert [change.version for change in changes] == list(range(1101, snapshot.version + 1))
    gone = [session for change in changes for session in change.gone]
    assert sorted(gone) == sorted(f"dead-{n}" for n in range(1000))
    assert dict(await alive.rooms.listing(10)) == {"big": 100}


async def test_two_survivors_release_at_the_same_time(nodes: NodeRegistry) -> None:
    dead, one, two = [await nodes.open(name) for name in ("dead", "one", "two")]
    for number in range(20):
        await dead.rooms.join("lobby", f"s{number}", f"Ghost{number}", term=1)
    await dead.rooms.register("lobby")
    await one.rooms.join("lobby", "alive", "Alice", term=1)
    await one.listen("lobby")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one.rooms.release_node, "dead")
        nursery.start_soon(two.rooms.release_node, "dead")
    snapshot = await one.rooms.snapshot("lobby", after=None, limit=1, known_version=-1)
    assert snapshot.members == {"alive": "Alice"}
    changes = [read_change(payload) for payload in await one.hear(snapshot.version - 21)]
    gone = [session for change in changes for session in change.gone]
    assert sorted(gone) == sorted(f"s{n}" for n in range(20)), "each is announced once"


async def test_who_resumes_elsewhere_at_the_last_moment_stays(
    nodes: NodeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the search for a dead node's members and their release."""
    dead, alive = await nodes.open("dead"), await nodes.open("alive")
    await dead.rooms.join("lobby", "s1", "Alice", term=1)
    await dead.rooms.register("lobby")
    leave = alive.rooms.leave

    async def resume_and_leave(room: str, sessions: dict[str, int], *, node: str) -> None:
        await alive.rooms.join(room, "s1", "Alice", term=2)
        await leave(room, sessions, node=node)

    monkeypatch.setattr(alive.rooms, "leave", resume_and_leave)
    await alive.rooms.release_node("dead")
    snapshot = await alive.rooms.snapshot("lobby", after=None, limit=1, known_version=-1)
    assert snapshot.members == {"s1": "Alice"}


async def test_a_room_that_a_node_has_left_is_not_searched(
    node: Node, redis_server: RedisServer
) -> None:
    await node.rooms.register("one", "two")
    await node.rooms.unregister("one")
    assert redis_server.ask("SMEMBERS", "test:{node:n1}:rooms") == {"two"}


# --- Redis Cluster --------------------------------------------------------------------------------


@pytest.mark.parametrize("room", ["lobby", "a}b", "{x}", "}{", "}", "", "ünï"])
def test_a_rooms_keys_are_on_one_slot_and_its_own(room: str) -> None:
    keys = keys_of(room).all()
    assert len({key_slot(key.encode()) for key in keys}) == 1
    assert len(set(keys)) == len(keys)
