"""A nickname has one owner in the whole cluster."""
# ruff: noqa: RUF001 - letters that look alike are what this is about

from __future__ import annotations

import pytest
import trio

from gateway.backplane import NO_TERM, NickTaken, Replaced
from gateway.policy.nicknames import fold
from tests.backplane.conftest import Node, NodeRegistry
from tests.redis_server import RedisServer


def owners(server: RedisServer) -> dict[str, str]:
    """Who owns what: folded nickname to session."""
    table: dict[str, str] = server.ask("HGETALL", "test:{nicks}")
    return {key: owner.split(" ")[0] for key, owner in table.items()}


def owners_with_nodes(server: RedisServer) -> set[str]:
    """Who owns what and where, ``session node nick``."""
    held = [owner.split(" ", 3) for owner in server.ask("HVALS", "test:{nicks}")]
    return {f"{session} {node} {nick}" for session, node, _, nick in held}


async def taken(node: Node, nick: str, session: str, *variants: str) -> str | None:
    """Claim what somebody else has; gives the variant that is offered."""
    with pytest.raises(NickTaken) as caught:
        await node.nicks.claim(nick, session, variants=lambda _: variants)
    return caught.value.free_variant


def held(server: RedisServer) -> dict[str, str]:
    """Which folded nickname each session has."""
    table: dict[str, str] = server.ask("HGETALL", "test:{nicks}:sessions")
    return table


@pytest.mark.parametrize("same", ["Alice", "alice", "ALICE", "Ａｌｉｃｅ", "аlice", "A1|ce"])
async def test_what_looks_the_same_is_taken_on_every_node(nodes: NodeRegistry, same: str) -> None:
    one, two = await nodes.open("one"), await nodes.open("two")
    await one.nicks.claim("Alice", "s1")
    assert await taken(one, same, "s2") is None
    assert await taken(two, same, "s2") is None


async def test_a_claim_may_be_repeated_and_respelt(node: Node, redis_server: RedisServer) -> None:
    await node.nicks.claim("Alice", "s1")
    await node.nicks.claim("Alice", "s1")
    await node.nicks.claim("ALICE", "s1")
    assert owners(redis_server) == {fold("Alice"): "s1"}
    assert owners_with_nodes(redis_server) == {"s1 n1 ALICE"}


async def test_the_first_free_variant_is_offered(node: Node) -> None:
    for session, nick in {"s1": "Bob", "s2": "bob_", "s3": "BOB2"}.items():
        await node.nicks.claim(nick, session)
    assert await taken(node, "Bob", "new", "Bob_", "Bob2", "Bob3", "Bob4") == "Bob3"
    assert await taken(node, "Bob", "new", "Bob_", "Bob2") is None
    assert await taken(node, "Bob", "new") is None


async def test_a_session_is_not_one_whose_name_begins_alike(node: Node) -> None:
    await node.nicks.claim("Alice", "s11")
    assert await taken(node, "Alice", "s1") is None
    await node.nicks.release({"s1": NO_TERM})
    assert await taken(node, "Alice", "s2") is None


# --- renaming -------------------------------------------------------------------------------------


async def test_at_no_moment_has_somebody_who_renames_no_name_or_two(
    nodes: NodeRegistry, redis_server: RedisServer
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
            await node.nicks.claim(new, session)
            old, new = new, old

    async def look() -> None:
        while not done.is_set():
            owned: list[bytes] = await looker.link.call("HGETALL", "test:{nicks}")
            seen.append(sorted(owner.split(b" ")[0] for owner in owned[1::2]))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(look)
        async with trio.open_nursery() as renaming:
            renaming.start_soon(rename, one, "s1", "Alice", "Alicia")
            renaming.start_soon(rename, two, "s2", "Bob", "Robert")
        done.set()
    assert seen
    assert all(sessions == [b"s1", b"s2"] for sessions in seen)
    assert owners(redis_server) == {fold("Alice"): "s1", fold("Bob"): "s2"}


# --- releasing ------------------------------------------------------------------------------------


async def test_release_frees_only_ones_own(node: Node, redis_server: RedisServer) -> None:
    for session, nick in {"s1": "Alice", "s2": "Bob", "s3": "Carol"}.items():
        await node.nicks.claim(nick, session)
    await node.nicks.release({"s1": NO_TERM, "nobody": NO_TERM, "s3": NO_TERM})
    assert owners(redis_server) == {"bob": "s2"}
    await node.nicks.release({})
    assert owners(redis_server) == {"bob": "s2"}


async def test_a_dead_nodes_nicknames_are_free_and_no_others(
    nodes: NodeRegistry, redis_server: RedisServer
) -> None:
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
    expected = {fold(f"Alike{n}"): f"alike-{n}" for n in range(50)}
    assert owners(redis_server) == expected | {fold(f"Nick{n}"): f"alive-{n}" for n in range(50)}


async def test_what_somebody_else_has_put_there_is_passed_over(
    node: Node, redis_server: RedisServer
) -> None:
    for key, value in (("odd", "nonsense"), ("empty", "")):
        redis_server.ask("HSET", "test:{nicks}", key, value)
    term = await node.nicks.claim("Alice", "s1")
    assert (await node.nicks.holdings())["n1"] == {"s1": (term, fold("Alice"))}
    assert await node.nicks.release_node("n1") == ["s1"]


# --- going on at another node ---------------------------------------------------------------------


async def test_a_session_is_taken_up_with_its_name_and_its_node_is_told(
    nodes: NodeRegistry, redis_server: RedisServer
) -> None:
    old, new = await nodes.open("old"), await nodes.open("new")
    assert await old.subscription.subscribe(old.nodes.channel)
    await old.nicks.claim("Alice Łódź", "s1")
    taken = await new.nicks.resume("s1")
    assert taken is not None
    assert taken.line == "Alice Łódź"
    assert owners_with_nodes(redis_server) == {"s1 new Alice Łódź"}
    assert await old.hear(1) == [b"taken s1"]
    again = await new.nicks.resume("s1")
    assert again is not None
    assert again.line == "Alice Łódź"
    assert again.term > taken.term
    await old.hear_no_more()


async def test_a_session_that_claims_on_another_node_in_a_later_term_is_taken_from_the_first(
    nodes: NodeRegistry, redis_server: RedisServer
) -> None:
    old, new = await nodes.open("old"), await nodes.open("new")
    assert await old.subscription.subscribe(old.nodes.channel)
    term = await old.nicks.claim("Alice", "s1")
    old.backplane.incarnation.renew()
    assert await old.nicks.claim("Alicia", "s1", term=term) == term
    assert await new.nicks.claim("Alice", "s1", term=term + 1) == term + 1
    assert owners_with_nodes(redis_server) == {"s1 new Alice"}
    assert await old.hear(1) == [b"taken s1"]
    await old.hear_no_more()


async def test_there_is_nothing_to_take_up_of_a_session_that_is_over(
    node: Node, redis_server: RedisServer
) -> None:
    assert await node.nicks.resume("s1") is None
    await node.nicks.claim("Alice", "s1")
    await node.nicks.release({"s1": NO_TERM})
    assert await node.nicks.resume("s1") is None
    assert redis_server.keys() == []


async def test_whoever_was_replaced_can_neither_claim_nor_release(
    nodes: NodeRegistry, redis_server: RedisServer
) -> None:
    old, new = await nodes.open("old"), await nodes.open("new")
    await old.nicks.claim("Alice", "s1")
    await new.nicks.resume("s1")
    for nick in ("Alice", "Alicia"):
        with pytest.raises(Replaced):
            await old.nicks.claim(nick, "s1")
    await old.nicks.release({"s1": NO_TERM})
    await new.nicks.release_node("old")
    assert owners_with_nodes(redis_server) == {"s1 new Alice"}
    assert await old.nicks.astray({"s1": "Alice", "s2": "Bob"}) == {"s1": False, "s2": True}
    assert await new.nicks.astray({"s1": "Alice"}) == {}


async def test_a_node_taken_for_dead_claims_again_and_is_not_released_any_more(
    nodes: NodeRegistry, redis_server: RedisServer
) -> None:
    paused, survivor = await nodes.open("paused"), await nodes.open("survivor")
    for session, nick in {"s1": "Alice", "s2": "Bob"}.items():
        await paused.nicks.claim(nick, session)
    paused.backplane.incarnation.renew()
    await paused.nicks.claim("Alice", "s1")
    await survivor.nicks.release_node("paused")
    assert owners_with_nodes(redis_server) == {"s1 paused~2 Alice"}
    assert held(redis_server) == {"s1": fold("Alice")}
    # What ended before it was claimed again is given back all the same.
    await paused.nicks.claim("Bob", "s2")
    paused.backplane.incarnation.renew()
    await paused.nicks.release({"s1": NO_TERM, "s2": NO_TERM})
    assert redis_server.keys() == []


# --- all at once ----------------------------------------------------------------------------------


async def test_of_a_hundred_claims_at_once_one_wins(
    nodes: NodeRegistry, redis_server: RedisServer
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
    assert owners(redis_server) == {fold("Alice"): winners[0]}
