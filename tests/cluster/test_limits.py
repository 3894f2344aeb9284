"""What a node holds out: many clients, slow ones, silent ones, slow heads; and what it tells."""

from __future__ import annotations

import resource
from contextlib import AsyncExitStack
from functools import partial

import pytest
import trio

from client.session import CannotConnect, open_session
from gateway import wire
from tests.load.target.processes import usage
from tests.nodes import NodeProcess, open_cluster
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.websocket import connect


async def test_two_thousand_clients_all_hear_a_broadcast(redis_server: RedisServer) -> None:
    clients = 2000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 3 * clients:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 3 * clients), hard))
    entering = trio.CapacityLimiter(100)
    everybody, joined = trio.Event(), 0

    async def one(node: NodeProcess, number: int) -> None:
        nonlocal joined
        async with AsyncExitStack() as stack:
            async with entering:
                client = await stack.enter_async_context(connect(node.url, f"client-{number}"))
                await client.send(b'{"type":"join","room":"lobby","id":"j"}')
                await client.receive_until(b'"id":"j"')
            joined += 1
            if joined == clients:
                everybody.set()
            await client.receive_until(b"Hello, all of you!", seconds=clients)

    # This one process answers for all of them, and none of them answers pings.
    async with open_cluster(redis_server, 1, ping_interval=600) as cluster:
        node = cluster.nodes[0]
        async with trio.open_nursery() as listeners:
            for number in range(clients):
                listeners.start_soon(one, node, number)
            await everybody.wait()
            assert await node.metric("chat_connections") >= clients
            async with open_session([node.url], nick="speaker") as speaker:
                await speaker.join("lobby")
                [lobby] = await speaker.list_rooms()
                assert lobby.members == clients + 1
                await speaker.send("lobby", "Hello, all of you!")
        assert node.errors == []


async def test_a_slow_reader_is_closed_and_the_others_are_not(redis_server: RedisServer) -> None:
    async with (
        open_cluster(redis_server, 1, outbox_bytes=65_536) as cluster,
        open_session([cluster.urls[0]], nick="alice") as alice,
        open_session([cluster.urls[0]], nick="quick") as quick,
    ):
        node = cluster.nodes[0]
        async with connect(node.url, "slow") as slow:
            await slow.send(b'{"type":"join","room":"lobby","id":"j"}')
            await quick.join("lobby")
            await alice.join("lobby")
            await until(lambda: _has_member(alice, "slow"), "the slow reader to be in the room")
            sent = 0
            while await node.metric("chat_slow_readers_total") == 0:
                for _ in range(200):
                    await alice.send("lobby", "x" * 4000)
                    sent += 1
                assert sent < 5_000
            heard: list[int] = []
            while not heard or heard[-1] < sent:
                event = await quick.events.receive()
                if isinstance(event, wire.Message):
                    heard.append(event.seq)
            assert heard == list(range(1, sent + 1))
            closed = await node.logged("disconnected")
            assert (closed["nick"], closed["code"], closed["by"]) == ("slow", 4001, "node")


async def _has_member(session: object, nick: str) -> bool:
    members = (await session.members("lobby")).members  # type: ignore[attr-defined]
    return nick in [m.nick for m in members]


async def test_a_silent_client_is_pinged_and_a_dead_one_closed(redis_server: RedisServer) -> None:
    async with open_cluster(redis_server, 1, ping_interval=4) as cluster:
        node = cluster.nodes[0]
        async with connect(node.url, "alive") as alive:
            async with connect(node.url) as dead, trio.open_nursery() as nursery:
                nursery.start_soon(alive.closed)
                received = await dead.receive_all()
                assert b"\x89\x00" in received
                assert received.endswith(b"no answer to pings")
                nursery.cancel_scope.cancel()
            assert (await alive.ask({"type": "ping", "id": "p"}))["type"] == "ok"


async def test_metrics_count_what_happened(redis_server: RedisServer) -> None:
    async with (
        open_cluster(redis_server, 1) as cluster,
        open_session([cluster.urls[0]], nick="alice") as alice,
        connect(cluster.urls[0], "bob") as bob,
    ):
        node = cluster.nodes[0]
        await bob.join()
        await alice.join("lobby")
        await alice.join("elsewhere")
        for _ in range(5):
            await alice.send("lobby", "hi")
        for _ in range(5):
            await bob.hear_type("message")
        found = {
            name: await node.metric(f"chat_{name}")
            for name in (
                "sessions", "rooms", "messages_in_total", "messages_out_total",
                "deliveries_total", "publish_seconds_count", "redis_connected", "ready",
                "outbox_bytes",
            )
        }  # fmt: skip
        assert found == {
            "sessions": 2, "rooms": 2, "messages_in_total": 5, "messages_out_total": 5,
            "deliveries_total": 10, "publish_seconds_count": 5, "redis_connected": 1, "ready": 1,
            "outbox_bytes": 0,
        }  # fmt: skip


async def test_a_node_whose_files_run_out_keeps_its_redis_and_turns_clients_away(
    redis_server: RedisServer,
) -> None:
    async with open_cluster(redis_server, 0) as cluster, AsyncExitStack() as idle:
        node = await cluster.add_node("sh", "-c", 'ulimit -n 60 && exec "$@"', "sh")
        await node.ready()

        async def hold_open(connections: int) -> None:
            for _ in range(connections):
                await idle.enter_async_context(await trio.open_tcp_stream("127.0.0.1", node.port))

        async with connect(node.url, "alice") as alice:
            await alice.join()
            await hold_open(23)
            with pytest.raises(CannotConnect, match="503"):
                async with open_session([node.url], nick="bob"):
                    raise AssertionError("let in")
            assert (await node.get("/readyz"))[0] == 200
            await hold_open(60)
            await node.logged("connections have to wait")
            for kind in ("normal", "pubsub"):
                redis_server.ask("CLIENT", "KILL", "TYPE", kind)
            await until(partial(_has_logged, node, "redis connected", 6), "all three to be back")
            sent = {"type": "send", "room": "lobby", "text": "still here", "id": "1"}
            assert (await alice.ask(sent))["type"] == "ok"
        assert not [line for line in node.log if "open files" in str(line)]
        assert await _has_logged(node, "connections have to wait", 1)


async def _has_logged(node: NodeProcess, event: str, times: int) -> bool:
    return len([line for line in node.log if line["event"] == event]) == times


async def test_metrics_tell_what_the_process_uses(redis_server: RedisServer) -> None:
    async with open_cluster(redis_server, 1) as cluster:
        node = cluster.nodes[0]
        before, used = usage(node.process.pid), await node.metric("process_cpu_seconds_total")
        after, tick = usage(node.process.pid), 0.02  # the kernel cuts both its parts to 10 ms
        assert before.cpu - tick <= used <= after.cpu + tick
        resident = await node.metric("process_resident_memory_bytes") / 1024
        assert resident == pytest.approx(before.rss, rel=0.2)


async def test_the_fullest_of_very_many_rooms_are_listed_though_nodes_die(
    redis_server: RedisServer,
) -> None:
    async with (
        open_cluster(redis_server, 2, max_rooms=1000, grace_seconds=0) as cluster,
        connect(cluster.urls[1], "bob") as bob,
    ):
        async with connect(cluster.urls[0], "alice") as alice:
            for client, room in ((alice, "full"), (bob, "full"), (bob, "other")):
                await client.join(room)
            for number in range(600):
                await alice.join(f"room{number}")

            async def begins_with(*rooms: tuple[str, int]) -> bool:
                listed = (await bob.ask({"type": "rooms", "id": "r"}))["rooms"]
                return [(room["room"], room["members"]) for room in listed][: len(rooms)] == [
                    *rooms
                ]

            await until(lambda: begins_with(("full", 2)), "the fullest room to be the first")
            listed = (await bob.ask({"type": "rooms", "id": "r"}))["rooms"]
            assert len(listed) == 500
            assert {"room": "lobby", "members": 0} in listed
            await cluster.nodes[0].kill()
        rest = ("full", 1), ("other", 1), ("lobby", 0)
        await until(lambda: begins_with(*rest), "the dead node's rooms to be gone")
        await until(partial(_counts, redis_server, 2), "nothing of them to be left")


async def _counts(redis_server: RedisServer, rooms: int) -> bool:
    return bool(redis_server.ask("ZCARD", "chat:rooms:sizes") == rooms)


async def test_presence_is_told_at_most_four_times_a_second(redis_server: RedisServer) -> None:
    async with (
        open_cluster(redis_server, 2) as cluster,
        connect(cluster.urls[0], "watcher") as watcher,
        connect(cluster.urls[1], "restless") as restless,
        connect(cluster.urls[1], "closer") as closer,
    ):
        joined = await watcher.join()
        began = trio.current_time()
        for number in range(200):
            await restless.join()
            await restless.ask({"type": "leave", "room": "lobby", "id": str(number)})
        # Changes that come to nothing are not told; this one, at the end, is.
        await closer.join()
        frames: list[dict[str, object]] = []
        members = {"watcher"}
        version = joined["version"]
        # By the documented rule the watcher ends up knowing exactly who is there.
        while "closer" not in members:
            change = await watcher.hear_type("presence")
            frames.append(change)
            assert change["after"] <= version
            members |= {m["nick"] for m in change.get("joined", [])}
            members -= set(change.get("left", []))
            version = change["version"]
        took = trio.current_time() - began
        assert members == {"watcher", "closer"}
        assert len(frames) <= took * 4 + 2
        answer = await watcher.ask({"type": "members", "room": "lobby", "id": "m"})
        assert {m["nick"] for m in answer["members"]} == members
        assert answer["version"] == version


async def test_logs_never_tell_what_was_said(redis_server: RedisServer) -> None:
    secret = "the eagle lands at midnight"  # noqa: S105
    async with open_cluster(redis_server, 1, log_level="debug") as cluster:
        node = cluster.nodes[0]
        async with connect(node.url, "alice") as alice:
            await alice.join()
            await alice.ask({"type": "send", "room": "lobby", "text": secret, "id": "s"})
            await alice.ask({"type": "send", "text": secret, "id": "s"})
        closed = await node.logged("disconnected")
        assert (closed["nick"], closed["code"], closed["by"]) == ("alice", 1000, "client")
        await node.stop()
        assert not any("eagle" in str(line) for line in node.log)
        assert all({"event", "level", "timestamp"} <= line.keys() for line in node.log)


async def test_unicode_nicknames_where_they_are_allowed(redis_server: RedisServer) -> None:
    async with (
        open_cluster(redis_server, 1, unicode_nicks="on") as cluster,
        connect(cluster.urls[0], "Zoë") as zoe,
        connect(cluster.urls[0], "Alice") as _alice,
    ):
        for twin in ("alice", "Ａｌｉｃｅ", "A1ice", "ALICE"):  # noqa: RUF001
            answer = await zoe.ask({"type": "nick", "nick": twin, "id": twin})
            assert answer["code"] == "nick_taken", twin
        for bad in ("zero\u200bwidth", "two words", "\u202eevil", "аlice"):  # noqa: RUF001
            assert (await zoe.ask({"type": "nick", "nick": bad, "id": bad}))["code"] == "bad_nick"
        assert (await zoe.ask({"type": "nick", "nick": "Зоя", "id": "z"}))["nick"] == "Зоя"


async def test_the_answer_to_a_join_lists_a_thousand_and_counts_all(
    redis_server: RedisServer,
) -> None:
    async with (
        open_cluster(redis_server, 1, history_size=10) as cluster,
        open_session([cluster.urls[0]], nick="alice") as alice,
    ):
        await alice.join("lobby")
        for index in range(400):
            await alice.send("lobby", str(index))
        page = await alice.history("lobby", limit=wire.MAX_HISTORY)
        seqs = [m.seq for m in page.messages]
        # The log keeps at least as many as it was told to, and drops whole blocks behind that.
        assert seqs == list(range(seqs[0], 401))
        assert 10 <= len(seqs) < 250
        older = await alice.history("lobby", before=395, limit=3)
        assert [m.seq for m in older.messages] == [392, 393, 394]
        assert older.more is True
