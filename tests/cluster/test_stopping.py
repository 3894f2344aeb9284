"""Nodes that stop, and nodes that die."""

from __future__ import annotations

from functools import partial

import pytest
import trio

from client.session import CannotConnect, Connected, Disconnected, Rejoined, open_session
from gateway import wire
from tests import PATIENCE
from tests.nodes import open_cluster
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.websocket import WebSocketClient, connect


async def test_a_stopped_node_sends_its_clients_away_and_leaves_them_resumable(
    redis_server: RedisServer,
) -> None:
    async with open_cluster(redis_server, 2, grace_seconds=600, drain_seconds=60) as cluster:
        node, other = cluster.nodes
        async with connect(node.url, "alice") as alice, connect(node.url, "bob") as bob:
            for client in (alice, bob):
                await client.join("empty")
            node.process.terminate()
            assert (await alice.hear_type("notice"))["code"] == "draining"
            assert await alice.closed() == 4000
            assert await bob.closed() == 4000
            with trio.fail_after(PATIENCE):
                assert await node.process.wait() == 0
        assert (await node.logged("stopped"))["in_time"] is True
        assert node.errors == []
        async with connect(other.url) as stranger:
            hello = {"type": "hello", "nick": "alice"}
            assert (await stranger.ask(hello))["code"] == "nick_taken"
            # They do not come back within this node's grace: it gives back what they held.
            other = await cluster.add_node(grace_seconds=1)
            await until(lambda: _greeted(stranger, "alice"), "the nickname to be free")
        kept = ["chat:heartbeats"]
        await until(partial(_has_keys, redis_server, kept), "Redis to be clean")


async def _greeted(client: WebSocketClient, nick: str) -> bool:
    return bool((await client.ask({"type": "hello", "nick": nick}))["type"] == "welcome")


async def _has_keys(redis_server: RedisServer, keys: list[str]) -> bool:
    # What a room looked like stays claimed for some minutes.
    return [key for key in redis_server.keys() if ":{look:" not in key] == keys  # noqa: SIM118


async def test_a_node_that_drains_is_not_ready_and_takes_nobody_in(
    redis_server: RedisServer,
) -> None:
    async with open_cluster(redis_server, 1, drain_seconds=600) as cluster:
        node = cluster.nodes[0]
        async with connect(node.url, "alice") as bare:
            node.process.terminate()
            await bare.receive_until((4000).to_bytes(2, "big"))
            status, body = await node.get_as_operator("/readyz")
            assert (status, "draining" in body) == (503, True)
            with pytest.raises(CannotConnect, match="503"):
                async with open_session([node.url], nick="bob"):
                    raise AssertionError("let in")
        with trio.fail_after(PATIENCE):
            assert await node.process.wait() == 0


async def test_sessions_move_on_by_themselves_and_miss_nothing(redis_server: RedisServer) -> None:
    async with open_cluster(redis_server, 2) as cluster:
        first, second = cluster.nodes
        async with (
            open_session([second.url], nick="carol") as carol,
            open_session([first.url], nick="alice") as alice,
        ):
            alice.urls.append(second.url)
            await alice.join("lobby")
            await carol.join("lobby")
            await carol.send("lobby", "before")
            await first.stop()
            await carol.send("lobby", "meanwhile")
            texts: list[str] = []
            moved_to = ""
            with trio.fail_after(PATIENCE):
                while len(texts) < 2 or moved_to != second.url:
                    event = await alice.events.receive()
                    if isinstance(event, wire.Message):
                        texts.append(event.text)
                    elif isinstance(event, Rejoined):
                        assert event.joined.recovered is True
                        texts += [m.text for m in event.joined.messages]
                    elif isinstance(event, Connected):
                        moved_to = event.url
                        assert event.resumed is (event.url == second.url)
                    elif isinstance(event, Disconnected):
                        assert "going away" in event.reason or "refused" in event.reason
            assert texts == ["before", "meanwhile"]


async def test_what_a_killed_node_held_is_given_back(redis_server: RedisServer) -> None:
    async with open_cluster(redis_server, 2, grace_seconds=1) as cluster:
        first, second = cluster.nodes
        async with (
            connect(first.url, "ghost") as ghost,
            connect(second.url, "alice") as alice,
        ):
            await ghost.join()
            answer = await alice.join()
            assert answer["count"] == 2
            await first.kill()
            while (await alice.hear_type("presence")).get("left") != ["ghost"]:
                pass
            await until(partial(alice.rename, "Ghost"), "the dead node's nickname to be free")
        name = (await second.logged("listening"))["node"]
        await until(
            lambda: redis_server.ask("HKEYS", "chat:heartbeats") == [name],
            "the dead node to be off the register",
        )


async def test_a_node_that_was_only_paused_claims_everything_again(
    redis_server: RedisServer,
) -> None:
    async with open_cluster(redis_server, 2, grace_seconds=1) as cluster:
        paused, other = cluster.nodes
        async with (
            connect(paused.url, "sleeper") as sleeper,
            connect(paused.url, "dreamer") as dreamer,
            connect(other.url, "alice") as alice,
        ):
            for client in (sleeper, dreamer, alice):
                await client.join()
            paused.pause()
            left: set[str] = set()
            while left != {"sleeper", "dreamer"}:
                left |= set((await alice.hear_type("presence")).get("left", []))
            # One of the two names finds another owner meanwhile.
            await until(partial(alice.rename, "dreamer"), "the dead node's nickname to be free")
            paused.resume()
            assert await dreamer.closed() == 4501
            joined: set[str] = set()
            while "sleeper" not in joined:
                change = await alice.hear_type("presence")
                joined |= {member["nick"] for member in change.get("joined", [])}
            sent = {"type": "send", "room": "lobby", "text": "good morning", "id": "1"}
            assert (await sleeper.ask(sent))["type"] == "ok"
            assert (await alice.hear_type("message"))["text"] == "good morning"
