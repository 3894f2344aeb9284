"""Erasing from a room's log in Redis: the text is nowhere, and no place in the order is lost."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
import trio

from gateway.backplane.erasures import (
    ERASURE_PREFIX,
    MOST_RECORDED,
    is_tombstone,
    read_erasure,
    without_text,
)
from gateway.backplane.payloads import contradict
from gateway.backplane.redis.scripts import ERASE
from gateway.backplane.room_log import COPIED_AT_ONCE, CannotErase, RoomLog
from gateway.wire import Position
from tests.backplane.conftest import Node, NodeRegistry
from tests.backplane.sayings import DAY_MS, keys_of, say, say_many, seqs, tail, texts, ttl
from tests.redis_server import RedisServer

WORDS = "words-that-go"


LARGE = 1500
"""Messages of a log that one call of the script does not copy."""


def log_of(node: Node, room: str = "lobby") -> RoomLog:
    return RoomLog(node.link, namespace="test", scope="test@0", room=room)


async def erase(node: Node, *seqs: int, room: str = "lobby", up_to: int = 0) -> int:
    """Erase messages of a room, and give how many nodes were told."""
    log = log_of(node, room)
    position = await log.position()
    assert position is not None
    return await log.erase(position[0], up_to=up_to, seqs=seqs)


async def call_once(node: Node, epoch: str, *seqs: int) -> Any:
    """Begin to erase messages, and leave it at that."""
    keys = keys_of("lobby")
    return await node.link.run_script(
        ERASE,
        (keys.meta, keys.log, keys.copy, keys.copier),
        "somebody else", epoch, 10_000, COPIED_AT_ONCE, MOST_RECORDED, keys.channel, 0, *seqs,
    )  # fmt: skip


async def read(node: Node, room: str = "lobby") -> list[bytes]:
    """Read a room in every way that there is; all of them agree."""
    newest = (await node.rooms.snapshot(room, after=None, limit=5000, known_version=-1)).messages
    missed = (await node.rooms.snapshot(room, after=0, limit=5000, known_version=-1)).messages
    assert newest == missed == await node.rooms.messages_before(room, None, 5000)
    assert newest == await log_of(node, room).newest(5000)
    return newest


async def test_an_erased_message_leaves_a_tombstone_in_its_place(
    node: Node, redis_server: RedisServer
) -> None:
    for text in ("before", WORDS, "after"):
        await say(node, text, session=text)
    [_, said, _] = before = await read(node)
    assert await erase(node, 2) == 0
    after = await read(node)
    assert after == [before[0], without_text(said), before[2]]
    tombstone = json.loads(after[1])
    assert tombstone == json.loads(said) | {"text": "", "erased": True}
    assert list(tombstone)[-1] == "id"
    assert not contradict(after, Position(epoch="", seq=2, id=WORDS))
    # The id is the sender's own, and here it is the text: nothing else has it.
    assert f'"text":"{WORDS}"' not in redis_server.contents()
    assert await node.rooms.messages_before("lobby", 3, 1) == [after[1]]


async def test_the_text_is_nowhere_in_redis(node: Node, redis_server: RedisServer) -> None:
    await node.rooms.publish("lobby", "s1", "1", tail(WORDS), term=1, digest="d")
    assert WORDS in redis_server.contents()
    await erase(node, 1)
    assert WORDS not in redis_server.contents()


@pytest.mark.parametrize(
    "text",
    [
        ',"text":"x","id":"y"}',
        '"text":"", "erased":true,"id":"',
        '\\","id":"',
        "\\",
        'Grüße 👋 \n\t"',
        "," * 4096,
    ],
)
@pytest.mark.parametrize("room", ["lobby", ',"text":"', "\\"])
async def test_no_text_or_room_name_is_taken_for_the_json_around_it(
    node: Node, text: str, room: str
) -> None:
    await node.rooms.publish(
        room, "s1", '","id":"', tail(text, room, '","id":"'), term=1, digest="d"
    )
    [said] = await read(node, room)
    await erase(node, 1, room=room)
    [tombstone] = await read(node, room)
    assert json.loads(tombstone) == json.loads(said) | {"text": "", "erased": True}
    assert tombstone == without_text(said) == without_text(tombstone)


async def test_every_node_is_told_what_is_erased(nodes: NodeRegistry) -> None:
    listener, speaker = await nodes.open("listener"), await nodes.open("speaker")
    await say_many(speaker, 3)
    await listener.listen("lobby")
    assert await erase(speaker, 3, 1) == 1
    assert await erase(speaker, up_to=2) == 1
    first, second = map(read_erasure, await listener.hear(2))
    snapshot = await speaker.rooms.snapshot("lobby", after=3, limit=1, known_version=-1)
    assert (first.epoch, first.count, first.up_to, first.seqs) == (snapshot.epoch, 2, 0, [3, 1])
    assert (second.count, second.up_to, second.seqs) == (3, 2, [])
    recorded = snapshot.erased
    assert (recorded.count, recorded.up_to, recorded.seqs) == (3, 2, [3])
    assert (await speaker.rooms.join("lobby", "s1", "Alice", term=1)).erasures == 3


async def test_repeating_it_changes_nothing_and_tells_again(nodes: NodeRegistry) -> None:
    node = await nodes.open()
    await say_many(node, 3)
    await node.listen("lobby")
    await erase(node, 2)
    before = await read(node)
    await erase(node, 2)
    assert await read(node) == before
    first, second = await node.hear(2)
    assert first == second
    assert first.startswith(ERASURE_PREFIX)


async def test_what_is_in_the_log_no_more_is_told_to_the_nodes(
    node: Node, redis_server: RedisServer
) -> None:
    """They may have it at hand."""
    await say_many(node, 3)
    redis_server.ask("XDEL", keys_of("lobby").log, "2-0")
    found = await log_of(node).look_up([1, 2])
    assert (found.present, found.erased, found.gone) == ([1], [], [2])
    await node.listen("lobby")
    position = await log_of(node).position()
    assert position is not None
    assert await log_of(node).erase(position[0], seqs=[2], logged=False) == 1
    assert read_erasure((await node.hear(1))[0]).seqs == [2]
    assert seqs(await read(node)) == [1, 3]


async def test_an_erased_message_sent_again_has_its_old_seq_and_no_text(
    node: Node, redis_server: RedisServer
) -> None:
    assert await node.rooms.publish("lobby", "s1", "1", tail(WORDS), term=1, digest="d") == 1
    await erase(node, 1)
    assert await node.rooms.publish("lobby", "s1", "1", tail(WORDS), term=1, digest="d") == 1
    assert texts(await read(node)) == [""]
    assert WORDS not in redis_server.contents()


async def test_a_purged_room_goes_on_where_it_was(node: Node, redis_server: RedisServer) -> None:
    found = await node.rooms.join("lobby", "s1", "Alice", term=1)
    for number in range(1, 6):
        await node.rooms.publish(
            "lobby", "s1", str(number), tail(WORDS, id=str(number)), term=1, digest="d"
        )
    await erase(node, up_to=5)
    assert WORDS not in redis_server.contents()
    assert await say(node, "on") == 6
    messages = await read(node)
    assert seqs(messages) == [1, 2, 3, 4, 5, 6]
    assert texts(messages) == ["", "", "", "", "", "on"]
    again = await node.rooms.join("lobby", "s2", "Bob", term=1)
    assert again.epoch == found.epoch
    snapshot = await node.rooms.snapshot("lobby", after=6, limit=1, known_version=-1)
    assert snapshot.members == {"s1": "Alice", "s2": "Bob"}


async def test_a_purged_room_that_empties_is_kept_as_long_as_any(
    node: Node, redis_server: RedisServer
) -> None:
    found = await node.rooms.join("cafe", "s1", "Alice", term=1)
    await say_many(node, 3, room="cafe")
    await erase(node, room="cafe", up_to=3)
    await node.rooms.leave("cafe", {"s1": 1})
    assert all(0 < left <= DAY_MS for left in ttl(redis_server, "cafe"))
    again = await node.rooms.join("cafe", "s1", "Alice", term=1)
    assert again.epoch == found.epoch
    assert await say(node, "on", room="cafe") == 4
    assert ttl(redis_server, "cafe") == {-1}


async def test_the_log_of_an_empty_room_still_expires_with_the_rest(
    node: Node, redis_server: RedisServer
) -> None:
    await node.rooms.join("cafe", "s1", "Alice", term=1)
    await say_many(node, 3, room="cafe")
    await node.rooms.leave("cafe", {"s1": 1})
    await erase(node, 2, room="cafe")
    assert all(0 < left <= DAY_MS for left in ttl(redis_server, "cafe"))
    assert 0 < redis_server.ask("PTTL", keys_of("cafe").log) <= DAY_MS
    assert not redis_server.ask("EXISTS", keys_of("cafe").copy, keys_of("cafe").copier)


async def test_a_room_that_began_anew_knows_nothing_of_erasures_before(
    node: Node, redis_server: RedisServer
) -> None:
    await say_many(node, 3)
    await erase(node, 2)
    redis_server.ask("DEL", *keys_of("lobby").all())
    assert await say(node, "anew") == 1
    snapshot = await node.rooms.snapshot("lobby", after=0, limit=1, known_version=-1)
    assert not snapshot.erased
    assert snapshot.erased.count == 0


async def test_a_large_log_is_copied_in_bounded_steps_while_people_talk(
    nodes: NodeRegistry, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    node, other = [await nodes.open(name, history_size=10_000) for name in ("n1", "n2")]
    await say_many(node, LARGE)
    copied = [0]
    run_script = node.link.run_script

    async def count_and_talk(script: Any, *rest: Any) -> Any:
        if script is ERASE:
            await say(other, f"more {len(copied)}", session="s2")
        done = await run_script(script, *rest)
        if done == [b"more"]:
            copied.append(redis_server.ask("XLEN", keys_of("lobby").copy))
        return done

    monkeypatch.setattr(node.link, "run_script", count_and_talk)
    await erase(node, up_to=LARGE)
    assert len(copied) > 2
    assert all(100 < after - before < 700 for before, after in pairwise(copied))
    messages = await read(other)
    assert seqs(messages) == list(range(1, LARGE + len(copied) + 1))
    more = [f"more {n}" for n in range(1, len(copied) + 1)]
    assert texts(messages) == [""] * LARGE + more


async def test_of_a_log_of_long_messages_fewer_are_copied_at_once(
    nodes: NodeRegistry, redis_server: RedisServer
) -> None:
    node = await nodes.open(history_size=10_000, log_bytes=1 << 30)
    for number in range(200):
        said = tail("\x01" * 4096, id=str(number))
        await node.rooms.publish("lobby", "s1", str(number), said, term=1, digest="d")
    keys, position = keys_of("lobby"), await log_of(node).position()
    assert position is not None
    assert await call_once(node, position[0], 7) == [b"more"]
    assert redis_server.ask("XLEN", keys.copy) <= 50


async def test_a_message_said_while_it_is_under_way_is_not_lost(nodes: NodeRegistry) -> None:
    node, speaker = await nodes.open(), await nodes.open("speaker")
    await say_many(node, 600)
    async with trio.open_nursery() as nursery:
        for number in range(100):
            nursery.start_soon(say, speaker, f"on {number}")
        for seq in (5, 50, 550):
            await erase(node, seq)
    messages = await read(node)
    assert seqs(messages) == list(range(1, 701))


async def test_two_erasures_at_once_do_not_undo_each_other(
    nodes: NodeRegistry, redis_server: RedisServer
) -> None:
    """The second one is refused while the first one copies; left undone it can be done later."""
    node = await nodes.open(history_size=10_000)
    await say_many(node, LARGE)
    position = await log_of(node).position()
    assert position is not None
    keys = keys_of("lobby")
    assert await call_once(node, position[0], 7) == [b"more"]
    with pytest.raises(CannotErase, match="another erasure in this room is under way"):
        await erase(node, 8)
    # Whoever began is gone; when its time is over another copy is made, from the beginning.
    redis_server.ask("DEL", keys.copier)
    await erase(node, 8)
    messages = await read(node)
    assert seqs(messages) == list(range(1, LARGE + 1))
    assert [seq for seq, m in enumerate(messages, 1) if is_tombstone(m)] == [8]
    assert not redis_server.ask("EXISTS", keys.copy, keys.copier)


async def test_a_room_in_another_epoch_is_let_be(node: Node) -> None:
    await say_many(node, 3)
    before = await read(node)
    with pytest.raises(CannotErase, match="another epoch"):
        await log_of(node).erase("another", seqs=[1])
    assert await read(node) == before


async def test_the_last_erased_messages_are_on_record(node: Node) -> None:
    await say_many(node, 3)
    position = await log_of(node).position()
    assert position is not None
    for start in (10_000, 10_000 + MOST_RECORDED // 2, 1):
        many = range(start, start + MOST_RECORDED)
        await log_of(node).erase(position[0], seqs=many, logged=False)
    snapshot = await node.rooms.snapshot("lobby", after=3, limit=1, known_version=-1)
    assert snapshot.erased.seqs == list(range(1, MOST_RECORDED + 1))
    assert snapshot.erased.count == 2 * MOST_RECORDED + MOST_RECORDED // 2


async def test_what_somebody_else_put_into_the_log_goes_where_it_is_erased(
    node: Node, redis_server: RedisServer
) -> None:
    await say(node, "1")
    log = keys_of("lobby").log
    redis_server.ask("XADD", log, "1-5", "a", WORDS, "b", WORDS)
    for number in range(200):
        redis_server.ask("XADD", log, f"1-{number + 10}", "a", WORDS * 200)
    await say(node, "2")
    await erase(node, 2)
    assert redis_server.ask("XLEN", log) == 203
    await erase(node, up_to=2)
    assert redis_server.ask("XLEN", log) == 2
    assert WORDS not in redis_server.contents()


async def test_a_log_deleted_by_hand_does_not_come_back(
    node: Node, redis_server: RedisServer
) -> None:
    await say_many(node, LARGE)
    position = await log_of(node).position()
    assert position is not None
    assert await call_once(node, position[0], 7) == [b"more"]
    redis_server.ask("DEL", keys_of("lobby").log, keys_of("lobby").copier)
    await node.listen("lobby")
    assert await erase(node, up_to=LARGE) == 1
    assert read_erasure((await node.hear(1))[0]).up_to == LARGE
    assert await read(node) == []
    assert not redis_server.ask("EXISTS", keys_of("lobby").copy)
