"""Messages of a room in Redis: one order, every message once, read from any place."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
import trio

from gateway import wire
from gateway.backplane import IdReused, Timeline, Unavailable
from tests.backplane.conftest import Node, NodeRegistry
from tests.backplane.sayings import keys_of, say, say_many, seqs, tail, texts
from tests.redis_server import RedisServer

# --- publishing -----------------------------------------------------------------------------------


async def test_a_published_message_is_heard_and_logged_the_same(node: Node) -> None:
    await node.listen("lobby")
    assert await say(node, "Grüße 👋") == 1
    [heard] = await node.hear(1)
    message = wire.decode_event(heard.decode())
    assert isinstance(message, wire.Message)
    assert (message.seq, message.room, message.sender, message.text) == (
        1, "lobby", "Alice", "Grüße 👋",
    )  # fmt: skip
    assert await node.rooms.messages_before("lobby", None, 10) == [heard]


async def test_messages_are_stamped_with_redis_time(node: Node, redis_server: RedisServer) -> None:
    def now() -> int:
        seconds, microseconds = redis_server.ask("TIME")
        return int(seconds) * 1000 + int(microseconds) // 1000

    before = now()
    await say(node, "hello")
    after = now()
    [message] = await node.rooms.messages_before("lobby", None, 1)
    assert before <= json.loads(message)["at"] <= after


async def test_concurrent_messages_get_consecutive_seqs_in_the_order_of_all(
    nodes: NodeRegistry,
) -> None:
    speakers = [await nodes.open(f"n{number}") for number in range(3)]
    listener = await nodes.open("listener")
    await listener.listen("lobby")
    got: dict[str, int] = {}

    async def speak(node: Node, text: str) -> None:
        got[text] = await say(node, text, session=node.name)

    async with trio.open_nursery() as nursery:
        for number in range(100):
            for node in speakers:
                nursery.start_soon(speak, node, f"{node.name} {number}")
    heard = await listener.hear(300)
    assert seqs(heard) == list(range(1, 301))
    assert {text: seq for seq, text in enumerate(texts(heard), 1)} == got
    assert await listener.rooms.messages_before("lobby", None, 300) == heard


async def test_a_known_id_with_another_text_is_refused(node: Node) -> None:
    await node.listen("lobby")
    publish = partial(node.rooms.publish, "lobby", "s1", "id", term=1)
    assert await publish(tail("first"), digest="1") == 1
    with pytest.raises(IdReused):
        await publish(tail("second"), digest="2")
    assert await publish(tail("first"), digest="1") == 1
    assert texts(await node.hear(1)) == ["first"]
    await node.hear_no_more()


async def test_the_timeline_tells_under_which_server_a_log_was_written(tmp_path: Path) -> None:
    async with RedisServer(tmp_path) as server, trio.open_nursery() as nursery:
        nodes, ids = NodeRegistry(server, nursery), []
        for number in range(3):
            node = await nodes.open(f"n{number}")
            ids.append(node.link.replication_id)
            if number != 1:  # nothing is written under the second one
                await say(node, f"{number}-1")
                await say(node, f"{number}-2")
            await server.stop()
            await server.start()
        node = await nodes.open("last")
        snapshot = await node.rooms.snapshot("lobby", after=None, limit=9, known_version=-1)
        assert snapshot.timeline == Timeline(((ids[0], 2), (ids[2], 4)), node.link.replication_id)
        assert len({*ids, node.link.replication_id}) == 4
        nursery.cancel_scope.cancel()


async def test_a_timeline_is_bounded(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(1, 101):
        monkeypatch.setattr(node.link, "replication_id", f"{number:040x}")
        await say(node, str(number))
    snapshot = await node.rooms.snapshot("lobby", after=None, limit=1, known_version=-1)
    ended = snapshot.timeline.ended
    assert 15 < len(ended) < 30
    assert ended[-1] == (f"{99:040x}", 99)
    assert all(int(name, 16) == seq for name, seq in ended)


async def test_the_same_id_at_once_by_many_links_is_published_once(nodes: NodeRegistry) -> None:
    answers: list[int] = []
    opened = [await nodes.open(f"n{number}") for number in range(3)]

    async def send(node: Node) -> None:
        answers.append(
            await node.rooms.publish("lobby", "s1", "id", tail("hello"), term=1, digest="d")
        )

    async with trio.open_nursery() as nursery:
        for number in range(30):
            nursery.start_soon(send, opened[number % 3])
    assert answers == [1] * 30
    assert texts(await opened[0].rooms.messages_before("lobby", None, 10)) == ["hello"]


async def test_an_id_belongs_to_its_session_and_room(node: Node) -> None:
    assert await node.rooms.publish("lobby", "s1", "id", tail("a"), term=1, digest="d") == 1
    assert await node.rooms.publish("lobby", "s2", "id", tail("b"), term=1, digest="d") == 2
    assert await node.rooms.publish("cafe", "s1", "id", tail("c"), term=1, digest="d") == 1


async def test_an_id_is_remembered_for_many_messages(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.backplane.rooms.REMEMBERED_IDS", 10)
    for number in range(1, 41):
        assert await say(node, str(number)) == number
        for known in range(max(1, number - 10), number + 1):
            assert await say(node, str(known)) == known
    remembered = await node.link.call_all(
        [("HLEN", keys_of("lobby").ids), ("HLEN", keys_of("lobby").older_ids)]
    )
    assert 10 <= sum(remembered) <= 20


async def test_the_log_keeps_what_was_asked_for_and_not_much_more(nodes: NodeRegistry) -> None:
    node = await nodes.open(history_size=150)
    await say_many(node, 1000)
    logged = await node.rooms.messages_before("lobby", None, 1000)
    assert 150 <= len(logged) <= 300
    assert seqs(logged) == list(range(1001 - len(logged), 1001))


async def test_publishing_to_a_full_redis_changes_nothing(
    node: Node, redis_server: RedisServer
) -> None:
    await say(node, "first")
    redis_server.ask("CONFIG", "SET", "maxmemory", 1)
    with pytest.raises(Unavailable):
        await say(node, "second")
    redis_server.ask("CONFIG", "SET", "maxmemory", 0)
    assert await say(node, "second") == 2


async def test_a_room_whose_data_are_lost_begins_a_new_epoch(
    node: Node, redis_server: RedisServer
) -> None:
    before = await node.rooms.join("lobby", "s1", "Alice", term=1)
    await say(node, "lost")
    redis_server.ask("FLUSHALL")
    assert await say(node, "lost") == 1, "nothing of the ids before is left"
    after = await node.rooms.join("lobby", "s1", "Alice", term=1)
    assert after
    assert after != before


async def test_a_new_epoch_takes_over_nothing_of_a_log_that_outlived_its_meta(
    node: Node, redis_server: RedisServer
) -> None:
    for number in range(5):
        await say(node, str(number))
    redis_server.ask("DEL", keys_of("lobby").meta)
    assert await say(node, "fresh") == 1
    assert texts(await node.rooms.messages_before("lobby", None, 10)) == ["fresh"]


async def test_a_join_takes_over_nothing_either(node: Node, redis_server: RedisServer) -> None:
    await say(node, "lost")
    redis_server.ask("DEL", keys_of("lobby").meta)
    await node.rooms.join("lobby", "s1", "Alice", term=1)
    assert await node.rooms.messages_before("lobby", None, 10) == []
    assert await say(node, "lost") == 1, "a new message, whatever was said before"


# --- reading --------------------------------------------------------------------------------------


async def test_the_snapshot_of_a_room_that_is_not_there(node: Node) -> None:
    snapshot = await node.rooms.snapshot("nowhere", after=None, limit=10, known_version=-1)
    assert (snapshot.epoch, snapshot.seq, snapshot.version) == ("", 0, 0)
    assert snapshot.messages == []
    assert snapshot.members == {}


async def test_a_snapshot_gives_the_newest_messages_in_order(node: Node) -> None:
    epoch = (await node.rooms.join("lobby", "s1", "Alice", term=1)).epoch
    for number in range(1, 8):
        await say(node, str(number))
    snapshot = await node.rooms.snapshot("lobby", after=None, limit=3, known_version=-1)
    assert (snapshot.epoch, snapshot.seq, snapshot.version) == (epoch, 7, 1)
    assert seqs(snapshot.messages) == [5, 6, 7]
    assert snapshot.members == {"s1": "Alice"}


@pytest.mark.parametrize(
    ("after", "limit", "expected"),
    [(0, 100, [1, 2, 3, 4, 5]), (3, 100, [4, 5]), (1, 2, [2, 3]), (5, 100, []), (9, 100, [])],
)
async def test_a_snapshot_reads_on_from_a_position(
    node: Node, after: int, limit: int, expected: list[int]
) -> None:
    for number in range(1, 6):
        await say(node, str(number))
    snapshot = await node.rooms.snapshot("lobby", after=after, limit=limit, known_version=-1)
    assert seqs(snapshot.messages) == expected
    assert snapshot.seq == 5


async def test_a_snapshot_omits_members_that_are_known(node: Node) -> None:
    await node.rooms.join("lobby", "s1", "Alice", term=1)
    known = await node.rooms.snapshot("lobby", after=None, limit=1, known_version=1)
    assert known.members is None
    await node.rooms.leave("lobby", {"nobody": 1})
    await node.rooms.join("lobby", "s2", "Bob", term=1)
    news = await node.rooms.snapshot("lobby", after=None, limit=1, known_version=1)
    assert news.members == {"s1": "Alice", "s2": "Bob"}
    assert news.version == 2


@pytest.mark.parametrize(
    ("before", "limit", "expected"),
    [
        (None, 3, [5, 6, 7]), (7, 3, [4, 5, 6]), (3, 10, [1, 2]), (1, 10, []), (99, 2, [6, 7]),
    ],
)  # fmt: skip
async def test_messages_before(
    node: Node, before: int | None, limit: int, expected: list[int]
) -> None:
    for number in range(1, 8):
        await say(node, str(number))
    assert seqs(await node.rooms.messages_before("lobby", before, limit)) == expected
