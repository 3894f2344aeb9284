"""A nickname has one owner in the whole cluster."""
# ruff: noqa: RUF001 - letters that look alike are what this is about

from __future__ import annotations

import pytest
import trio

from gateway.backplane import NickTaken
from tests.backplane.conftest import Node, Nodes
from tests.redis_server import RedisServer


def owners(server: RedisServer) -> dict[str, str]:
    """Who owns what: folded nickname to session."""
    table: dict[str, str] = server.ask("HGETALL", "test:nicks")
    return {key: owner.split(" ")[0] for key, owner in table.items()}


async def taken(node: Node, nick: str, session: str, *variants: str) -> str | None:
    """Claim what somebody else has; gives the variant that is offered."""
    with pytest.raises(NickTaken) as caught:
        await node.nicks.claim(nick, session, variants=lambda _: variants)
    return caught.value.free_variant


async def test_a_claim_makes_it_ones_own(node: Node, redis_server: RedisServer) -> None:
    await node.nicks.claim("Alice", "s1")
    assert owners(redis_server) == {"alice": "s1"}
    assert redis_server.ask("HGET", "test:nicks", "alice") == "s1 n1 Alice"


@pytest.mark.parametrize("same", ["Alice", "alice", "ALICE", "Ａｌｉｃｅ", "аlice"])
async def test_what_looks_the_same_is_taken_on_every_node(nodes: Nodes, same: str) -> None:
    one, two = await nodes.open("one"), await nodes.open("two")
    await one.nicks.claim("Alice", "s1")
    assert await taken(one, same, "s2") is None
    assert await taken(two, same, "s2") is None


async def test_a_claim_may_be_repeated_and_respelt(node: Node, redis_server: RedisServer) -> None:
    await node.nicks.claim("Alice", "s1")
    await node.nicks.claim("Alice", "s1")
    await node.nicks.claim("ALICE", "s1", giving_up=["Alice"])
    assert redis_server.ask("HGETALL", "test:nicks") == {"alice": "s1 n1 ALICE"}


async def test_the_first_free_variant_is_offered(node: Node) -> None:
    for session, nick in {"s1": "Bob", "s2": "bob_", "s3": "BOB2"}.items():
        await node.nicks.claim(nick, session)
    assert await taken(node, "Bob", "new", "Bob_", "Bob2", "Bob3", "Bob4") == "Bob3"
    assert await taken(node, "Bob", "new", "Bob_", "Bob2") is None
    assert await taken(node, "Bob", "new") is None


async def test_a_session_is_not_one_whose_name_begins_alike(node: Node) -> None:
    await node.nicks.claim("Alice", "s11")
    assert await taken(node, "Alice", "s1") is None
    await node.nicks.release([("Alice", "s1")])
    assert await taken(node, "Alice", "s2") is None


# --- renaming -------------------------------------------------------------------------------------


async def test_renaming_frees_the_old_name_with_the_new(
    node: Node, redis_server: RedisServer
) -> None:
    await node.nicks.claim("Alice", "s1")
    await node.nicks.claim("Alicia", "s1", giving_up=["Alice"])
    assert owners(redis_server) == {"alicia": "s1"}


async def test_a_renaming_that_is_refused_changes_nothing(
    node: Node, redis_server: RedisServer
) -> None:
    await node.nicks.claim("Alice", "s1")
    await node.nicks.claim("Bob", "s2")
    with pytest.raises(NickTaken):
        await node.nicks.claim("Bob", "s1", giving_up=["Alice"])
    assert owners(redis_server) == {"alice": "s1", "bob": "s2"}


async def test_only_ones_own_is_given_up(node: Node, redis_server: RedisServer) -> None:
    await node.nicks.claim("Bob", "s2")
    await node.nicks.claim("Alice", "s1", giving_up=["Bob", "Nobody"])
    assert owners(redis_server) == {"alice": "s1", "bob": "s2"}


async def test_at_no_moment_has_somebody_who_renames_no_name_or_two(
    nodes: Nodes, redis_server: RedisServer
) -> None:
    """Two rename to and fro; a third looks on, at every moment that Redis has."""
    one, two = await nodes.open("one"), await nodes.open("two")
    looker = await nodes.open("looker")
    await one.nicks.claim("Alice", "s1")
    await two.nicks.claim("Bob", "s2")
    seen: list[list[bytes]] = []
    done = trio.Event()

    async def rename(node: Node, session: str, old: str, new: str) -> None:
        for _ in range(50):
            await node.nicks.claim(new, session, giving_up=[old])
            old, new = new, old

    async def look() -> None:
        while not done.is_set():
            owned: list[bytes] = await looker.link.call("HVALS", "test:nicks")
            seen.append(sorted(owner.split(b" ")[0] for owner in owned))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(look)
        async with trio.open_nursery() as renaming:
            renaming.start_soon(rename, one, "s1", "Alice", "Alicia")
            renaming.start_soon(rename, two, "s2", "Bob", "Robert")
        done.set()
    assert seen
    assert all(sessions == [b"s1", b"s2"] for sessions in seen)
    assert owners(redis_server) == {"alice": "s1", "bob": "s2"}


# --- releasing ------------------------------------------------------------------------------------


async def test_release_frees_only_ones_own(node: Node, redis_server: RedisServer) -> None:
    for session, nick in {"s1": "Alice", "s2": "Bob", "s3": "Carol"}.items():
        await node.nicks.claim(nick, session)
    await node.nicks.release([("ALICE", "s1"), ("Bob", "s1"), ("Nobody", "s1"), ("Carol", "s3")])
    assert owners(redis_server) == {"bob": "s2"}
    await node.nicks.release([])
    assert owners(redis_server) == {"bob": "s2"}


async def test_what_was_released_is_free(node: Node, redis_server: RedisServer) -> None:
    await node.nicks.claim("Alice", "s1")
    await node.nicks.release([("Alice", "s1")])
    await node.nicks.claim("alice", "s2")
    assert owners(redis_server) == {"alice": "s2"}


async def test_a_dead_nodes_nicknames_are_free_and_no_others(
    nodes: Nodes, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.backplane.nicks._SCAN_COUNT", 50)
    dead, alike, alive = [await nodes.open(name) for name in ("n1", "n11", "n2")]
    async with trio.open_nursery() as nursery:
        for number in range(600):
            nursery.start_soon(dead.nicks.claim, f"Ghost{number}", f"dead-{number}")
        for number in range(50):
            nursery.start_soon(alike.nicks.claim, f"Alike{number}", f"alike-{number}")
            nursery.start_soon(alive.nicks.claim, f"Nick{number}", f"alive-{number}")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(alive.nicks.release_node, "n1")
        nursery.start_soon(alike.nicks.release_node, "n1")
    expected = {f"alike{n}": f"alike-{n}" for n in range(50)}
    assert owners(redis_server) == expected | {f"nick{n}": f"alive-{n}" for n in range(50)}


# --- all at once ----------------------------------------------------------------------------------


async def test_of_a_hundred_claims_at_once_one_wins(
    nodes: Nodes, redis_server: RedisServer
) -> None:
    opened = [await nodes.open(f"n{number}") for number in range(3)]
    winners: list[str] = []
    losers: list[str] = []

    async def claim(number: int) -> None:
        session = f"s{number}"
        spelling = ("Alice", "ALICE", "аlice")[number % 3]
        try:
            await opened[number % 3].nicks.claim(spelling, session)
        except NickTaken:
            losers.append(session)
        else:
            winners.append(session)

    async with trio.open_nursery() as nursery:
        for number in range(100):
            nursery.start_soon(claim, number)
    assert len(winners) == 1
    assert len(losers) == 99
    assert owners(redis_server) == {"alice": winners[0]}
