"""Inboxes in Redis: one order each, every message once, heard by the node that has the session."""

from __future__ import annotations

import json
from functools import partial

import pytest
import trio
from redis.crc import key_slot

from gateway import wire
from gateway.backplane import IdReused, Owner, payloads
from gateway.backplane.inboxes import InboxKeys, InboxPosition
from gateway.delivery.account_channels import AccountChannels
from gateway.delivery.inbox import Inboxes
from gateway.observability.metrics import Counts
from tests.backplane.conftest import Node, NodeRegistry
from tests.backplane.sayings import seqs, texts, write
from tests.redis_server import RedisServer

KEYS = InboxKeys("test", "bob")


async def test_what_is_delivered_is_heard_and_logged_the_same(nodes: NodeRegistry) -> None:
    there, here = await nodes.open("n1"), await nodes.open("n2")
    assert await there.subscription.subscribe(there.nodes.channel)
    assert await write(here, "Grüße 👋") == 1
    [heard] = await there.hear(1)
    session, message = payloads.read_marked(heard)
    page = await here.backplane.inboxes.read("bob", after=0, limit=10)
    assert (session, page.seq, page.messages) == ("bob", 1, [message])
    assert payloads.direct_epoch(message) == page.epoch
    event = wire.decode_event(message.decode())
    assert isinstance(event, wire.DirectMessage)
    assert (event.seq, event.epoch, event.sender, event.to, event.text) == (
        1, page.epoch, "Alice", "Bob", "Grüße 👋",
    )  # fmt: skip


async def test_the_same_key_is_logged_once_and_published_each_time(nodes: NodeRegistry) -> None:
    opened = [await nodes.open(f"n{number}") for number in range(1, 4)]
    assert await opened[0].subscription.subscribe(opened[0].nodes.channel)
    answers: list[int] = []

    async def again(node: Node) -> None:
        answers.append(await write(node, "once", key="s1:1"))

    async with trio.open_nursery() as nursery:
        for number in range(30):
            nursery.start_soon(again, opened[number % 3])
    assert answers == [1] * 30
    assert await write(opened[1], "other") == 2
    heard = [payloads.read_marked(payload)[1] for payload in await opened[0].hear(31)]
    assert texts(heard) == ["once"] * 30 + ["other"]
    await opened[0].hear_no_more()
    address = opened[0].backplane.inboxes.address
    keys = {"s1:1": "once", "other": "other", "new": "new"}
    found = [
        await address("bob", key, None, term=1, digest=payloads.digest_of(text))
        for key, text in keys.items()
    ]
    assert found == [1, 2, None]


async def test_notes_of_messages_that_never_arrived_are_bounded(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.backplane.inboxes.REMEMBERED_IDS", 10)
    bob = Owner("bob", "n1", "Bob")
    for number in range(100):
        assert (
            await node.backplane.inboxes.address("alice", str(number), bob, term=1, digest="d")
            == bob
        )
    keys = InboxKeys("test", "alice")
    remembered = await node.link.call_all([("HLEN", keys.ids), ("HLEN", keys.older_ids)])
    assert 10 <= sum(remembered) <= 20
    assert await node.backplane.inboxes.address("alice", "99", None, term=1, digest="d") == bob


async def test_a_key_stands_for_what_was_said_first_even_if_it_never_arrived(node: Node) -> None:
    inboxes, bob, carol = node.backplane.inboxes, Owner("bob", "n1", "Bob"), Owner("c", "n1", "C")
    assert await inboxes.address("alice", "k", bob, term=1, digest="1") == bob
    with pytest.raises(IdReused):
        await inboxes.address("alice", "k", carol, term=1, digest="2")
    assert await inboxes.address("alice", "k", carol, term=1, digest="1") == bob
    deliver = partial(inboxes.deliver, "alice", b"n1", "k", mark=b"", tail=b"}")
    assert await deliver(digest="1") == 1
    for refused in (
        partial(inboxes.address, "alice", "k", carol, term=1, digest="2"),
        partial(deliver, digest="2"),
    ):
        with pytest.raises(IdReused):
            await refused()
    assert await inboxes.address("alice", "k", carol, term=1, digest="1") == 1
    assert await deliver(digest="1") == 1


async def test_a_key_is_remembered_for_many_messages(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.backplane.inboxes.REMEMBERED_IDS", 10)
    for number in range(1, 41):
        assert await write(node, str(number)) == number
        for recent in range(max(1, number - 10), number + 1):
            assert await write(node, str(recent)) == recent
    remembered = await node.link.call_all([("HLEN", KEYS.ids), ("HLEN", KEYS.older_ids)])
    assert 10 <= sum(remembered) <= 20


async def test_the_log_is_bounded_and_read_from_any_place(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.backplane.inboxes.INBOX_SIZE", 150)
    for number in range(1, 501):
        await write(node, str(number))
    everything = await node.backplane.inboxes.read("bob", after=0, limit=1000)
    assert 150 <= len(everything.messages) <= 300
    assert seqs(everything.messages)[-1] == everything.seq == 500
    page = await node.backplane.inboxes.read("bob", after=490, limit=4)
    assert seqs(page.messages) == [491, 492, 493, 494]
    assert (await node.backplane.inboxes.read("bob", after=500, limit=4)).messages == []


async def test_an_inbox_has_no_expiry_whoever_wrote_to_it(
    node: Node, redis_server: RedisServer
) -> None:
    def lives() -> set[int]:
        return {redis_server.ask("PTTL", key) for key in KEYS.all()} - {-2}

    bob = Owner("bob", "n1", "Bob")
    await node.backplane.inboxes.address("bob", "k", bob, term=1, digest="d")
    assert lives() == {-1}
    await write(node, "hello")
    assert lives() == {-1}
    for again in (
        partial(node.backplane.inboxes.keep, ["bob", "nobody"]),
        partial(node.backplane.inboxes.move, "bob", b"n2", term=1),
    ):
        for key in KEYS.all():
            redis_server.ask("PEXPIRE", key, 60_000)  # as nodes of earlier releases do
        await again()
        assert lives() == {-1}
    await node.backplane.inboxes.forget(["bob", "nobody"])
    assert redis_server.keys() == []


async def test_many_positions_at_once(node: Node) -> None:
    await write(node, "hello")
    [bobs, nobodys] = await node.backplane.inboxes.positions(["bob", "nobody"])
    assert bobs is not None
    assert (bobs.seq, bool(bobs.epoch), nobodys) == (1, True, InboxPosition("", 0))


async def test_a_spoilt_inbox_leaves_the_others_their_positions(
    node: Node, redis_server: RedisServer
) -> None:
    await write(node, "hello")
    redis_server.ask("SET", KEYS.meta.replace("bob", "carol"), "spoilt")
    redis_server.ask("HSET", KEYS.meta.replace("bob", "dave"), "seq", "many")
    positions = await node.backplane.inboxes.positions(["carol", "bob", "dave"])
    assert [position and position.seq for position in positions] == [None, 1, None]


async def test_lost_data_begin_a_new_epoch(node: Node, redis_server: RedisServer) -> None:
    await write(node, "lost")
    before = await node.backplane.inboxes.read("bob", after=0, limit=10)
    redis_server.ask("DEL", KEYS.meta)
    assert await write(node, "lost") == 1, "nothing of the keys before is left"
    after = await node.backplane.inboxes.read("bob", after=0, limit=10)
    assert after.epoch != before.epoch
    assert [json.loads(message)["epoch"] for message in after.messages] == [after.epoch]


async def test_an_inbox_that_has_moved_is_heard_elsewhere(nodes: NodeRegistry) -> None:
    there, here = await nodes.open("n1"), await nodes.open("n2")
    for node in (there, here):
        assert await node.subscription.subscribe(node.nodes.channel)
    await write(here, "before", to="n1")
    await here.backplane.inboxes.move("bob", here.nodes.channel, term=1)
    await write(here, "behind", to="n1")
    assert len(await there.hear(1)) == 1
    await there.hear_no_more()
    assert texts([payloads.read_marked(payload)[1] for payload in await here.hear(1)]) == ["behind"]


async def test_what_the_log_has_no_more_is_not_published_again(
    node: Node, redis_server: RedisServer
) -> None:
    assert await node.subscription.subscribe(node.nodes.channel)
    assert await write(node, "1") == 1
    assert len(await node.hear(1)) == 1
    redis_server.ask("XTRIM", KEYS.log, "MAXLEN", 0)
    assert await write(node, "1") == 1
    await node.hear_no_more()


async def test_who_comes_back_gets_what_was_missed(
    node: Node, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.backplane.inboxes.INBOX_SIZE", 100)
    inboxes = Inboxes(node.backplane, Counts(), AccountChannels(node.backplane))

    async def missed(
        epoch: str, seq: int, message_id: str | None = None
    ) -> tuple[int, list[int], bool | None]:
        since = wire.Position(epoch=epoch, seq=seq, id=message_id)
        found = await inboxes.missed("bob", since, term=1)
        return found.position.seq, seqs(found.messages), found.recovered

    assert await missed("", 0) == (0, [], True)
    for number in range(1, 6):
        await write(node, str(number))
    epoch = (await node.backplane.inboxes.read("bob", after=0, limit=1)).epoch
    assert await missed("", 0) == (5, [1, 2, 3, 4, 5], True)
    assert await missed(epoch, 3) == (5, [4, 5], True)
    assert await missed(epoch, 5) == (5, [], True)
    assert await missed(epoch, 9) == (5, [1, 2, 3, 4, 5], False)
    assert await missed(epoch, 3, "3") == (5, [4, 5], True)
    assert await missed(epoch, 3, "lost") == (5, [1, 2, 3, 4, 5], False)
    assert await missed(epoch, 5, "5") == (5, [], True)
    assert await missed(epoch, 5, "lost") == (5, [1, 2, 3, 4, 5], False)
    assert await missed("another", 3) == (5, [1, 2, 3, 4, 5], False)
    for number in range(6, 501):
        await write(node, str(number))
    assert await missed(epoch, 499) == (500, [500], True)
    seq, found, recovered = await missed(epoch, 5)
    assert (seq, found[-1], recovered) == (500, 500, False)
    redis_server.ask("FLUSHALL")
    assert await missed(epoch, 499) == (0, [], False)


async def test_the_owner_of_a_nickname_is_found_by_any_form_of_it(node: Node) -> None:
    await node.nicks.claim("Alice away at lunch", "s1")
    for nick in ("Alice", "ALICE", "Ａｌｉｃｅ"):  # noqa: RUF001
        assert await node.nicks.owner(nick) == ("s1", "n1", "Alice")
    assert await node.nicks.owner("bob") is None


@pytest.mark.parametrize("session", ["bob", "a}b", "{x}", ""])
def test_an_inboxs_keys_are_on_one_slot(session: str) -> None:
    keys = InboxKeys("test", session).all()
    assert len({key_slot(key.encode()) for key in keys}) == 1
    assert len(set(keys)) == 4
