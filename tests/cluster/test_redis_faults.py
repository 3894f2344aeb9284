"""Redis answers, but not as it should: full, forgetful, cutting off, delivering nothing."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import trio

from tests import PATIENCE
from tests.cluster.people import in_the_lobby, one_client, two_clients
from tests.nodes import NodeProcess, open_cluster
from tests.ports import free_port
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.websocket import handshake


class Deafener:
    """Stands between a node and Redis; when told to, it swallows what subscribers should get."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.swallows = False

    async def serve(self, node: trio.SocketStream) -> None:
        async with await trio.open_tcp_stream("127.0.0.1", self._port) as redis:
            subscribed = swallowed = False

            async def to_node() -> None:
                nonlocal swallowed
                async for data in redis:
                    # A connection that has swallowed something is out of step for good.
                    swallowed |= self.swallows and subscribed
                    if not swallowed:
                        await node.send_all(data)
                nursery.cancel_scope.cancel()

            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(to_node)
                    async for data in node:
                        subscribed |= b"SUBSCRIBE" in data
                        await redis.send_all(data)
                    nursery.cancel_scope.cancel()
            except* trio.BrokenResourceError:
                pass  # one of the two is gone, and so is the connection


async def test_a_subscription_that_delivers_nothing_is_found_and_built_anew(tmp_path: Path) -> None:
    port = free_port()
    deafener = Deafener(port)
    async with (
        RedisServer(tmp_path, port=port, bind="127.0.0.1") as redis_server,
        trio.open_nursery() as nursery,
    ):
        listeners = await nursery.start(
            partial(trio.serve_tcp, deafener.serve, 0, host="127.0.0.1")
        )
        url = f"redis://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        async with open_cluster(redis_server, 1) as cluster:
            node = await cluster.add_node(redis=url, probe_seconds=2)
            await node.ready()
            async with in_the_lobby(cluster, "alice", "bob") as (alice, bob):
                deafener.swallows = True
                for _ in range(5):
                    await alice.session.send("lobby", "in vain")
                assert "subscription" in (await node.not_ready())[1]
                assert bob.messages == []
                deafener.swallows = False
                with trio.fail_after(PATIENCE):
                    await node.logged("subscription silent")
                    await bob.until_seq(5)
                await node.ready()
                assert [m.seq for m in bob.messages] == [1, 2, 3, 4, 5]
                assert bob.lost_connections == 0
        nursery.cancel_scope.cancel()


async def test_a_node_that_reads_too_slowly_from_redis_recovers_from_the_logs(
    redis_server: RedisServer,
) -> None:
    async with (
        open_cluster(redis_server, 2) as cluster,
        in_the_lobby(cluster, "alice", "bob") as (alice, bob),
    ):
        redis_server.ask("CONFIG", "SET", "client-output-buffer-limit", "pubsub 65536 0 0")
        subscribers = redis_server.ask("CLIENT", "LIST", "TYPE", "pubsub")
        cluster.nodes[1].pause()
        for _ in range(200):
            await alice.session.send("lobby", "x" * 4000)
        now = redis_server.ask("CLIENT", "LIST", "TYPE", "pubsub")
        cluster.nodes[1].resume()
        assert len(now) < len(subscribers), "Redis has cut the node off"
        await bob.until_seq(200)
        assert [m.seq for m in bob.messages] == list(range(1, 201))
        assert bob.lost_connections == 0
        assert bob.notices == []


async def test_while_redis_is_full_nothing_but_writing_changes(redis_server: RedisServer) -> None:
    async with two_clients(redis_server, room="lobby", probe_seconds=2) as (cluster, alice, bob):
        node = cluster.nodes[0]
        redis_server.ask("CONFIG", "SET", "maxmemory", 1)
        _, reason = await node.not_ready()
        assert "OOM command not allowed" in reason
        refused = await bob.join("cafe")
        assert refused["code"] == "unavailable"
        page = await alice.ask({"type": "history", "room": "lobby", "id": "h"})
        assert page["type"] == "ok", "reading goes on"
        assert "subscription silent" not in [line["event"] for line in node.log]
        redis_server.ask("CONFIG", "SET", "maxmemory", 0)
        await node.ready()
        assert [line["event"] for line in node.log].count("redis refuses") == 1
        busy = {"type": "status", "state": "busy", "id": "s"}
        assert (await bob.ask(busy))["type"] == "ok"
        await until(lambda: _is_gone(redis_server, "cafe"), "the room to be as it was")
        assert (await bob.ask({"type": "members", "room": "cafe", "id": "m"}))["code"] == (
            "not_in_room"
        )


async def test_a_primary_that_may_not_write_without_replicas_is_named(
    redis_server: RedisServer,
) -> None:
    async with one_client(redis_server) as (node, alice):
        await alice.join()
        send = {"type": "send", "room": "lobby", "text": "hi", "id": "1"}
        redis_server.ask("CONFIG", "SET", "min-replicas-to-write", 1)
        answer = await alice.ask(send)
        assert (answer["code"], answer["id"]) == ("unavailable", "1")
        assert redis_server.ask("XLEN", "chat:{room:lobby}:log") == 0

        async def named() -> bool:
            return "Redis refuses: NOREPLICAS" in (await node.get_as_operator("/readyz"))[1]

        await until(named, "the node to say why it is not ready")
        redis_server.ask("CONFIG", "SET", "min-replicas-to-write", 0)
        await node.ready()
        assert (await alice.ask(send))["seq"] == 1


async def _is_gone(redis_server: RedisServer, room: str) -> bool:
    return not redis_server.ask("KEYS", f"*{{room:{room}}}*")


async def test_too_many_connections_at_once_are_told_to_come_later(
    redis_server: RedisServer,
) -> None:
    async with open_cluster(redis_server, 1, connect_rate=1) as cluster:
        node = cluster.nodes[0]
        heads = await shake_hands(node, times=20)
        assert any(head.startswith(b"HTTP/1.1 101 ") for head in heads)
        refused = [head for head in heads if head.startswith(b"HTTP/1.1 503 ")]
        assert refused
        assert all(b"retry-after: 1\r\n" in head.lower() for head in refused)
        assert await node.metric("chat_turned_away_total") == len(refused)
        assert (await node.get("/healthz"))[0] == 200, "plain HTTP is not limited"


async def shake_hands(node: NodeProcess, *, times: int) -> list[bytes]:
    """Return what is answered to so many handshakes, which all come to the node at once."""
    async with AsyncExitStack() as stack:
        node.pause()
        streams = []
        for _ in range(times):
            stream = await trio.open_tcp_stream("127.0.0.1", node.port)
            streams.append(await stack.enter_async_context(stream))
            await stream.send_all(handshake())
        node.resume()
        return [bytes(await stream.receive_some()) for stream in streams]
