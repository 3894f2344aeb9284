"""Wherever the clock of Redis jumps, what somebody holds stays, and what nobody holds goes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.backplane import Owner
from gateway.backplane.redis.scripts import ERASE
from gateway.backplane.room_log import COPIED_AT_ONCE, COPY_SECONDS, CannotErase, RoomLog
from gateway.cluster.collector import Collector
from tests.backplane.conftest import Node, NodeRegistry
from tests.backplane.sayings import DAY_MS, keys_of, say, say_many, texts, ttl, write
from tests.movable_clock import DAY, HOUR, MovableClock
from tests.redis_server import RedisServer

JUMPS = pytest.mark.parametrize("jump", [2 * HOUR, 8 * DAY, -2 * HOUR, -8 * DAY])


@pytest.fixture
def clock(tmp_path: Path) -> MovableClock:
    return MovableClock(tmp_path)


@pytest.fixture
async def redis_server(tmp_path: Path, clock: MovableClock) -> AsyncIterator[RedisServer]:
    async with RedisServer(tmp_path, clock, appendonly="no") as server:
        yield server


async def hold(node: Node) -> None:
    """Have a session in a room, with messages in the room and in its inbox."""
    await node.nodes.register()
    await node.nicks.claim("Alice", "s1", term=1)
    await node.rooms.join("lobby", "s1", "Alice", term=1)
    await node.rooms.register("lobby")
    await node.rooms.count("lobby")
    await node.backplane.inboxes.address("s1", "k", Owner("s1", "n1", "Alice"), term=1, digest="d")
    await write(node, "direct", session="s1")
    for number in range(3):
        await say(node, str(number))


# --- what somebody holds --------------------------------------------------------------------------


async def test_nothing_that_is_held_expires(node: Node, redis_server: RedisServer) -> None:
    await hold(node)
    assert (await node.nicks.resume("s1")) is not None
    await node.backplane.inboxes.move("s1", b"n1", term=2)
    keys = [*redis_server.keys(), "test:schema"]
    assert {key: redis_server.ask("PTTL", key) for key in keys} == dict.fromkeys(keys, -1)


@JUMPS
async def test_what_is_held_is_there_after_a_jump(
    nodes: NodeRegistry, clock: MovableClock, jump: float
) -> None:
    node, other = await nodes.open("n1"), await nodes.open("n2")
    await hold(node)
    clock.move(jump)
    await other.rooms.forget_expired()
    assert await other.rooms.listing(10) == [("lobby", 1)]
    assert await other.rooms.some(10) == ["lobby"]
    snapshot = await other.rooms.snapshot("lobby", after=0, limit=10, known_version=-1)
    assert (texts(snapshot.messages), snapshot.members) == (["0", "1", "2"], {"s1": "Alice"})
    assert texts((await other.backplane.inboxes.read("s1", after=0, limit=10)).messages) == [
        "direct"
    ]
    assert await other.nicks.owner("alice") == ("s1", "n1", "Alice")


@JUMPS
async def test_a_dead_node_leaves_nothing_after_a_jump(
    nodes: NodeRegistry, clock: MovableClock, redis_server: RedisServer, jump: float
) -> None:
    dead, alive = await nodes.open("n1"), await nodes.open("n2")
    await hold(dead)
    clock.move(jump)
    await alive.rooms.release_node("n1")
    assert await alive.nicks.release_node("n1") == ["s1"]
    await alive.backplane.inboxes.forget(["s1"])
    await alive.nodes.remove("n1")
    assert all(0 < life <= DAY_MS for life in ttl(redis_server, "lobby"))
    clock.move(2 * DAY)
    await alive.rooms.forget_expired()
    assert redis_server.keys() == []


@JUMPS
async def test_a_session_is_resumed_in_a_later_term_each_time(
    nodes: NodeRegistry, clock: MovableClock, jump: float
) -> None:
    node, other = await nodes.open("n1"), await nodes.open("n2")
    terms = [await node.nicks.claim("Alice", "s1")]
    for opened in (other, node, other):
        clock.move(jump)
        resumed = await opened.nicks.resume("s1")
        assert resumed is not None
        terms.append(resumed.term)
    assert terms == sorted(set(terms))


async def test_an_erasure_broken_off_blocks_others_no_longer_when_the_clock_is_set_back(
    nodes: NodeRegistry, clock: MovableClock
) -> None:
    node = await nodes.open(history_size=2000)
    await say_many(node, 1500)
    keys, log = keys_of("lobby"), RoomLog(node.link, namespace="test", scope="test@0", room="lobby")
    position = await log.position()
    assert position is not None
    epoch = position[0]
    begun = await node.link.run_script(
        ERASE,
        (keys.meta, keys.log, keys.copy, keys.copier),
        "somebody else", epoch, COPY_SECONDS * 1000, COPIED_AT_ONCE, 1000, "test@0:x", 0, 1,
    )  # fmt: skip
    assert begun == [b"more"]
    with pytest.raises(CannotErase, match="under way"):
        await log.erase(epoch, seqs=[2])
    clock.move(-2 * HOUR)
    await log.erase(epoch, seqs=[2])
    found = await log.look_up([1, 2, 1500])
    assert (found.present, found.erased, found.gone) == ([1, 1500], [2], [])


# --- what nobody holds ----------------------------------------------------------------------------


async def test_an_inbox_without_a_session_is_deleted_in_the_end(
    node: Node, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hold(node)
    await write(node, "too late", session="gone")
    await write(node, "claimed anew", session="known here")
    collector = Collector(node.backplane, ["known here"])
    before = redis_server.keys()
    for _ in range(3):
        await collector.collect()
    assert redis_server.keys() == before, "it may be claimed again"
    monkeypatch.setattr("gateway.cluster.collector.ABANDONED_SECONDS", 0.0)
    await collector.collect()
    assert set(before) - set(redis_server.keys()) == {
        f"test:{{inbox:gone}}:{part}" for part in ("meta", "log", "ids")
    }


async def test_an_inbox_whose_session_is_claimed_again_stays(
    node: Node, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write(node, "hello", session="s1")
    collector = Collector(node.backplane, [])
    await collector.collect()
    await node.nicks.claim("Alice", "s1")
    monkeypatch.setattr("gateway.cluster.collector.ABANDONED_SECONDS", 0.0)
    for _ in range(3):
        await collector.collect()
    assert redis_server.ask("EXISTS", "test:{inbox:s1}:log")


async def test_a_room_whose_members_redis_has_lost_expires(
    node: Node, redis_server: RedisServer
) -> None:
    await hold(node)
    for room in ("lost", "a}b:{x"):
        await node.rooms.join(room, "s2", "Bob", term=1)
        await say(node, "hello", session="s2", room=room)
        redis_server.ask("DEL", keys_of(room).members)
    redis_server.ask("SET", keys_of("spoilt").members, "by another program")
    collector = Collector(node.backplane, [])
    await collector.collect()
    for room in ("lost", "a}b:{x"):
        assert all(0 < life <= DAY_MS for life in ttl(redis_server, room))
    assert ttl(redis_server, "lobby") == {-1}
    for key in keys_of("lost").all():
        redis_server.ask("PEXPIRE", key, 60_000)
    await collector.collect()
    assert all(life <= 60_000 for life in ttl(redis_server, "lost")), "it is not put off"


async def test_what_a_released_node_wrote_once_more_is_released_too(
    nodes: NodeRegistry, redis_server: RedisServer
) -> None:
    node, late = await nodes.open("n1"), await nodes.open("n2")
    await hold(node)
    await late.rooms.register("lobby")
    await Collector(node.backplane, []).collect()
    assert redis_server.ask("HGETALL", "test:heartbeats") == {"n1": "0", "n2": "-1"}
    await node.rooms.release_node("n2")
    assert not redis_server.ask("EXISTS", "test:{node:n2}:rooms")


async def test_keys_of_others_are_left_alone(node: Node, redis_server: RedisServer) -> None:
    for key in ("{inbox:x}:meta", "test2:{inbox:x}:log", "xtest:{room:r}:meta"):
        redis_server.ask("SET", key, "theirs")
    redis_server.ask("SET", b"test:{inbox:\xff}:meta", "no name of ours")
    page = await node.backplane.keys.next_page()
    assert page.inboxes == {"\ufffd"}
    assert not page.rooms
    assert not page.nodes
    assert page.is_last


async def test_many_keys_are_looked_through_a_part_at_a_time(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.backplane.key_scan.SCAN_COUNT", 10)
    for number in range(100):
        await write(node, "hello", session=f"s{number}")
    found: set[str] = set()
    pages = 1
    while not (page := await node.backplane.keys.next_page()).is_last:
        found |= page.inboxes
        pages += 1
    assert found | page.inboxes == {f"s{number}" for number in range(100)}
    assert pages > 10
