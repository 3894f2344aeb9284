"""The register of nodes, and their heartbeats."""

from __future__ import annotations

from tests.backplane.conftest import Node, NodeRegistry
from tests.redis_server import RedisServer


async def test_a_node_counts_once_it_has_registered(node: Node) -> None:
    assert await node.nodes.beat(b"probe") == (False, {})
    await node.nodes.register()
    assert await node.nodes.beat(b"probe") == (True, {})


async def test_each_beat_shows_to_the_others(nodes: NodeRegistry) -> None:
    one, two = await nodes.open("one"), await nodes.open("two")
    await one.nodes.register()
    await two.nodes.register()
    seen = []
    for _ in range(3):
        await one.nodes.beat(b"probe")
        seen.append((await two.nodes.beat(b"probe")).beats)
    assert seen == [{"one": 1}, {"one": 2}, {"one": 3}]


async def test_the_probe_comes_back_by_ones_own_subscription_only(nodes: NodeRegistry) -> None:
    one, two = await nodes.open("one"), await nodes.open("two")
    assert await one.subscription.subscribe(one.nodes.channel)
    assert await two.subscription.subscribe(two.nodes.channel)
    await one.nodes.beat(b"of one")
    await two.nodes.beat(b"of two")
    assert await one.hear(1) == [b"of one"]
    assert await two.hear(1) == [b"of two"]


async def test_whoever_was_declared_dead_finds_out_and_does_not_count_by_beating(
    nodes: NodeRegistry,
) -> None:
    sleeper, survivor = await nodes.open("sleeper"), await nodes.open("survivor")
    await sleeper.nodes.register()
    await survivor.nodes.register()
    await survivor.nodes.declare_dead("sleeper")
    for _ in range(3):
        assert not (await sleeper.nodes.beat(b"probe")).registered
    assert (await survivor.nodes.beat(b"probe")).beats == {"sleeper": -1}
    await sleeper.nodes.register()
    assert (await sleeper.nodes.beat(b"probe")).registered


async def test_whoever_was_struck_off_does_not_come_back_by_beating(nodes: NodeRegistry) -> None:
    gone, survivor = await nodes.open("gone"), await nodes.open("survivor")
    await gone.nodes.register()
    await survivor.nodes.remove("gone")
    assert not (await gone.nodes.beat(b"probe")).registered
    assert (await survivor.nodes.beat(b"probe")).beats == {}


async def test_a_node_finds_out_that_redis_has_lost_its_data(
    node: Node, redis_server: RedisServer
) -> None:
    await node.nodes.register()
    redis_server.ask("FLUSHALL")
    assert not (await node.nodes.beat(b"probe")).registered
