"""Two connections take up one session on two nodes at once: the later one has it, wholly."""

from __future__ import annotations

from collections import Counter
from contextlib import AsyncExitStack
from typing import Any, Final

import trio

from tests.harness import Cluster, RawClient, open_cluster, raw_client, until
from tests.redis_server import RedisServer

ROUNDS: Final = 30


class Rival:
    """One of the connections that want a session; ``code`` is what it was closed with."""

    def __init__(self, client: RawClient) -> None:
        self.client = client
        self.code: int | None = None

    async def listen(self, closed: trio.Event) -> None:
        self.code = await self.client.closed()
        closed.set()


async def fight(clients: list[RawClient], secret: str, room: str) -> RawClient:
    """Have all take up a session at once, and join; gives who has it when the rest is closed."""
    rivals = [Rival(client) for client in clients]
    for command in ({"type": "hello", "resume": secret}, {"type": "join", "room": room}):
        for client in clients:
            await client.say(command)
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
                await stack.enter_async_context(raw_client(cluster.urls[(number + n) % 3]))
                for n in range(3)
            ]
            secret = (await first.ask({"type": "hello", "nick": nick}))["session"]
            await first.ask({"type": "join", "room": "lobby", "id": "j"})
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
            await _come_and_go(url, redis_server)
        assert listed(redis_server) == owning(redis_server) == Counter(nicks)
        fought.set()


async def answer(client: RawClient, command: dict[str, Any]) -> dict[str, Any]:
    """Send a command and receive its answer, whatever comes before it."""
    await client.say(command)
    while (heard := await client.hear_type("ok", "error")).get("id") != command["id"]:
        pass
    return heard


async def _come_and_go(url: str, redis_server: RedisServer) -> None:
    """Be in a room until the grace is over; all that was parked on the node before is over too."""
    async with raw_client(url, "zed") as client:
        await client.ask({"type": "join", "room": "attic", "id": "j"})
        await client.break_off()

    async def gone() -> bool:
        return not redis_server.ask("EXISTS", "chat:{room:attic}:members")

    await until(gone, "the grace to be over")


def listed(redis_server: RedisServer) -> Counter[str]:
    """Who is listed in the lobby, and how often."""
    members = redis_server.ask("HVALS", "chat:{room:lobby}:members")
    return Counter(member.rpartition(" ")[2] for member in members)


def owning(redis_server: RedisServer) -> Counter[str]:
    """Who has a nickname, and how often."""
    owners = redis_server.ask("HVALS", "chat:{nicks}")
    return Counter(owner.rpartition(" ")[2] for owner in owners)
