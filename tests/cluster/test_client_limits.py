"""What one address may have and do on a node, seen by itself and by others."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
import trio

from tests import PATIENCE
from tests.cluster.accounts import PASSWORD, register
from tests.cluster.people import one_client
from tests.http import Response, request
from tests.nodes import NodeProcess, open_cluster
from tests.proxy_headers import v1
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.websocket import PONG, WebSocketClient, encode_frame, handshake, open_websocket

ATTACKER = "127.0.0.7"
INNOCENT = "127.0.0.8"


@asynccontextmanager
async def limited_node(redis_server: RedisServer, **settings: object) -> AsyncIterator[NodeProcess]:
    """Run a node that limits this machine's addresses, but not those who look at its metrics."""
    settings = {"exempt_networks": "127.0.0.1"} | settings
    async with open_cluster(redis_server, 1, **settings) as cluster:
        yield cluster.nodes[0]


async def call(node: NodeProcess, source: str) -> trio.SocketStream:
    """Connect to a node from an address."""
    return await trio.open_tcp_stream(node.host, node.port, local_address=source)


async def answer_to(stream: trio.SocketStream, data: bytes) -> Response | None:
    """Send a request; return the response, None if the node closes without one."""
    received = b""
    with trio.fail_after(PATIENCE):
        try:
            await stream.send_all(data)
            while b"\r\n\r\n" not in received and (chunk := await stream.receive_some()):
                received += chunk
        except trio.BrokenResourceError:
            pass
    return Response(received) if received else None


async def once(node: NodeProcess, source: str, data: bytes) -> Response:
    """Send one request over a connection of its own; return the response, which must come."""
    async with await call(node, source) as stream:
        response = await answer_to(stream, data)
        assert response is not None
        return response


@asynccontextmanager
async def visitor(node: NodeProcess, source: str, nick: str) -> AsyncIterator[WebSocketClient]:
    """Come in from an address."""
    async with await call(node, source) as stream:
        client = await open_websocket(stream)
        answer = await client.ask({"type": "hello", "nick": nick})
        assert answer["type"] == "welcome", answer
        yield client


async def test_one_address_has_so_many_connections_and_others_have_theirs(
    redis_server: RedisServer,
) -> None:
    async with (
        limited_node(redis_server, address_connections=3) as node,
        AsyncExitStack() as stack,
    ):
        for number in range(3):
            await stack.enter_async_context(visitor(node, ATTACKER, f"guest-{number}"))
        refused = await once(node, ATTACKER, handshake())
        assert (refused.status, refused.headers["retry-after"]) == (429, "5")
        line = await node.logged("turned away")
        assert line["reason"] == "address_connections"
        assert line["remote"].startswith(f"{ATTACKER}:")
        name = 'chat_refused_connections_total{reason="address_connections"}'
        assert await node.metric(name) == 1
        await stack.enter_async_context(visitor(node, INNOCENT, "innocent"))


async def test_a_connection_that_ends_makes_room_for_another(redis_server: RedisServer) -> None:
    async with limited_node(redis_server, address_connections=1) as node:
        for number in range(5):
            async with visitor(node, ATTACKER, f"guest-{number}") as client:
                await client.close()
            await node.logged("disconnected", nick=f"guest-{number}")


async def test_who_says_nothing_takes_no_place_of_others(redis_server: RedisServer) -> None:
    async with limited_node(redis_server, address_silent=2) as node, AsyncExitStack() as stack:

        async def is_refused() -> bool:
            async with await call(node, ATTACKER), await call(node, ATTACKER):
                return (await once(node, ATTACKER, handshake())).status == 429

        # A slow machine may let the time run out in which something must be said.
        await until(is_refused, "the third connection to be refused")
        assert await node.metric('chat_refused_connections_total{reason="address_silent"}') >= 1
        for number in range(4):  # with a session they are silent no more
            await stack.enter_async_context(visitor(node, INNOCENT, f"guest-{number}"))


@pytest.mark.parametrize("data", [request("/healthz"), handshake()])
async def test_requests_come_no_faster_than_their_rate(
    redis_server: RedisServer, data: bytes
) -> None:
    async with limited_node(redis_server, address_connect_rate=0.01) as node:
        answers = [await once(node, ATTACKER, data) for _ in range(7)]
        statuses = [answer.status for answer in answers]
        assert statuses[0] in {200, 101}
        assert statuses[1:] == [429] * 6
        assert 95 <= int(answers[1].headers["retry-after"]) <= 100
        assert (await once(node, INNOCENT, data)).status in {200, 101}


async def test_one_address_cannot_use_up_the_connection_rate(redis_server: RedisServer) -> None:
    settings = {"connect_rate": 20, "address_connect_rate": 0, "address_silent": 0}
    async with limited_node(redis_server, **settings) as node:
        statuses: list[int] = []

        async def attack() -> None:
            async with await call(node, ATTACKER) as stream:
                answer = await answer_to(stream, handshake())
                assert answer is not None
                statuses.append(answer.status)

        async with trio.open_nursery() as nursery:
            for _ in range(200):
                nursery.start_soon(attack)
        assert 503 in statuses
        for number in range(3):
            async with visitor(node, INNOCENT, f"guest-{number}"):
                pass


async def test_new_nicknames_of_an_address_are_bounded(redis_server: RedisServer) -> None:
    async with limited_node(redis_server, address_nicks=3) as node:
        async with visitor(node, ATTACKER, "one") as client:
            assert await client.rename("two")
            assert await client.rename("three")
            answer = await client.ask({"type": "nick", "nick": "four", "id": "4"})
            assert answer["code"] == "too_fast"
            assert 10 < answer["retry_after"] <= 20.01
            again = await client.ask({"type": "nick", "nick": "three", "id": "5"})
            assert again["type"] == "ok", "it is the nickname that one has"
        async with await call(node, ATTACKER) as stream:
            client = await open_websocket(stream)
            answer = await client.ask({"type": "hello", "nick": "five", "id": "h"})
            assert answer["code"] == "too_fast"
        async with visitor(node, INNOCENT, "innocent"):
            pass


async def test_new_accounts_of_an_address_are_bounded(redis_server: RedisServer) -> None:
    async def registered(number: int, password: str = PASSWORD) -> dict[str, Any]:
        async with await call(node, ATTACKER) as stream:
            return await register(
                await open_websocket(stream), f"person-{number}", password=password
            )

    async with limited_node(redis_server, address_accounts=2) as node:
        assert (await registered(0, "x" * 20))["code"] == "weak_password"
        assert [(await registered(number))["type"] for number in (1, 2)] == ["welcome", "welcome"]
        refused = await registered(3)
        assert refused["code"] == "too_fast"
        assert 600 < refused["retry_after"] <= 1800
        assert (await registered(1))["type"] == "welcome", "the same registration again"
        async with await call(node, INNOCENT) as stream:
            answer = await register(await open_websocket(stream), "person-4")
            assert answer["type"] == "welcome"


async def test_new_rooms_of_a_session_are_bounded_and_those_that_exist_are_not(
    redis_server: RedisServer,
) -> None:
    async with (
        limited_node(redis_server, session_rooms=2, address_rooms=3) as node,
        visitor(node, ATTACKER, "maker") as maker,
        visitor(node, INNOCENT, "innocent") as innocent,
    ):
        assert (await innocent.join("exists"))["type"] == "ok"
        for room in ("one", "two", "exists"):
            assert (await maker.join(room))["type"] == "ok"
        refused = await maker.ask({"type": "join", "room": "three", "id": "3"})
        assert refused["code"] == "too_fast"
        assert refused["retry_after"] > 60
        assert not redis_server.ask("ZSCORE", "chat:rooms", "three"), "nothing is left of it"
        async with visitor(node, ATTACKER, "other") as other:
            assert (await other.join("four"))["type"] == "ok"
            refused = await other.ask({"type": "join", "room": "five", "id": "5"})
            assert refused["code"] == "too_fast"
        assert (await innocent.join("six"))["type"] == "ok"
        again = await maker.ask({"type": "join", "room": "two", "id": "2"})
        assert again["type"] == "ok", "a room that one has made exists"


async def test_changes_of_status_of_an_address_are_bounded(redis_server: RedisServer) -> None:
    def status(number: int) -> dict[str, Any]:
        return {"type": "status", "state": "away", "text": f"{number}", "id": f"{number}"}

    async with (
        limited_node(redis_server, address_statuses=0.2) as node,
        visitor(node, ATTACKER, "one") as one,
        visitor(node, ATTACKER, "two") as two,
        visitor(node, INNOCENT, "innocent") as innocent,
    ):
        for client in (one, innocent):
            assert (await client.join("lobby"))["type"] == "ok"
        assert (await one.ask(status(1)))["type"] == "ok"
        assert (await two.ask({"type": "idle", "idle": True, "id": "i"}))["type"] == "ok"
        refused = await two.ask(status(2))
        assert refused["code"] == "too_fast"
        assert 3 < refused["retry_after"] <= 5
        again = await two.ask({"type": "idle", "idle": True, "id": "j"})
        assert again["type"] == "ok", "nothing changes"
        assert (await innocent.ask(status(3)))["type"] == "ok"


async def test_strangers_write_to_nobody_without_end_but_friends_do(
    redis_server: RedisServer,
) -> None:
    def direct(to: str, number: int) -> dict[str, Any]:
        return {"type": "direct", "to": to, "text": "hi", "id": f"{to} {number}"}

    async with (
        limited_node(redis_server, stranger_directs=3) as node,
        visitor(node, ATTACKER, "stranger") as stranger,
        visitor(node, INNOCENT, "friend") as friend,
        visitor(node, INNOCENT, "victim") as victim,
    ):
        assert (await victim.ask(direct("friend", 0)))["type"] == "ok"
        await friend.hear_type("direct")
        codes = [(await stranger.ask(direct("victim", n))).get("code") for n in range(5)]
        assert codes == [None, None, None, "too_fast", "too_fast"]
        for number in range(10):
            assert (await friend.ask(direct("victim", number)))["type"] == "ok"
        assert (await stranger.ask(direct("friend", 0)))["type"] == "ok", "each has its own bound"


async def test_clients_behind_a_proxy_are_limited_and_the_proxy_is_not(
    redis_server: RedisServer,
) -> None:
    settings = {"trusted_proxies": INNOCENT, "address_silent": 2, "exempt_networks": "none"}
    async with limited_node(redis_server, **settings) as node, AsyncExitStack() as stack:
        for _ in range(10):  # of the proxy, which has not said yet whom they are from
            await stack.enter_async_context(await call(node, INNOCENT))

        async def come_in(header: bytes, headers: str = "") -> int:
            stream = await stack.enter_async_context(await call(node, INNOCENT))
            with_headers = handshake().replace(b"\r\n\r\n", f"\r\n{headers}\r\n".encode())
            answer = await answer_to(stream, header + with_headers)
            assert answer is not None
            return answer.status

        by_header = [await come_in(v1("192.0.2.1", 1)) for _ in range(3)]
        assert by_header == [101, 101, 429]
        forwarded = "X-Forwarded-For: 2001:db8:0:1::{}\r\n"
        by_request = [await come_in(b"", forwarded.format(n)) for n in range(1, 4)]
        assert by_request == [101, 101, 429], "an IPv6 /64 is one address"
        assert await come_in(b"", "X-Forwarded-For: 2001:db8:0:2::1\r\n") == 101
        for _ in range(10):
            assert (await once(node, INNOCENT, request("/readyz"))).status == 200


async def test_this_machine_is_exempt_and_told_of_no_limits_unless_a_proxy_speaks_from_it(
    redis_server: RedisServer,
) -> None:
    async with one_client(redis_server, address_connections=1, address_nicks=1) as (node, alice):
        assert await alice.rename("alicia")
        async with visitor(node, ATTACKER, "bob"), await call(node, ATTACKER) as stream:
            client = await open_websocket(stream)
            welcome = await client.ask({"type": "hello", "nick": "carol"})
            assert not {"nicks", "new_rooms", "directs", "connections"} & set(welcome["limits"])
    proxy = {"trusted_proxies": "127.0.0.1", "address_connections": 1}
    async with (
        open_cluster(redis_server, 1, **proxy) as cluster,
        await call(cluster.nodes[0], ATTACKER) as stream,
    ):
        client = await open_websocket(stream)
        welcome = await client.ask({"type": "hello", "nick": "dora"})
        assert welcome["limits"] | {
            "nicks": 60, "new_rooms": 50, "directs": 30, "connections": 1,
        } == welcome["limits"]  # fmt: skip
        refused = await once(cluster.nodes[0], ATTACKER, handshake())
        assert refused.status == 429


async def test_a_status_costs_as_much_as_it_is_told_in_rooms(redis_server: RedisServer) -> None:
    async with one_client(redis_server, flood_burst=20, flood_rate=0.01) as (_, alice):
        for number in range(5):
            await alice.join(f"room-{number}")
        # The hello and the joins have cost six.
        codes = [await change_status(alice, number) for number in range(4)]
        assert codes == [None, None, "too_fast", "too_fast"]


async def change_status(client: WebSocketClient, number: int) -> str | None:
    answer = await client.ask({"type": "status", "state": "busy", "id": str(number)})
    code: str | None = answer.get("code")
    return code


@pytest.mark.parametrize("frame", [encode_frame(b"", PONG), encode_frame(b"", 0, is_last=False)])
async def test_frames_that_are_no_commands_are_counted(
    redis_server: RedisServer, frame: bytes
) -> None:
    begun = b"" if frame == encode_frame(b"", PONG) else encode_frame(b"", is_last=False)
    async with one_client(redis_server, flood_burst=20, flood_rate=1000) as (node, alice):
        await alice.stream.send_all(begun + 5000 * frame)
        await until_metric(node, "chat_throttled_total")
        ping = encode_frame(json.dumps({"type": "ping", "id": "p"}).encode())
        last = encode_frame(b" ", 0) if begun else b""
        await alice.stream.send_all(last + ping)
        answer = await alice.hear_type("ok")
        assert answer["id"] == "p", "what comes after is carried out in its time"


async def until_metric(node: NodeProcess, name: str) -> None:
    async def counted() -> bool:
        return await node.metric(name) > 0

    await until(counted, f"{name} to be above 0")


async def test_a_flood_of_refusals_leaves_few_lines_with_the_number_of_them(
    redis_server: RedisServer,
) -> None:
    async with limited_node(redis_server) as node, visitor(node, ATTACKER, "eve") as eve:
        for number in range(50):
            await eve.ask({"type": "leave", "room": "secret words", "id": str(number)})
        line = await node.logged("command refused", code="not_in_room", nick="eve")
        assert line["remote"].startswith(f"{ATTACKER}:")
        await node.logged("more of the same", of="command refused", kind="not_in_room")
        refused = [line for line in node.log if line["event"] == "command refused"]
        more = [line for line in node.log if line["event"] == "more of the same"]
        assert len(refused) + sum(line["lines"] for line in more) <= 50
        assert len(refused) < 50
        assert not any("secret" in str(line) for line in node.log)
        assert await node.metric('chat_refused_commands_total{code="not_in_room"}') == 50


async def test_failed_resumes_and_closings_are_counted(redis_server: RedisServer) -> None:
    async with limited_node(redis_server) as node, await call(node, ATTACKER) as stream:
        client = await open_websocket(stream)
        answer = await client.ask({"type": "hello", "resume": "s" * 22, "id": "r"})
        assert answer["code"] == "unauthorized"
        assert await node.metric("chat_failed_resumes_total") == 1
        await client.send(b"x" * 20_000)
        assert await client.closed() == 1009
        await node.logged("disconnected", code=1009)
        assert await node.metric('chat_closings_total{by="node",code="1009"}') == 1
        assert not any("ssss" in str(line) for line in node.log)
