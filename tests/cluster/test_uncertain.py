"""A refusal says whether the command may have been carried out all the same, and what may help."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, Final

import pytest
import trio

from client.session import open_session
from gateway.backplane import Unavailable
from gateway.config import Settings
from gateway.node import Node
from tests import PATIENCE
from tests.cluster.inside import serving
from tests.nodes import NodeProcess, open_cluster
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.websocket import WebSocketClient, connect

CHANGING: Final[list[dict[str, Any]]] = [
    {"type": "join", "room": "lobby"},
    {"type": "leave", "room": "lobby"},
    {"type": "send", "room": "lobby", "text": "once"},
    {"type": "nick", "nick": "renamed"},
    {"type": "status", "state": "away"},
    {"type": "typing", "room": "lobby"},
    {"type": "hello", "nick": "newcomer", "session": "s" * 22},
]
READING: Final[list[dict[str, Any]]] = [
    {"type": "history", "room": "lobby", "before": 1},
    {"type": "rooms"},
    # It changes nothing before it knows whom it is for.
    {"type": "direct", "to": "somebody", "text": "psst"},
]
BOTH: Final = [*CHANGING, *READING]


def says(answer: dict[str, Any], **expected: object) -> None:
    assert answer["type"] == "error", answer
    assert {name: answer.get(name) for name in expected} == expected, answer


async def ask(client: WebSocketClient, command: dict[str, Any], name: str) -> dict[str, Any]:
    return await client.ask(command | {"id": name})


@asynccontextmanager
async def one_for_each(
    node: NodeProcess, commands: list[dict[str, Any]]
) -> AsyncIterator[list[WebSocketClient]]:
    """Connect a client for each command, ready to send it."""
    async with AsyncExitStack() as stack:
        clients = []
        for number, command in enumerate(commands):
            nick = None if command["type"] == "hello" else f"client{number}"
            client = await stack.enter_async_context(connect(node.url, nick))
            if nick is not None:
                assert (await client.join())["type"] == "ok"
            clients.append(client)
        yield clients


async def test_what_redis_may_still_do_is_uncertain_until_it_is_repeated(
    redis_server: RedisServer,
) -> None:
    async with (
        open_cluster(redis_server, 1, redis_timeout=2) as cluster,
        one_for_each(node := cluster.nodes[0], BOTH) as clients,
    ):
        answers: dict[str, dict[str, Any]] = {}

        async def keep(client: WebSocketClient, command: dict[str, Any]) -> None:
            answers[command["type"]] = await ask(client, command, "1")

        redis_server.pause()
        async with trio.open_nursery() as nursery:
            for client, command in zip(clients, BOTH, strict=True):
                nursery.start_soon(keep, client, command)
        for command in BOTH:
            uncertain = command in CHANGING
            says(answers[command["type"]], code="unavailable", temporary=True, uncertain=uncertain)
        # Now the node knows that Redis is away, and sends it nothing.
        for client, command in zip(clients, BOTH, strict=True):
            kept = command in CHANGING
            says(await ask(client, command, "1"), code="unavailable", uncertain=kept)
            if command["type"] != "typing":  # of which only one in two seconds is carried out
                says(await ask(client, command, "2"), code="unavailable", uncertain=False)
        redis_server.resume()
        await node.ready()
        for client, command in zip(clients, CHANGING, strict=False):
            answer = await ask(client, command, "1")
            while answer.get("temporary"):
                answer = await ask(client, command, "1")
            done_before = answer.get("code") == "not_in_room"
            assert answer["type"] in {"ok", "welcome"} or done_before, answer
        page = await clients[2].ask({"type": "history", "room": "lobby", "id": "h"})
        assert [message["text"] for message in page["messages"]] == ["once"]


async def test_what_was_refused_while_redis_was_away_is_certain(redis_server: RedisServer) -> None:
    async with (
        open_cluster(redis_server, 1) as cluster,
        one_for_each(node := cluster.nodes[0], BOTH) as clients,
    ):
        await redis_server.stop()
        await node.not_ready()
        for client, command in zip(clients, BOTH, strict=True):
            says(
                await ask(client, command, "1"),
                code="unavailable", temporary=True, uncertain=False, retry_after=1.0,
            )  # fmt: skip
        says(await ask(clients[0], {"type": "rooms", "what": 1, "id": "x"}, "1"), uncertain=False)
        says(
            await ask(clients[0], {"type": "members", "room": "nowhere"}, "1"),
            code="not_in_room", temporary=False, uncertain=False,
        )  # fmt: skip


async def test_what_redis_refuses_until_somebody_mends_it_is_not_temporary(
    redis_server: RedisServer,
) -> None:
    async with (
        open_cluster(redis_server, 1) as cluster,
        connect(cluster.urls[0], "alice") as alice,
    ):
        redis_server.ask("SET", "chat:{room:spoilt}:members", "not a hash")
        for name in "12":
            answer = await ask(alice, {"type": "join", "room": "spoilt"}, name)
            says(answer, code="unavailable", temporary=False)
        assert (await alice.join())["type"] == "ok"


@asynccontextmanager
async def two_of_a_node(
    redis_server: RedisServer,
) -> AsyncIterator[tuple[Node, WebSocketClient, WebSocketClient]]:
    """Run a node in this process with Alice and Bob on it."""
    settings = Settings(redis=redis_server.url, port=0, redis_timeout=PATIENCE, flood_rate=0)
    node = Node(settings)
    async with serving(node) as url:
        await until(lambda: node.context.why_not_ready() is None, "the node to be ready")
        async with connect(url, "alice") as alice, connect(url, "bob") as bob:
            yield node, alice, bob


async def lost(*_: object, **__: object) -> None:
    await trio.lowlevel.checkpoint()
    raise Unavailable("Redis is not connected")


@pytest.mark.parametrize(
    ("store", "method", "command"),
    [
        # Each fails after an earlier step has taken effect.
        ("inboxes", "deliver", {"type": "direct", "to": "bob", "text": "psst"}),
        ("rooms", "join", {"type": "nick", "nick": "alicia"}),
        ("rooms", "join", {"type": "status", "state": "busy"}),
    ],
    ids=lambda part: part["type"] if isinstance(part, dict) else None,
)
async def test_what_is_half_done_is_uncertain(
    redis_server: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
    store: str,
    method: str,
    command: dict[str, Any],
) -> None:
    async with two_of_a_node(redis_server) as (node, alice, _):
        await alice.join()
        with monkeypatch.context() as away:
            away.setattr(getattr(node.context.backplane, store), method, lost)
            says(await ask(alice, command, "1"), code="unavailable", uncertain=True)
        assert (await ask(alice, command, "1"))["type"] == "ok"


async def test_a_session_that_was_resumed_in_part_is_uncertain(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(redis=redis_server.url, port=0, redis_timeout=PATIENCE)
    node = Node(settings)
    async with serving(node) as url:
        await until(lambda: node.context.why_not_ready() is None, "the node to be ready")
        async with connect(url) as lost_one:
            hello = {"type": "hello", "nick": "alice", "session": "a" * 22}
            assert (await lost_one.ask(hello))["type"] == "welcome"
            await lost_one.break_off()
        async with connect(url) as alice:
            resume = {"type": "hello", "resume": "a" * 22}
            with monkeypatch.context() as away:
                away.setattr(node.context.backplane.inboxes, "read", lost)
                says(await ask(alice, resume, "1"), code="unavailable", uncertain=True)
            assert (await ask(alice, resume, "1"))["type"] == "welcome"


async def test_whom_a_direct_message_may_have_reached_is_uncertain(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with two_of_a_node(redis_server) as (node, alice, bob):
        psst = {"type": "direct", "to": "bob", "text": "psst"}
        with monkeypatch.context() as away:
            away.setattr(node.context.backplane.inboxes, "deliver", lost)
            await ask(alice, psst, "1")
        assert await bob.close() == 1000
        owner = partial(node.context.backplane.nicks.owner, "bob")

        async def has_gone() -> bool:
            return await owner() is None

        await until(has_gone, "Bob's nickname to be free")
        says(await ask(alice, psst, "1"), code="gone", temporary=False, uncertain=True)


async def test_a_session_repeats_what_is_uncertain_until_it_is_certain(
    redis_server: RedisServer,
) -> None:
    """Changes of nickname and status, as messages are."""
    async with (
        open_cluster(redis_server, 1, redis_timeout=1) as cluster,
        open_session(cluster.urls, nick="alice") as alice,
        open_session(cluster.urls, nick="bob") as bob,
        open_session(cluster.urls, nick="carol") as carol,
        open_session(cluster.urls, nick="dave") as dave,
    ):
        for session in (alice, bob, carol, dave):
            await session.join("lobby")
        redis_server.pause()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(alice.rename, "alicia")
            nursery.start_soon(bob.set_status, "away")
            nursery.start_soon(carol.send, "lobby", "once")
            nursery.start_soon(dave.leave, "lobby")
            await cluster.nodes[0].not_ready()
            redis_server.resume()
        page = await carol.history("lobby")
        assert [message.text for message in page.messages] == ["once"]

        async def all_are_told() -> bool:
            members = {m.nick: m.state for m in (await carol.members("lobby")).members}
            return members == {"alicia": "online", "bob": "away", "carol": "online"}

        await until(all_are_told, "the members as they are now")
        assert (alice.nick, dave.rooms) == ("alicia", [])
