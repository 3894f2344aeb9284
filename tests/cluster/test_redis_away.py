"""Redis goes away and comes back: nobody is disconnected, and nothing acknowledged is lost."""

from __future__ import annotations

import trio

from client.session import Disconnected, Session, open_session
from gateway import wire
from tests.harness import NodeProcess, RawClient, open_cluster, raw_client, until
from tests.redis_server import RedisServer


class Listener:
    """Keeps what one session hears."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.messages: list[wire.Message] = []
        self.notices: list[wire.Notice] = []
        self.lost_connections = 0
        self._news = trio.Event()

    async def listen(self) -> None:
        async for event in self.session.events:
            if isinstance(event, wire.Message):
                self.messages.append(event)
            elif isinstance(event, wire.Notice):
                self.notices.append(event)
            elif isinstance(event, Disconnected):
                self.lost_connections += 1
            self._news.set()

    async def until_seq(self, seq: int) -> None:
        with trio.fail_after(30):
            while not self.messages or self.messages[-1].seq < seq:
                self._news = trio.Event()
                await self._news.wait()

    async def until_notice(self, code: str) -> wire.Notice:
        with trio.fail_after(30):
            while not (found := [n for n in self.notices if n.code == code]):
                self._news = trio.Event()
                await self._news.wait()
        return found[0]


async def not_ready(node: NodeProcess) -> tuple[int, str]:
    answer: tuple[int, str] = (0, "")

    async def refused() -> bool:
        nonlocal answer
        answer = await node.get("/readyz")
        return answer[0] == 503

    await until(refused, "the node to be not ready")
    return answer


async def test_a_restart_under_traffic_loses_nothing(redis_server: RedisServer) -> None:
    acknowledged: dict[int, str] = {}

    async def speak(session: Session, name: str, stop: trio.Event) -> None:
        number = 0
        while not stop.is_set():
            text = f"{name}:{number}"
            acknowledged[await session.send("lobby", text)] = text
            number += 1
            await trio.sleep(0.005)

    async with (
        open_cluster(redis_server, 2) as cluster,
        open_session([cluster.urls[0]], nick="alice") as alice,
        open_session([cluster.urls[1]], nick="bob") as bob,
        open_session([cluster.urls[1]], nick="carol") as carol,
        trio.open_nursery() as nursery,
    ):
        listeners = [Listener(session) for session in (alice, bob, carol)]
        for listener in listeners:
            await listener.session.join("lobby")
            nursery.start_soon(listener.listen)
        stop = trio.Event()
        async with trio.open_nursery() as speaking:
            speaking.start_soon(speak, alice, "alice", stop)
            speaking.start_soon(speak, bob, "bob", stop)
            for _ in range(2):
                await listeners[2].until_seq(max(acknowledged, default=0) + 50)
                await redis_server.stop()
                for node in cluster.nodes:
                    assert "Redis" in (await not_ready(node))[1]
                await redis_server.start()
                for node in cluster.nodes:
                    await node.ready()
            await listeners[2].until_seq(max(acknowledged) + 50)
            stop.set()
        assert len(acknowledged) > 150
        for listener in listeners:
            await listener.until_seq(max(acknowledged))
            seqs = [m.seq for m in listener.messages]
            assert seqs == list(range(1, seqs[-1] + 1))
            heard = {m.seq: m.text for m in listener.messages}
            assert acknowledged.items() <= heard.items()
            assert len(set(heard.values())) == len(heard), "something was said twice"
            assert listener.lost_connections == 0
        assert [m.nick for m in (await carol.members("lobby")).members] == ["alice", "bob", "carol"]
        nursery.cancel_scope.cancel()


async def ask_while_away(client: RawClient) -> dict[str, object]:
    with trio.fail_after(2):
        return await client.ask({"type": "send", "room": "lobby", "text": "now?", "id": "now"})


async def test_a_redis_that_hangs_gives_unavailable_and_the_retry_is_said_once(
    redis_server: RedisServer,
) -> None:
    async with (
        open_cluster(redis_server, 1, redis_timeout=0.5) as cluster,
        raw_client(cluster.urls[0], "alice") as alice,
    ):
        await alice.ask({"type": "join", "room": "lobby", "id": "j"})
        redis_server.pause()
        # The first finds out within the timeout; after that everybody is told at once.
        for _ in range(2):
            answer = await ask_while_away(alice)
            assert (answer["code"], answer["id"]) == ("unavailable", "now")
        assert (await alice.ask({"type": "ping", "id": "p"}))["type"] == "ok"
        redis_server.resume()
        await cluster.nodes[0].ready()
        again = {"type": "send", "room": "lobby", "text": "now?", "id": "now"}
        first = await alice.ask(again)
        assert first["type"] == "ok"
        assert (await alice.ask(again))["seq"] == first["seq"]
        page = await alice.ask({"type": "history", "room": "lobby", "id": "h"})
        assert [m["text"] for m in page["messages"]] == ["now?"]


async def test_killed_connections_are_made_again_and_gaps_are_filled(
    redis_server: RedisServer,
) -> None:
    async with (
        open_cluster(redis_server, 2) as cluster,
        open_session([cluster.urls[0]], nick="alice") as alice,
        open_session([cluster.urls[1]], nick="bob") as bob,
        trio.open_nursery() as nursery,
    ):
        listener = Listener(bob)
        await alice.join("lobby")
        await bob.join("lobby")
        nursery.start_soon(listener.listen)
        seq = 0
        for kind in ("pubsub", "normal", "pubsub"):
            for _ in range(20):
                seq = await alice.send("lobby", "before")
            redis_server.ask("CLIENT", "KILL", "TYPE", kind)
            for _ in range(20):
                seq = await alice.send("lobby", "after")
        await listener.until_seq(seq)
        assert [m.seq for m in listener.messages] == list(range(1, seq + 1))
        assert listener.lost_connections == 0
        nursery.cancel_scope.cancel()


async def test_lost_data_is_told_and_the_conversation_goes_on(redis_server: RedisServer) -> None:
    async with (
        open_cluster(redis_server, 2) as cluster,
        open_session([cluster.urls[0]], nick="alice") as alice,
        open_session([cluster.urls[1]], nick="bob") as bob,
        trio.open_nursery() as nursery,
    ):
        listener = Listener(bob)
        before = await alice.join("lobby")
        await bob.join("lobby")
        nursery.start_soon(listener.listen)
        for _ in range(10):
            await alice.send("lobby", "before")
        await listener.until_seq(10)
        redis_server.ask("FLUSHALL")
        await listener.until_notice("history_lost")
        await until(lambda: _members(alice, ["alice", "bob"]), "both to be listed again")
        listener.messages.clear()
        assert await alice.send("lobby", "after") == 1
        await listener.until_seq(1)
        assert listener.messages[0].text == "after"
        assert (await bob.join("lobby")).epoch != before.epoch
        # Nicknames were claimed again.
        async with raw_client(cluster.urls[0]) as stranger:
            answer = await stranger.ask({"type": "hello", "nick": "BOB"})
            assert answer["code"] == "nick_taken"
        nursery.cancel_scope.cancel()


async def _members(session: Session, nicks: list[str]) -> bool:
    return sorted(m.nick for m in (await session.members("lobby")).members) == nicks


async def test_redis_away_at_start(redis_server: RedisServer) -> None:
    await redis_server.stop()
    async with open_cluster(redis_server, 0) as cluster:
        node = await cluster.add_node()
        away = await node.logged("redis away")
        assert away["level"] == "warning"
        assert (await node.get("/healthz"))[0] == 200
        assert (await not_ready(node))[1] == '{"ready": false, "reason": "Redis does not answer"}\n'
        async with raw_client(node.url) as client:
            answer = await client.ask({"type": "hello", "nick": "alice", "id": "h"})
            assert answer["code"] == "unavailable"
            await redis_server.start()
            await node.ready()
            assert (await client.ask({"type": "hello", "nick": "alice"}))["type"] == "welcome"
