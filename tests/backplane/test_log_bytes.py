"""The logs of rooms and inboxes are bounded in bytes, and keep the newest messages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from gateway.backplane.inboxes import InboxKeys
from gateway.backplane.payloads import digest_of, direct_mark, message_seq
from gateway.backplane.room_keys import RoomKeys
from gateway.policy.retention import Retention
from tests.backplane.conftest import LOG_BYTES, Node, NodeRegistry
from tests.backplane.sayings import say, tail
from tests.redis_server import RedisServer

Write = Callable[[Node, str, int], Awaitable[int]]

LONG = "x" * 4_000
ROOM = RoomKeys("test", "lobby", scope="test@0")
INBOX = InboxKeys("test", "s1")


async def write_to_room(node: Node, text: str, number: int) -> int:
    return await node.rooms.publish(
        "lobby", "s1", f"m{number}", tail(text), term=1, digest=digest_of(text)
    )


async def write_to_inbox(node: Node, text: str, number: int) -> int:
    return await node.backplane.inboxes.deliver(
        "s1", node.nodes.channel, f"m{number}", mark=direct_mark("s1"),
        tail=b',"text":"' + text.encode() + b'"}', digest="d",
    )  # fmt: skip


def logged(server: RedisServer, log: str) -> list[bytes]:
    return [fields["m"].encode() for _, fields in server.ask("XRANGE", log, "-", "+")]


WRITERS = pytest.mark.parametrize(
    ("write", "log", "meta"),
    [(write_to_room, ROOM.log, ROOM.meta), (write_to_inbox, INBOX.log, INBOX.meta)],
    ids=["room", "inbox"],
)


@WRITERS
async def test_a_log_of_long_messages_is_cut_by_bytes(
    node: Node, redis_server: RedisServer, write: Write, log: str, meta: str
) -> None:
    kept: list[bytes] = []
    for number in range(300):
        last = await write(node, LONG, number)
        kept = logged(redis_server, log)
        assert sum(map(len, kept)) <= LOG_BYTES
        assert message_seq(kept[-1]) == last
    assert sum(map(len, kept)) > LOG_BYTES / 2
    assert [message_seq(m) for m in kept] == list(range(301 - len(kept), 301))
    assert int(redis_server.ask("HGET", meta, "bytes")) == sum(map(len, kept))


@WRITERS
async def test_what_was_counted_wrongly_is_corrected_before_anything_is_cut(
    node: Node, redis_server: RedisServer, write: Write, log: str, meta: str
) -> None:
    for number in range(5):
        await write(node, "short", number)
    redis_server.ask("HSET", meta, "bytes", LOG_BYTES)  # as after entries were cut by their number
    await write(node, "short", 5)
    kept = logged(redis_server, log)
    assert len(kept) == 6
    assert int(redis_server.ask("HGET", meta, "bytes")) == sum(map(len, kept))


async def test_a_reader_is_told_that_older_messages_are_gone(nodes: NodeRegistry) -> None:
    node = await nodes.open("reader")
    for number in range(300):
        await write_to_room(node, LONG, number)
    page = await node.rooms.snapshot("lobby", after=1, limit=1000, known_version=-1)
    assert (page.seq, message_seq(page.messages[-1])) == (300, 300)
    assert message_seq(page.messages[0]) > 2


async def test_rooms_are_kept_for_as_long_as_their_retention_says(
    node: Node, redis_server: RedisServer
) -> None:
    node.rooms.retention = Retention(registered=frozenset({"lobby"}))
    lives = {}
    for room in ("lobby", "elsewhere"):
        keys = RoomKeys("test", room, scope="test@0")
        await node.rooms.join(room, "s1", "Alice", term=1)
        await say(node, "hello", room=room)
        await node.rooms.leave(room, {"s1": 1})
        lives[room] = int(redis_server.ask("PTTL", keys.meta))
        assert abs(redis_server.ask("PTTL", keys.log) - lives[room]) < 60_000
    day = 86_400_000
    assert 6 * day < lives["lobby"] <= 7 * day
    assert day / 2 < lives["elsewhere"] <= day
