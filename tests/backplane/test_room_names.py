"""A room is called as it was first written, and no other that exists looks like it."""
# ruff: noqa: RUF001 - letters that look alike are what this is about

from __future__ import annotations

import trio

from gateway.backplane import LooksAlike
from gateway.policy import room_names
from tests.backplane.conftest import Node, NodeRegistry
from tests.redis_server import RedisServer

DAY = 86_400


async def enter(node: Node, name: str, session: str = "s1") -> str:
    """Do what a join does; return the room's name, or that of the other if it looks alike."""
    room = room_names.check(name)
    entered = await node.rooms.join(room.key, session, "Alice", term=1, name=room.shown)
    if not entered.settled:
        try:
            await node.rooms.names.settle(room.key, entered.name)
        except LooksAlike as alike:
            await node.rooms.leave(room.key, {session: 1})
            return f"looks like {alike.other}"
    return entered.name


async def test_the_first_spelling_is_the_name(nodes: NodeRegistry) -> None:
    one, two = await nodes.open("one"), await nodes.open("two")
    assert await enter(one, "Café") == "Café"
    assert await enter(two, "CAFE\u0301", "s2") == "Café"
    await two.rooms.register("café")
    assert await two.rooms.listing(10) == [("Café", 2)]


async def test_a_room_that_is_gone_may_be_written_anew(node: Node) -> None:
    assert await enter(node, "Ops") == "Ops"
    await node.rooms.leave("ops", {"s1": 1})
    assert await enter(node, "OPS") == "OPS"


async def test_what_looks_like_a_room_is_not_made(
    nodes: NodeRegistry, redis_server: RedisServer
) -> None:
    one, two = await nodes.open("one"), await nodes.open("two")
    assert await enter(one, "INFO") == "INFO"
    for alike in ("lnfo", "1NFO", "infо", "ΙNFΟ"):
        assert await enter(two, alike, "s2") == "looks like INFO"
    assert redis_server.ask("KEYS", "*:meta") == ["test:{room:info}:meta"]


async def test_a_room_that_is_gone_keeps_nobody_from_one_that_looks_like_it(node: Node) -> None:
    assert await enter(node, "ops") == "ops"
    await node.rooms.leave("ops", {"s1": 1})
    assert await enter(node, "оps") == "оps"
    assert await enter(node, "ops", "s2") == "looks like оps"


async def test_of_rooms_made_at_once_that_look_alike_there_is_one(nodes: NodeRegistry) -> None:
    """Whoever is refused may ask again, and then the name of the one that there is comes back."""
    opened = [await nodes.open(f"n{number}") for number in range(3)]
    spellings = ["ops", "оps", "opѕ", "oрs", "0PS", "ОPS"]
    for turn in range(20):
        names: list[str] = []

        async def make(node: Node, name: str, session: str, names: list[str]) -> None:
            names.append(await enter(node, name, session))

        async with trio.open_nursery() as nursery:
            for number in range(24):
                spelling = spellings[(number + turn) % len(spellings)]
                session = f"s{turn}-{number}"
                nursery.start_soon(make, opened[number % 3], spelling, session, names)
        made = {name for name in names if not name.startswith("looks like ")}
        assert len({room_names.key(name) for name in made}) == 1
        for node in opened:
            for spelling in spellings:
                sessions = {f"s{turn}-{number}": 1 for number in range(24)}
                await node.rooms.leave(room_names.key(spelling), sessions)


async def test_a_claim_is_renewed_and_made_again_if_redis_lost_it(
    node: Node, redis_server: RedisServer
) -> None:
    await enter(node, "INFO")
    looks = ["test:{look:info}", "test:{look:lnfo}"]
    assert [redis_server.ask("TTL", key) for key in looks] == [-1, -1]
    redis_server.ask("DEL", looks[0])
    redis_server.ask("EXPIRE", looks[1], 1)
    await node.rooms.register("info")
    for key in looks:
        assert redis_server.ask("TTL", key) == -1
        assert redis_server.ask("GET", key).endswith(" info")


async def test_the_claim_of_a_room_that_is_gone_is_released(
    node: Node, redis_server: RedisServer
) -> None:
    await enter(node, "INFO")
    await enter(node, "ops", "s2")
    await node.rooms.leave("info", {"s1": 1})
    page = await node.backplane.keys.next_page()
    assert page.looks == {"info", "lnfo", "ops"}
    await node.rooms.names.release_abandoned(page.looks)
    assert redis_server.ask("EXISTS", "test:{look:info}", "test:{look:lnfo}") == 0
    assert redis_server.ask("GET", "test:{look:ops}").endswith(" ops")


async def test_an_empty_room_with_a_log_keeps_what_it_looks_like(
    node: Node, redis_server: RedisServer
) -> None:
    await enter(node, "ops")
    await node.rooms.publish("ops", "s1", "1", b',"text":"x"}', term=1, digest="d")
    await node.rooms.leave("ops", {"s1": 1})
    await node.rooms.unregister("ops")
    assert redis_server.ask("TTL", "test:{look:ops}") > DAY
    assert await enter(node, "оps", "s2") == "looks like ops"


async def test_so_does_one_that_a_dead_node_leaves_behind(
    nodes: NodeRegistry, redis_server: RedisServer
) -> None:
    dead, alive = await nodes.open("dead"), await nodes.open("alive")
    await enter(dead, "ops")
    await dead.rooms.register("ops")
    await dead.rooms.publish("ops", "s1", "1", b',"text":"x"}', term=1, digest="d")
    redis_server.ask("DEL", "test:{look:ops}")  # nobody has renewed it for long
    await alive.rooms.release_node("dead")
    assert redis_server.ask("TTL", "test:{look:ops}") > DAY
    assert await enter(alive, "оps", "s2") == "looks like ops"


async def test_a_node_brings_back_the_name_of_a_room_that_redis_lost(
    node: Node, redis_server: RedisServer
) -> None:
    await enter(node, "Ops")
    redis_server.ask("FLUSHALL")
    entered = await node.rooms.join("ops", "s1", "Alice", term=1)
    assert entered.name == "Ops"


async def test_a_room_that_is_left_while_its_name_is_settled_leaves_nothing(
    node: Node, redis_server: RedisServer
) -> None:
    entered = await node.rooms.join("ops", "s1", "Alice", term=1, name="Ops")
    await node.rooms.leave("ops", {"s1": 1})
    await node.rooms.names.settle("ops", entered.name)
    assert not redis_server.ask("EXISTS", "test:{room:ops}:meta")
