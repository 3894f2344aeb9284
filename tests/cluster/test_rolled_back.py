"""Redis goes on from data that are many messages older than what the nodes remember."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import pytest

from gateway.delivery.log_memory import REMEMBERED
from tests.cluster.test_diverged import go_on_from_save, hear_until, speaker
from tests.nodes import NodeProcess, open_cluster
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.websocket import connect

KEPT: Final = 60
NEW: Final = 310
SWEPT_SECONDS: Final = 45.0
"""Less than it takes until the rooms are looked over anyway (`TIDY_SECONDS`)."""
NICKS: Final = ("alice", "bob", "carol")


@pytest.mark.parametrize("lost", [3, 4 * REMEMBERED])
@pytest.mark.parametrize("stands_still", [False, True], ids=["", "one node stands still"])
async def test_everybody_hears_what_is_said_after_a_roll_back_of_any_length(
    tmp_path: Path, *, lost: int, stands_still: bool
) -> None:
    async with (
        RedisServer(tmp_path, appendonly="no") as redis_server,
        open_cluster(redis_server, len(NICKS), outbox_bytes=1 << 24) as cluster,
        AsyncExitStack() as stack,
    ):
        people = [
            await stack.enter_async_context(connect(url, nick))
            for url, nick in zip(cluster.urls, NICKS, strict=True)
        ]
        for person in people:
            await person.ask({"type": "join", "room": "lobby", "id": "j"})
        async with speaker(redis_server, to_alice=False) as speaking:
            for number in range(KEPT):
                await speaking.say(f"kept {number}")
            redis_server.ask("SAVE")
            for number in range(lost):
                await speaking.say(f"lost {number}")
        for person in people:
            await hear_until(person, f"lost {lost - 1}")
        still: list[NodeProcess] = cluster.nodes[-1:] if stands_still else []
        for node in still:
            node.pause()
        await go_on_from_save(redis_server)
        async with speaker(redis_server, to_alice=False) as speaking:
            for number in range(NEW):
                await speaking.say(f"new {number}")
            heard = [
                await hear_until(person, f"new {NEW - 1}")
                for person in people[: len(people) - len(still)]
            ]
            for node in still:
                node.resume()
            await speaking.say("the end")
        heard += [[] for _ in still]
        expected = [("history_lost", KEPT)] + [
            (f"new {number}", KEPT + 1 + number) for number in range(NEW)
        ]
        for person, so_far in zip(people, heard, strict=True):
            frames = [*so_far, *await hear_until(person, "the end")]
            told = [(frame.get("code") or frame["text"], frame["seq"]) for frame in frames]
            assert told == [*expected, ("the end", KEPT + NEW + 1)]


async def test_an_inbox_is_read_on_after_a_roll_back_of_any_length(tmp_path: Path) -> None:
    async with (
        RedisServer(tmp_path, appendonly="no") as redis_server,
        open_cluster(redis_server, 1, outbox_bytes=1 << 24) as cluster,
        connect(cluster.urls[0], "alice") as alice,
    ):
        async with speaker(redis_server, to_alice=True) as speaking:
            for number in range(KEPT):
                await speaking.say(f"kept {number}")
            redis_server.ask("SAVE")
            for number in range(4 * REMEMBERED):
                await speaking.say(f"lost {number}")
        await hear_until(alice, f"lost {4 * REMEMBERED - 1}")
        await go_on_from_save(redis_server)
        async with speaker(redis_server, to_alice=True) as speaking:
            for number in range(NEW):
                await speaking.say(f"new {number}")
        frames = await hear_until(alice, f"new {NEW - 1}")
    told = [(frame.get("code") or frame["text"], frame["seq"]) for frame in frames]
    assert told == [("history_lost", KEPT)] + [
        (f"new {number}", KEPT + 1 + number) for number in range(NEW)
    ]


async def test_who_had_left_is_not_listed_again_for_long(tmp_path: Path) -> None:
    async with (
        RedisServer(tmp_path, appendonly="no") as redis_server,
        open_cluster(redis_server, 2) as cluster,
        connect(cluster.urls[0], "alice") as alice,
        connect(cluster.urls[1], "bob") as bob,
    ):
        for person in (alice, bob):
            await person.ask({"type": "join", "room": "lobby", "id": "j"})
        redis_server.ask("SAVE")
        await alice.ask({"type": "leave", "room": "lobby", "id": "l"})
        await go_on_from_save(redis_server)

        async def alone() -> bool:
            answer = await bob.ask({"type": "members", "room": "lobby", "id": "m"})
            assert answer["type"] == "ok"
            listed = redis_server.ask("HLEN", "chat:{room:lobby}:members")
            return bool(listed == 1 and answer["members"] == [{"nick": "bob"}])

        await until(alone, "Alice to be listed no more", SWEPT_SECONDS)


async def test_an_epoch_does_not_come_back(tmp_path: Path) -> None:
    """Redis goes back to the same place twice, to before the first loss was told."""
    async with (
        RedisServer(tmp_path, appendonly="no") as redis_server,
        open_cluster(redis_server, 1) as cluster,
        connect(cluster.urls[0], "alice") as alice,
    ):
        epochs = [(await alice.ask({"type": "join", "room": "lobby", "id": "j"}))["epoch"]]
        async with speaker(redis_server, to_alice=False) as speaking:
            await speaking.say("kept")
        await hear_until(alice, "kept")
        redis_server.ask("SAVE")
        for text in ("lost", "lost again"):
            async with speaker(redis_server, to_alice=False) as speaking:
                await speaking.say(text)
            await hear_until(alice, text)
            await go_on_from_save(redis_server)
            while (notice := await alice.hear_type("notice"))["code"] != "history_lost":
                pass
            epochs.append(notice["epoch"])
        assert len(set(epochs)) == 3, epochs
