"""The permissions that operators are told to give to a node are what it needs: no less, no more.

That they are enough, every test of a node shows: `RedisServer.url` is of a user that has no others.
"""

from __future__ import annotations

import re
from typing import Final

import pytest

from gateway.auth.device_tokens import DeviceRecord
from gateway.backplane import NO_TERM, NickTaken, Owner, Unsuitable, check_redis, payloads
from gateway.backplane.accounts import Account
from gateway.backplane.invites import Invite
from gateway.backplane.nodes import channel_scope
from gateway.backplane.operator import open_operator_access
from gateway.backplane.redis.link import Link
from gateway.backplane.redis.permissions import CONNECTION_COMMANDS, Permissions
from gateway.backplane.redis.scripts import ALL_SCRIPTS, PERMISSIONS
from gateway.backplane.redis.server import RedisEndpoint
from gateway.backplane.redis.server_check import DISPENSABLE
from tests.backplane.conftest import TIMEOUT, Node, NodeRegistry
from tests.backplane.expectations import connected_again, kept_out, running
from tests.backplane.sayings import say, write
from tests.redis_server import USERS, RedisServer, rules_for
from tests.waiting import until

RULES: Final = rules_for("test")
ALLOWED: Final = frozenset(rule[1:] for rule in RULES if rule.startswith("+"))
TRIED: Final = frozenset(re.findall(r"\{'([A-Z]+)'", PERMISSIONS.source))
FROM_7_2: Final = frozenset({"waitaof"})
"""What an earlier Redis would not read in its file of users, so that it is in REDIS.md alone."""


def link_to(url: str) -> Link:
    return Link(
        RedisEndpoint.from_url(url), name="test", timeout=TIMEOUT,
        permissions=Permissions("test", channel_scope("test", 0)),
    )  # fmt: skip


def in_scripts() -> set[str]:
    """The commands that the scripts call."""
    sources = [script.source for script in ALL_SCRIPTS if script is not PERMISSIONS]
    return {name for text in sources for name in re.findall(r"redis\.p?call\('([A-Z]+)'", text)}


async def use_everything(node: Node, other: Node) -> None:
    """Do all that nodes do directly, not by scripts, with what they share."""
    rooms, nicks, inboxes = node.rooms, node.nicks, node.backplane.inboxes
    await node.nodes.register()
    await node.nodes.beat(b"probe")
    assert await node.subscription.subscribe(rooms.channel("lobby"))
    await nicks.claim("Alice", "s1", term=1)
    with pytest.raises(NickTaken):
        await other.nicks.claim("Alice", "s2", variants=lambda _: ["Alice2"])
    await nicks.owner("alice")
    await nicks.has("s1")
    await nicks.sessions_among(["s1"])
    await nicks.astray({"s1": "Alice"})
    await rooms.join("lobby", "s1", "Alice", term=1)
    await rooms.register("lobby")
    await say(node, "hello")
    await rooms.messages_before("lobby", None, 10)
    await rooms.count("lobby")
    await rooms.listing(10)
    await rooms.would_be_new("lobby")
    await node.backplane.memory.read()
    await rooms.some(10)
    await rooms.members_by_node("lobby")
    await rooms.forget_expired()
    await inboxes.address("s1", "k", Owner("s1", "n1", "Alice"), term=1, digest="d")
    await write(node, "hello", session="s1")
    await inboxes.positions(["s1"])
    await inboxes.move("s1", b"n2", term=1)
    await node.backplane.keys.next_page()
    await node.nodes.registered()
    await node.nodes.alive()
    await node.nodes.notify("n2", payloads.direct_mark("s2"))
    await rooms.unregister("lobby")
    await rooms.register("lobby")
    await nicks.release({"s1": NO_TERM})
    await rooms.release_node("n1")
    await nicks.claim("Alice", "s1", term=1)
    assert await nicks.release_node("n1") == ["s1"]
    await inboxes.forget(["s1"])
    await use_accounts(node)
    await node.nodes.declare_dead("n2")
    await node.nodes.remove("n2")
    node.backplane.unsubscribe(rooms.channel("lobby"))
    assert await node.subscription.subscribe(b"test@0:last")


async def use_accounts(node: Node) -> None:
    """Do all that nodes do with accounts."""
    backplane = node.backplane
    account = Account(id="a1", nick="Ann", folded="ann")
    device = DeviceRecord("phone")
    assert await backplane.accounts.register(account, {"d1": device}) == "ok"
    await backplane.accounts.read_for_sign_in("a1", "d1")
    await backplane.accounts.claim_subject("issuer", "subject", "a1")
    await backplane.accounts.find_subject("issuer", "subject")
    await backplane.accounts.find("ann")
    await backplane.accounts.set_status("a1", "away")
    await backplane.devices.add("a1", "d2", device)
    await backplane.devices.record_use("a1", "d2", device, DeviceRecord("phone", seen=3600))
    await backplane.devices.of("a1")
    await backplane.revoker.revoke_others("a1", "d1")
    await backplane.account_rooms.add_room("a1", "lobby", "lobby")
    await backplane.account_rooms.read_room("a1", "lobby", 1)
    await backplane.account_rooms.newest_unread(await backplane.account_rooms.unread("a1"))
    await backplane.account_rooms.remove_room("a1", "lobby")
    await backplane.invites.create(Invite("key", 1))
    assert await backplane.invites.use("key") == "ok"
    await backplane.invites.all()
    await backplane.invites.revoke("key")
    known = await backplane.guesses.read("ann", "127.0.0.1")
    await backplane.guesses.attempt("ann", "127.0.0.1", known)
    await backplane.guesses.succeeded("ann", "127.0.0.1")
    found = await backplane.accounts.read("a1")
    assert found is not None
    await backplane.accounts.release(found)
    await backplane.accounts.purge("a1")
    assert [each async for each in backplane.accounts.reservations.all()] == []


async def test_the_documented_commands_are_those_that_are_used(
    nodes: NodeRegistry, redis_server: RedisServer
) -> None:
    node, other = await nodes.open("n1"), await nodes.open("n2")
    redis_server.ask("CONFIG", "RESETSTAT")
    await use_everything(node, other)
    used = {name.removeprefix("cmdstat_") for name in redis_server.ask("INFO", "commandstats")}
    # What the test itself asks, on its own connections, is not counted.
    used = {name.upper() for name in used} - {"CONFIG|RESETSTAT", "INFO"}
    connection = {name.upper() for name in CONNECTION_COMMANDS}
    assert used <= TRIED | connection | in_scripts()
    assert (used - connection) | in_scripts() == TRIED
    assert {name.lower() for name in TRIED} | set(CONNECTION_COMMANDS) == ALLOWED | FROM_7_2


def test_the_documented_keys_and_channels_are_those_of_the_namespace() -> None:
    rest = [rule for rule in RULES if not rule.startswith("+")]
    assert rest == ["resetkeys", "~test:*", "resetchannels", "&test@*", "-@all"]


def test_the_page_for_operators_names_every_permission() -> None:
    page = USERS.with_name("REDIS.md").read_text("utf-8")
    named = re.findall(r"`([a-z|]+)`", page.replace("\\|", "|"))
    assert set(named) >= ALLOWED | FROM_7_2


@pytest.mark.parametrize("database", [0, 3])
async def test_trying_the_commands_leaves_nothing_behind(
    redis_server: RedisServer, database: int
) -> None:
    async with running(link_to(f"{redis_server.url_of('test')}?db={database}")) as logs:
        assert redis_server.ask("INFO", "keyspace") == {}
    assert [line["event"] for line in logs] == ["redis connected"]


@pytest.mark.parametrize("command", sorted(TRIED - DISPENSABLE.keys()))
async def test_a_command_that_is_needed_and_refused_is_named(
    redis_server: RedisServer, command: str
) -> None:
    link = link_to(redis_server.allow(*RULES, f"-{command.lower()}"))
    async with kept_out(link) as logs:
        place = f"Redis at {redis_server.socket} refuses {command}: "
        assert logs[-1]["reason"].startswith(place), logs
        assert "deploy/REDIS.md" in logs[-1]["reason"]
        redis_server.allow(*RULES)
        await connected_again(link)


@pytest.mark.parametrize(
    ("rules", "refused"),
    [
        (["resetchannels"], "refuses PUBLISH: "),
        (["resetchannels", "&test@0:{node:*"], "refuses PUBLISH: "),
        (["resetkeys", "~other:*"], "refuses scripts: NOPERM"),
        (["resetkeys"], "refuses scripts: NOPERM"),
        (["-time", "-hset", "-xadd"], "refuses TIME, HSET, XADD: "),
        (["-evalsha"], "refuses EVALSHA: NOPERM"),
        (["-eval", "-script|load"], "refuses scripts: NOPERM"),
    ],
)
async def test_what_else_may_be_missing_is_named(
    redis_server: RedisServer, rules: list[str], refused: str
) -> None:
    link = link_to(redis_server.allow(*RULES, *rules))
    async with kept_out(link) as logs:
        assert any(refused in line.get("reason", "") for line in logs)
    with pytest.raises(Unsuitable):
        await check_redis(
            RedisEndpoint.from_url(redis_server.allow(*RULES, *rules)),
            namespace="test",
            refuse_eviction=True,
        )


async def test_what_a_node_can_do_without_is_warned_of_once(redis_server: RedisServer) -> None:
    link = link_to(redis_server.allow(*RULES, "-scan"))
    async with running(link) as logs:
        for _ in range(2):
            with pytest.raises(Exception, match="NOPERM"):
                await link.call("SCAN", 0)
        assert link.refusal == ""
    warnings = [line for line in logs if line["event"] == "redis is not as it should be"]
    [problem] = [line["problem"] for line in warnings]
    assert "refuses SCAN: what nobody holds any more is not deleted; allow +scan" in problem
    assert [line["event"] for line in logs].count("redis refused a command") == 1


async def test_the_same_refusal_is_logged_once_however_often_it_is_tried(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.backplane.redis.connection.LONGEST_BACKOFF", 0.02)
    link = link_to(redis_server.allow(*RULES, "-hset"))

    def attempts() -> int:
        return int(redis_server.ask("INFO", "commandstats")["cmdstat_hello"]["calls"])

    async with kept_out(link) as logs:
        await until(lambda: attempts() >= 20, "the link to try again")
    assert [line["event"] for line in logs] == ["redis cannot be used"]


async def test_an_operators_command_needs_no_more_than_it_uses(
    nodes: NodeRegistry, redis_server: RedisServer
) -> None:
    node = await nodes.open()
    await say(node, "hello")
    url = redis_server.allow("~test:*", "&test@*", "-@all", *(f"+{name}" for name in (
        "get", "exists", "hmget", "evalsha", "script|load", "xrevrange", "hget", "xrange",
    )))  # fmt: skip
    async with open_operator_access(
        RedisEndpoint.from_url(url), name="admin", namespace="test", patience=TIMEOUT
    ) as access:
        assert len(await access.room_log("lobby").newest(10)) == 1
