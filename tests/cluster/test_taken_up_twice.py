"""Two connections take up one session on two nodes at once: the later one has it, wholly."""

from __future__ import annotations

from collections import Counter
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Any, Final

import pytest
import trio

from gateway.backplane import Unavailable
from gateway.sessions.states import SessionState
from tests.cluster.inside import Client, command, reclaim_on, running_node, unheard
from tests.nodes import Cluster, open_cluster
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.websocket import WebSocketClient, connect

ROUNDS: Final = 30


class Rival:
    """One of the connections that want a session; ``code`` is what it was closed with."""

    def __init__(self, client: WebSocketClient) -> None:
        self.client = client
        self.code: int | None = None

    async def listen(self, closed: trio.Event) -> None:
        self.code = await self.client.closed()
        closed.set()


async def fight(clients: list[WebSocketClient], secret: str, room: str) -> WebSocketClient:
    """Take a session up at once, and join; return who has it when the rest is closed."""
    rivals = [Rival(client) for client in clients]
    for frame in (
        {"type": "hello", "resume": secret},
        {"type": "join", "room": room},
        {"type": "status", "state": "busy"},
    ):
        for client in clients:
            with suppress(trio.BrokenResourceError):  # it has lost already
                await client.say(frame)
    left = rivals
    while len(left) > 1:
        closed = trio.Event()
        async with trio.open_nursery() as nursery:
            for rival in left:
                nursery.start_soon(rival.listen, closed)
            with trio.fail_after(30):
                await closed.wait()
            nursery.cancel_scope.cancel()
        left = [rival for rival in rivals if rival.code is None]
    assert [rival.code for rival in rivals if rival not in left] == [4502] * (len(rivals) - 1)
    return left[0].client


async def test_the_one_that_has_it_stays_listed_and_keeps_its_name(
    redis_server: RedisServer,
) -> None:
    """Each of the nodes has some sessions already, with a connection or without."""
    nicks = [f"alice-{number}" for number in range(ROUNDS)]
    fought = trio.Event()
    won: list[str] = []
    news = trio.Event()

    async def take_part(cluster: Cluster, number: int) -> None:
        nick = nicks[number]
        async with AsyncExitStack() as stack:
            first, *clients = [
                await stack.enter_async_context(connect(cluster.urls[(number + n) % 3]))
                for n in range(3)
            ]
            secret = (await first.ask({"type": "hello", "nick": nick}))["session"]
            await first.join()
            if number % 2:
                await first.break_off()
            winner = await fight(clients, secret, "lobby")
            won.append(nick)
            news.set()
            await fought.wait()
            message = {"type": "send", "room": "lobby", "text": nick, "id": "1"}
            assert (await answer(winner, message))["type"] == "ok"
            await winner.say({"type": "direct", "to": nick, "text": "mine", "id": "2"})
            assert (await winner.hear_type("direct"))["text"] == "mine"
            renamed = {"type": "nick", "nick": f"{nick}-still", "id": "3"}
            assert (await answer(winner, renamed))["type"] == "ok"

    async with (
        open_cluster(redis_server, 3, grace_seconds=1, connect_rate=0) as cluster,
        trio.open_nursery() as nursery,
    ):
        for number in range(ROUNDS):
            nursery.start_soon(take_part, cluster, number)
        with trio.fail_after(60):
            while len(won) < ROUNDS:
                await news.wait()
                news = trio.Event()
        for url in cluster.urls:
            await all_given_back(url, redis_server)
        assert listed(redis_server) == owning(redis_server) == Counter(nicks)
        fought.set()


async def test_a_node_that_stood_still_changes_nothing_of_a_session_that_has_gone_on(
    redis_server: RedisServer,
) -> None:
    """What its client had sent is carried out late, by a node that was taken for dead."""
    async with (
        open_cluster(redis_server, 2, grace_seconds=1) as cluster,
        connect(cluster.urls[0]) as old,
        connect(cluster.urls[1]) as new,
    ):
        secret = (await old.ask({"type": "hello", "nick": "alice"}))["session"]
        await old.join()
        still, awake = cluster.nodes
        still.pause()
        for frame in (
            {"type": "join", "room": "lobby"},
            {"type": "send", "room": "lobby", "text": "late", "id": "1"},
            {"type": "nick", "nick": "alicia"},
            {"type": "direct", "to": "alice", "text": "late", "id": "2"},
            {"type": "leave", "room": "lobby"},
        ):
            await old.say(frame)
        assert (await new.ask({"type": "hello", "resume": secret}))["nick"] == "alice"
        await new.join()
        await awake.logged("node died")
        still.resume()
        assert await old.closed() == 4502
        await all_given_back(still.url, redis_server)
        assert listed(redis_server) == owning(redis_server) == Counter(["alice"])
        sent = {"type": "send", "room": "lobby", "text": "hi", "id": "3"}
        assert (await answer(new, sent))["seq"] == 1
        written = {"type": "direct", "to": "alice", "text": "hi", "id": "4"}
        assert (await answer(new, written))["seq"] == 1


async def test_of_two_who_begin_a_session_with_one_secret_one_has_it(
    redis_server: RedisServer,
) -> None:
    async with open_cluster(redis_server, 2, grace_seconds=1) as cluster:
        for number in range(10):
            secret = f"0123456789abcdefghijk-{number}"
            hello = {"type": "hello", "nick": f"alice-{number}", "session": secret}
            async with connect(cluster.urls[0]) as one, connect(cluster.urls[1]) as other:
                rivals = [Rival(one), Rival(other)]
                for client in (one, other):
                    await client.say(hello)
                closed = trio.Event()
                async with trio.open_nursery() as nursery:
                    for rival in rivals:
                        nursery.start_soon(rival.listen, closed)
                    await closed.wait()
                    nursery.cancel_scope.cancel()
                [winner] = [rival for rival in rivals if rival.code is None]
                assert {rival.code for rival in rivals} == {None, 4502}
                joined = {"type": "join", "room": "lobby", "id": "j"}
                assert (await answer(winner.client, joined))["type"] == "ok"
                assert owning(redis_server) == listed(redis_server)
                await winner.client.close()
            await until(partial(_none_is_there, redis_server), "all to be given back")


async def _none_is_there(redis_server: RedisServer) -> bool:
    return not owning(redis_server) and not listed(redis_server)


async def answer(client: WebSocketClient, frame: dict[str, Any]) -> dict[str, Any]:
    """Send a command and receive its answer, whatever comes before it."""
    await client.say(frame)
    while (heard := await client.hear_type("ok", "error")).get("id") != frame["id"]:
        pass
    return heard


async def all_given_back(url: str, redis_server: RedisServer) -> None:
    """Wait until a node has given back all that was parked on it until now."""
    async with connect(url, "zed") as client:
        await client.break_off()
    await until(lambda: not owning(redis_server)["zed"], "the grace to be over")


def listed(redis_server: RedisServer) -> Counter[str]:
    """Who is listed in the lobby, and how often."""
    members = redis_server.ask("HVALS", "chat:{room:lobby}:members")
    return Counter(member.split(" ")[2] for member in members)


def owning(redis_server: RedisServer) -> Counter[str]:
    """Who has a nickname, and how often."""
    owners = redis_server.ask("HVALS", "chat:{nicks}")
    return Counter(owner.split(" ")[3] for owner in owners)


# --- step by step, with the nodes in this process -------------------------------------------------


SECRET: Final = "s" + "0123456789abcdefghijk"


async def test_who_hears_late_that_a_session_had_gone_elsewhere_does_not_end_it_here_now(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It went to another node and came back while that node's claim was refused."""
    async with running_node(redis_server) as one, running_node(redis_server) as two:
        first, other, last = Client(one), Client(two), Client(one)
        await command(first, "hello", nick="alice", session=SECRET)
        nicks = one.context.backplane.nicks
        claim = nicks.claim

        async def claim_late(*who: str, **more: Any) -> int:
            await command(other, "hello", resume=SECRET)
            try:
                return await claim(*who, **more)
            finally:
                await command(last, "hello", resume=SECRET)

        with monkeypatch.context() as late:
            late.setattr(nicks, "claim", claim_late)
            one.context.registry.mark_unverified(first.record)
            await reclaim_on(one)
        assert last.record.state is SessionState.CONNECTED
        assert last.session.is_attached()
        await command(last, "nick", nick="alicia")
        assert last.nick == "alicia"
        for session in (first, other, last):
            session.end(goodbye=True)


async def test_a_taking_up_that_was_done_and_not_answered_leaves_the_session_as_it_was(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_node(redis_server, grace=60) as node:
        nicks, registry = node.context.backplane.nicks, node.context.registry
        old, new = Client(node), Client(node)
        await command(old, "hello", nick="alice", session=SECRET)
        await command(old, "join", room="lobby")
        with monkeypatch.context() as lost:
            lost.setattr(nicks, "resume", unheard(nicks.resume))
            await command(new, "hello", resume=SECRET)
        assert (new.nick, registry.unverified) == ("", 1)
        with suppress(Unavailable):  # the first time it hears of the term, then it claims in it
            await reclaim_on(node)
        await reclaim_on(node)
        await command(old, "nick", nick="alicia")
        assert (old.nick, old.record.state) == ("alicia", SessionState.CONNECTED)
        # Once more; and it is given back at once, whichever term it is in.
        with monkeypatch.context() as lost:
            lost.setattr(nicks, "resume", unheard(nicks.resume))
            await command(new, "hello", resume=SECRET)
        old.end(goodbye=True)
        await registry.all_released()
        assert not redis_server.ask("EXISTS", "chat:{nicks}", "chat:{room:lobby}:members")
