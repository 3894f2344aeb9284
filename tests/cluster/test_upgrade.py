"""``chat-gateway admin upgrade``: what the release before has stored goes on under new names.

``schema_2.json`` was stored by a node of schema 2 whose five clients were cut off before it ended:
rooms and nicknames that were several then, and are one now, or look alike.
"""
# ruff: noqa: RUF001 - letters that look alike are what this is about

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, cast

import pytest
import trio

from gateway.backplane import Unavailable
from gateway.backplane.incarnation import Incarnation
from gateway.backplane.nodes import NodeRegistry
from gateway.backplane.redis.link import Link
from gateway.backplane.redis.schema import NUMBER, UPGRADING, Schema
from gateway.backplane.redis.server import RedisEndpoint
from gateway.backplane.upgrade import upgrade
from gateway.policy.nicknames import fold
from gateway.policy.unicode_tables import VERSION
from tests import PATIENCE
from tests.nodes import administer, open_cluster
from tests.redis_server import RedisServer
from tests.websocket import WebSocketClient, connect

STORED: Final = json.loads((Path(__file__).parent / "schema_2.json").read_text("utf-8"))
RENAMED: Final = """\
the session of 'Bob1' is called 'Bob1_' now
the session of 'lIll' is called 'lIll_' now
the room 'cafe\u0301' is called 'café' now
the room 'ㅤ' is called 'room-1' now
the room 'lobby\u034f' is called 'lobby-2' now
the room 'lоbby' is called 'lоbby-3' now
the room 'foo' is called 'foo-3' now
the room 'café' is called 'café-2' now
the room 'Lobby' is called 'Lobby-4' now
"""
DONE: Final = f"the data are of schema {NUMBER}, with names as in Unicode {VERSION} now\n"


@pytest.fixture
def stored(redis_server: RedisServer) -> RedisServer:
    for command in STORED["commands"]:
        redis_server.ask(*command)
    return redis_server


async def resume(client: WebSocketClient, nick: str) -> dict[str, Any]:
    return await client.ask({"type": "hello", "resume": STORED["secrets"][nick], "id": "h"})


async def test_what_was_stored_goes_on(stored: RedisServer) -> None:
    done = await administer("upgrade", redis=stored.admin_url)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(done.stdout.splitlines()) == sorted((RENAMED + DONE).splitlines())
    assert stored.ask("MGET", "chat:schema", "chat:unicode") == [str(NUMBER), VERSION]
    async with (
        open_cluster(stored, 1, unicode_nicks="true") as cluster,
        connect(cluster.urls[0]) as alice,
        connect(cluster.urls[0]) as bob,
    ):
        welcome = await resume(alice, "alice")
        assert (welcome["resumed"], welcome["nick"]) == (True, "alice")
        assert (await resume(bob, "Bob1"))["nick"] == "Bob1_"
        for asked, room, texts in (
            ("LOBBY", "lobby", ["one", "three"]),
            ("lobby-4", "Lobby-4", ["two"]),
            ("lobby-2", "lobby-2", ["joined"]),
            ("lоbby-3", "lоbby-3", ["spoof"]),
            ("CAFÉ", "café", ["decomposed", "more"]),
            ("café-2", "café-2", ["composed"]),
            ("foo", "FOO", ["big"]),
            ("foo-2", "foo-2", ["second"]),
            ("foo-3", "foo-3", ["small"]),
            ("room-1", "room-1", ["invisible"]),
            ("teeküche", "Teeküche", ["tee"]),
        ):
            joined = await alice.join(asked)
            assert joined["room"] == room, joined
            assert [message["text"] for message in joined["messages"]] == texts
            assert {message["room"] for message in joined["messages"]} == {room}
        assert await alice.members("foo") == {"alice", "Bobl", "Bob1_"}
        told = {"type": "send", "room": "LOBBY", "text": "one", "id": "m0"}
        assert (await alice.ask(told))["seq"] == 1, "what was sent before is known again"
        alike = await bob.ask({"type": "join", "room": "Tееküche", "id": "1"})
        assert (alike["code"], alike["suggestion"]) == ("room_looks_alike", "Teeküche")


async def test_data_of_schema_3_get_the_new_number_alone(stored: RedisServer) -> None:
    await administer("upgrade", redis=stored.admin_url)
    upgraded = stored.contents()
    stored.ask("SET", "chat:schema", "3")
    done = await administer("upgrade", redis=stored.admin_url)
    assert (done.returncode, done.stdout) == (0, DONE)
    renewed = re.compile("[0-9a-f]{16} ")  # the token with which a room claims what it looks like
    assert renewed.sub("", stored.contents()) == renewed.sub("", upgraded)


async def test_accounts_keep_their_nicknames_devices_and_rooms(redis_server: RedisServer) -> None:
    """The names were compared by another version of Unicode, in which these were others."""
    old, new, gone = "a" * 16, "b" * 16, "c" * 16
    phone, desk = f"{old}.{'1' * 12}.x", f"{old}.{'2' * 12}.y"
    for command in (
        ("MSET", "chat:schema", NUMBER, "chat:unicode", "17.0.0"),
        ("HSET", f"chat:{{account:{old}}}:meta", "nick", "Alice", "created", 1),
        ("HSET", f"chat:{{account:{new}}}:meta", "nick", "A1ice", "created", 2),
        ("HSET", "chat:{nicks}:accounts", "alice", old, "a1ice", new, "gone", f"{gone} 99"),
        ("HSET", "chat:{nicks}", f"@{phone}", f"{phone} n1~ 5 Alice +online "),
        ("HSET", "chat:{nicks}", f"@{desk}", f"{desk} n1~ 6 Alice +idle "),
        ("HSET", "chat:{nicks}", "alicc", "guest n1~ 4 ALICE"),
        ("HSET", "chat:{room:old}:meta", "name", "new", "epoch", "e", "doubles", 1),
        ("HSET", "chat:{room:old}:members", phone, "n1~ 5 Alice +online "),
        ("HSET", "chat:{room:old}:members", desk, "n1~ 6 Alice +idle "),
        ("HSET", "chat:{room:old}:accounts", old, f"{phone} {desk}"),
    ):
        redis_server.ask(*command)
    done = await administer("upgrade", redis=redis_server.admin_url)
    assert done.stdout == (
        "the account of 'A1ice' is called 'A1ice_' now\n"
        "the session of 'ALICE' is called 'ALICE2' now\n" + DONE
    )
    reserved = {fold("Alice"): old, fold("A1ice_"): new, "gone": f"{gone} 99"}
    assert redis_server.ask("HGETALL", "chat:{nicks}:accounts") == reserved
    assert redis_server.ask("HGET", f"chat:{{account:{new}}}:meta", "folded") == fold("A1ice_")
    assert redis_server.ask("HGETALL", "chat:{nicks}") == {
        f"@{phone}": f"{phone} n1~ 5 Alice +online ",
        f"@{desk}": f"{desk} n1~ 6 Alice +idle ",
        fold("ALICE2"): "guest n1~ 4 ALICE2",
    }
    assert redis_server.ask("HGETALL", "chat:{room:new}:accounts") == {old: f"{phone} {desk}"}
    left = redis_server.ask("KEYS", "*")
    assert not [key for key in left if "room:old" in key or key.endswith(":new")]


async def test_an_erasure_that_was_broken_off_costs_no_log(stored: RedisServer) -> None:
    stored.ask("XADD", "chat:{room:lobby}:log:copy", "1-0", "m", '{"seq":1,"at":1,"type":"x"}')
    assert (await administer("upgrade", redis=stored.admin_url)).returncode == 0
    shown = await administer("log", "lobby", redis=stored.admin_url)
    assert [line.split("\t")[-1] for line in shown.stdout.splitlines()] == ["one", "three"]


async def test_another_run_changes_nothing(stored: RedisServer) -> None:
    await administer("upgrade", redis=stored.admin_url)
    before = stored.contents()
    done = await administer("upgrade", redis=stored.admin_url)
    assert (done.returncode, done.stdout) == (
        0,
        "nothing to upgrade: the data are of this release\n",
    )
    assert stored.contents() == before


async def test_a_node_does_not_serve_before_it(stored: RedisServer) -> None:
    done = await administer("log", "lobby", redis=stored.admin_url)
    assert done.returncode == 1
    assert "are of schema 2, this release has 4: stop the nodes of the other" in done.stderr
    assert "run `chat-gateway admin upgrade`" in done.stderr


async def test_it_waits_for_all_nodes_to_be_stopped(redis_server: RedisServer) -> None:
    async with open_cluster(redis_server, 2) as cluster:
        redis_server.ask("SET", "chat:schema", "2")
        done = await administer("upgrade", redis=redis_server.admin_url)
        assert done.returncode == 1
        assert done.stderr.startswith("chat-gateway: stop all nodes first; these run: ")
        assert done.stderr.count(",") == 1
        assert redis_server.ask("GET", "chat:schema") == "2"
        for node in cluster.nodes:
            assert await node.stop() == 0
        assert (await administer("upgrade", redis=redis_server.admin_url)).stdout == DONE


@pytest.mark.parametrize("number", ["1", str(NUMBER + 1), "x"])
async def test_data_of_other_releases_are_let_be(redis_server: RedisServer, number: str) -> None:
    redis_server.ask("SET", "chat:schema", number)
    done = await administer("upgrade", redis=redis_server.admin_url)
    assert done.returncode == 1
    assert f"are of schema {number}, this release has {NUMBER}" in done.stderr
    assert redis_server.ask("GET", "chat:schema") == number


async def test_so_are_data_of_a_release_without_a_number(redis_server: RedisServer) -> None:
    redis_server.ask("HSET", "chat:nodes", "n1-abc", 7)
    redis_server.ask("SET", "chat:schema", NUMBER)
    done = await administer("upgrade", redis=redis_server.admin_url)
    assert (done.returncode, "are of schema 1" in done.stderr) == (1, True)


async def test_names_compared_by_another_unicode_are_upgraded_too(
    redis_server: RedisServer,
) -> None:
    redis_server.ask("MSET", "chat:schema", NUMBER, "chat:unicode", "17.0.0")
    assert (await administer("upgrade", redis=redis_server.admin_url)).stdout == DONE
    assert redis_server.ask("GET", "chat:unicode") == VERSION


class Breaking:
    """A link that is lost before one of its commands."""

    def __init__(self, link: Link, commands: int) -> None:
        self._link = link
        self._left = commands

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise Unavailable("cut off")

    async def call(self, *command: Any) -> Any:
        self._count()
        return await self._link.call(*command)

    async def call_all(self, commands: Any) -> Any:
        self._count()
        return await self._link.call_all(commands)

    async def run_script(self, *arguments: Any) -> Any:
        self._count()
        return await self._link.run_script(*arguments)


async def contents(link: Link) -> list[tuple[bytes, object]]:
    """Return what is stored, without the random part of what claims a look."""
    reads: dict[bytes, tuple[Any, ...]] = {
        b"stream": ("XRANGE", "-", "+"),
        b"hash": ("HGETALL",),
        b"set": ("SORT", "ALPHA"),
        b"zset": ("ZRANGE", 0, -1, "WITHSCORES"),
        b"string": ("GETRANGE", 16, -1),
    }
    keys = sorted(await link.call("KEYS", "*"))
    kinds = await link.call_all([("TYPE", key) for key in keys])
    kinds = [kind if isinstance(kind, bytes) else kind.encode() for kind in kinds]
    commands = [
        (reads[kind][0], key, *reads[kind][1:]) for key, kind in zip(keys, kinds, strict=True)
    ]
    values = await link.call_all(commands)
    return [
        (key, sorted(_pairs(value)) if kind == b"hash" else value)
        for key, kind, value in zip(keys, kinds, values, strict=True)
    ]


def _pairs(flat: list[bytes]) -> Iterator[tuple[bytes, bytes]]:
    return zip(flat[::2], flat[1::2], strict=True)


async def test_after_it_was_broken_off_anywhere_it_goes_on(redis_server: RedisServer) -> None:
    endpoint = RedisEndpoint.from_url(redis_server.admin_url)
    async with trio.open_nursery() as nursery:
        link = Link(endpoint, name="n", timeout=PATIENCE)
        nursery.start_soon(link.run)
        await link.wait_connected()
        nodes = NodeRegistry(link, namespace="chat", scope="chat@0", incarnation=Incarnation("n"))

        async def run(commands: int = 10_000) -> None:
            within = cast("Link", Breaking(link, commands))
            async for _ in upgrade(within, Schema("chat", unicode=VERSION), nodes, "chat"):
                pass

        async def store() -> None:
            await link.call_all([("FLUSHALL",), *map(tuple, STORED["commands"])])

        await store()
        await run()
        expected = await contents(link)
        for commands in itertools.count():
            await store()
            try:
                await run(commands)
                break
            except Unavailable:
                assert redis_server.ask("GET", "chat:schema") in {"2", UPGRADING}
            await run()
            assert await contents(link) == expected, commands
        assert commands > 50
        nursery.cancel_scope.cancel()
