"""Who may come in, on real nodes: pages, unencrypted ways, old sessions, and another's nickname."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
import trio

from client.session import Connected, open_session
from gateway import wire
from gateway.wire import CommandError
from gateway.wire.close_codes import SESSION_OVER
from tests.cluster.people import following
from tests.http import Response
from tests.nodes import NodeProcess, open_cluster
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.websocket import connect, handshake

DAY = 86_400.0
HOUR_MS = 3_600_000


async def status(node: NodeProcess, more: str) -> int:
    async with await trio.open_tcp_stream(node.host, node.port) as stream:
        await stream.send_all(handshake(f"127.0.0.1:{node.port}", more=more))
        return Response(bytes(await stream.receive_some(4096))).status


async def test_pages_and_unencrypted_ways_are_refused_as_the_settings_say_now(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    file = tmp_path / "chat.toml"
    file.write_text("trusted_proxies = '127.0.0.1'\n")
    async with open_cluster(redis_server, 1, settings=file) as cluster:
        [node] = cluster.nodes
        page, proto = "Origin: https://chat.example\r\n", "X-Forwarded-Proto: https\r\n"
        assert [await status(node, more) for more in ("", page)] == [101, 403]
        assert await status(node, f"Origin: http://127.0.0.1:{node.port}\r\n") == 101
        file.write_text(
            "trusted_proxies = '127.0.0.1'\nrequire_encryption = true\n"
            "allowed_origins = ['https://chat.example']\n"
        )
        node.process.send_signal(signal.SIGHUP)
        await node.logged("settings read again")
        assert [await status(node, more) for more in (page, proto + page)] == [403, 101]
        assert await status(node, proto + "Origin: https://evil.example\r\n") == 403
        assert await node.metric("chat_origins_refused_total") == 2
        assert await node.metric("chat_unencrypted_refused_total") == 1


async def test_who_comes_unencrypted_is_told_and_the_log_once(redis_server: RedisServer) -> None:
    async with open_cluster(redis_server, 1, trusted_proxies="127.0.0.1") as cluster:
        [node] = cluster.nodes
        for nick in ("alice", "bob"):
            async with connect(node.url) as client:
                welcome = await client.ask({"type": "hello", "nick": nick})
                assert welcome["insecure"] is True
        await node.logged("disconnected", nick="bob")
        told = "a client's secret came unencrypted from another machine"
        assert len([line for line in node.log if line["event"].startswith(told)]) == 1
    async with open_cluster(redis_server, 1) as cluster, connect(cluster.urls[0]) as client:
        assert "insecure" not in await client.ask({"type": "hello", "nick": "carol"})


# --- old sessions ---------------------------------------------------------------------------------


def make_older(redis_server: RedisServer, hours: int) -> None:
    """Have all sessions begun so much earlier."""
    began: dict[str, str] = redis_server.ask("HGETALL", "chat:{nicks}:began")
    for session, at in began.items():
        redis_server.ask("HSET", "chat:{nicks}:began", session, int(at) - hours * HOUR_MS)


async def test_a_session_ends_while_it_is_connected_and_its_nickname_is_free_at_once(
    redis_server: RedisServer,
) -> None:
    async with open_cluster(redis_server, 2, session_days=1 / DAY) as cluster:
        async with connect(cluster.urls[0]) as alice:
            welcome = await alice.ask({"type": "hello", "nick": "alice"})
            assert await alice.closed() == SESSION_OVER.code
        assert not redis_server.ask("HLEN", "chat:{nicks}")
        assert not redis_server.ask("HLEN", "chat:{nicks}:began")
        async with connect(cluster.urls[1]) as again:
            answer = await again.ask({"type": "hello", "resume": welcome["session"], "id": "1"})
            assert answer["code"] == "unauthorized"
            assert (await again.ask({"type": "hello", "nick": "alice"}))["type"] == "welcome"


@pytest.mark.parametrize("elsewhere", [0, 1])
async def test_one_that_is_too_old_is_not_resumed_on_any_node(
    redis_server: RedisServer, elsewhere: int
) -> None:
    async with open_cluster(redis_server, 2, session_days=1, grace_seconds=600) as cluster:
        async with connect(cluster.urls[0]) as alice:
            secret = (await alice.ask({"type": "hello", "nick": "alice"}))["session"]
            await alice.break_off()
        make_older(redis_server, 12)
        async with connect(cluster.urls[elsewhere]) as alice:
            resume = {"type": "hello", "resume": secret, "id": "1"}
            assert (await alice.ask(resume))["type"] == "welcome"
            await alice.break_off()
        make_older(redis_server, 12)  # what it was taken up since does not count
        async with connect(cluster.urls[elsewhere]) as alice:
            assert (await alice.ask(resume))["code"] == "unauthorized"
            new = {"type": "hello", "nick": "alice", "session": secret}
            assert (await alice.ask(new))["type"] == "welcome"


async def test_our_client_begins_another_session(redis_server: RedisServer) -> None:
    async with (
        open_cluster(redis_server, 1, session_days=2 / DAY) as cluster,
        open_session([cluster.urls[0]], nick="alice") as alice,
    ):
        await alice.join("lobby")
        connected: list[Connected] = []
        with trio.fail_after(60):
            async for event in alice.events:
                if isinstance(event, Connected):
                    connected.append(event)
                    if len(connected) == 2:
                        break
        assert [(c.nick, c.resumed) for c in connected] == [("alice", False)] * 2


# --- another's nickname ---------------------------------------------------------------------------


async def test_what_was_meant_for_one_person_does_not_go_to_the_next_one_of_that_name(
    redis_server: RedisServer,
) -> None:
    async with (
        open_cluster(redis_server, 2, grace_seconds=0) as cluster,
        open_session([cluster.urls[0]], nick="alice") as alice,
    ):
        async with open_session([cluster.urls[1]], nick="bob") as bob:
            await alice.direct("bob", "Hello, Bob!")
            [mine] = await following(alice, wire.DirectMessage, 1)
            await bob.direct("alice", "Hello, Alice!")
            [his] = await following(alice, wire.DirectMessage, 1)
            assert mine.person == his.person

        async def is_free() -> bool:
            return not redis_server.ask("HEXISTS", "chat:{nicks}", "bob")

        await until(is_free, "the nickname to be free")
        async with open_session([cluster.urls[1]], nick="bob") as other:
            await other.direct("alice", "Where were we?")
            [theirs] = await following(alice, wire.DirectMessage, 1)
            assert theirs.person not in {None, his.person}
            with pytest.raises(CommandError) as caught:
                await alice.direct("BOB", "A secret")
            assert (caught.value.code, caught.value.suggestion) == ("other_person", theirs.person)
            assert not caught.value.uncertain
            await alice.direct("bob", "Who are you?", person=caught.value.suggestion)
            await alice.direct("bob", "I did not catch that")
            heard = await following(other, wire.DirectMessage, 3)
            assert [d.text for d in heard][1:] == ["Who are you?", "I did not catch that"]


async def test_a_direct_that_names_a_person_is_theirs_under_whatever_nickname(
    redis_server: RedisServer,
) -> None:
    def direct(id: str, **more: str) -> dict[str, Any]:  # noqa: A002
        return {"type": "direct", "to": "bob", "text": "hi", "id": id} | more

    async with (
        open_cluster(redis_server, 1) as cluster,
        connect(cluster.urls[0], "alice") as alice,
        connect(cluster.urls[0], "bob") as bob,
        connect(cluster.urls[0], "carol") as carol,
    ):
        await alice.ask(direct("1"))
        tag = (await bob.hear_type("direct"))["person"]
        person = (await alice.ask(direct("2", person=tag)))["suggestion"]
        assert (await alice.ask(direct("2", person=person)))["type"] == "ok"
        assert (await alice.ask(direct("2", person="somebody")))["type"] == "ok", "sent before"
        await bob.ask({"type": "nick", "nick": "bobby", "id": "n"})
        assert (await alice.ask(direct("3", to="bobby", person=person)))["type"] == "ok"
        await carol.ask({"type": "nick", "nick": "bob", "id": "n"})
        answer = await alice.ask(direct("4", person=person))
        assert (answer["code"], answer["temporary"]) == ("other_person", False)
        assert (await alice.ask(direct("5", to="nobody", person=person)))["code"] == "no_such_nick"
