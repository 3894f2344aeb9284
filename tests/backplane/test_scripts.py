"""The Lua scripts keep to one hash slot each, so that a Redis Cluster could run them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
import trio
from redis.crc import key_slot

from gateway.auth.device_tokens import DeviceRecord
from gateway.backplane import NO_TERM, NickTaken, Owner, payloads
from gateway.backplane.account_rooms import AccountRooms
from gateway.backplane.accounts import Account, AccountStore
from gateway.backplane.bans import BanStore
from gateway.backplane.conversations import Peer
from gateway.backplane.devices import DeviceStore
from gateway.backplane.guesses import GuessCounter
from gateway.backplane.inboxes import InboxStore
from gateway.backplane.incarnation import Incarnation
from gateway.backplane.invites import Invite, InviteStore
from gateway.backplane.nicks import NickRegistry
from gateway.backplane.nodes import NodeRegistry
from gateway.backplane.redis.connection import RedisConnection
from gateway.backplane.redis.errors import NoScript, Refused
from gateway.backplane.redis.link import Link
from gateway.backplane.redis.scripts import ALL_SCRIPTS, PERMISSIONS, SNAPSHOT, Script
from gateway.backplane.redis.server import RedisEndpoint
from gateway.backplane.reservations import NickReservations
from gateway.backplane.room_keys import RoomKeys
from gateway.backplane.room_log import RoomLog
from gateway.backplane.rooms import RoomStore
from gateway.policy.bans import Ban, parse_target
from gateway.policy.nicknames import fold
from gateway.policy.retention import Retention
from tests.ports import free_port
from tests.redis_server import RedisServer
from tests.waiting import until

OF_ROOMS: Final = {"change_person", "succeed", "erase", "join", "leave", "publish"}
"""The scripts that publish, each on the channel of the room whose keys it changes."""
ACCOUNT: Final = "0123456789abcdef"
SESSION: Final = f"{ACCOUNT}.0123456789ab.x"
SLOTS: Final = 16_384
STRANGE: Final = ("lobby", "a}b", "{x}", "}{", "Straße")


class LinkToCluster(Link):
    """A link to a server in cluster mode, which a node would refuse; keeps what scripts it ran."""

    def __init__(self, connection: RedisConnection) -> None:
        super().__init__(connection.server, name="test", timeout=1)
        self.ran: list[tuple[Script, Sequence[str], Sequence[Any]]] = []
        self._connection = connection

    async def try_all(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        replies = await self._connection.exchange(list(commands)) if commands else []
        for number, (command, reply) in enumerate(zip(commands, replies, strict=True)):
            if isinstance(reply, NoScript):
                replies[number] = await self._run_forgotten(command)
            elif isinstance(reply, Exception) and not isinstance(reply, Refused):
                raise reply
            elif command[0] in {"EVAL", "EVALSHA"}:
                [script] = [s for s in ALL_SCRIPTS if command[1] in {s.sha, s.source}]
                self.ran.append((script, command[3 : 3 + command[2]], command[3 + command[2] :]))
        return replies

    async def call(self, *command: Any) -> Any:
        [reply] = await self.call_all([command])
        return reply


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[LinkToCluster]:
    """A Redis Cluster of one server, which has all slots."""
    options = {"cluster-enabled": "yes", "port": free_port(), "appendonly": "no"}
    async with RedisServer(tmp_path, **options) as server:
        server.ask("CLUSTER", "ADDSLOTS", *range(SLOTS))
        await until(
            lambda: "cluster_state:ok" in server.ask("CLUSTER", "INFO"), "the cluster to serve"
        )
        endpoint = RedisEndpoint.from_url(server.url_of("test"))
        async with await endpoint.connect() as stream:
            yield LinkToCluster(RedisConnection(stream, endpoint))


async def run_every_script(link: Link) -> None:
    """Do all that can be done to what nodes share, some of it twice."""
    incarnation = Incarnation("n1")
    shared: dict[str, Any] = {"namespace": "test", "scope": "test@0", "incarnation": incarnation}
    retention = Retention(messages=10)
    rooms = RoomStore(link, **shared, retention=retention)
    inboxes, nicks = InboxStore(link, **shared, retention=retention), NickRegistry(link, **shared)
    nodes, elsewhere = NodeRegistry(link, **shared), Incarnation("n2")
    for room in STRANGE:
        entered = await rooms.join(room, "s1", "Alice", term=1)
        await rooms.names.settle(room, entered.name)
        for _ in range(2):
            tail = payloads.encode_message_tail(room=room, sender="Alice", text="hello", id="1")
            await rooms.publish(room, "s1", "1", tail, term=1, digest="d")
        await rooms.snapshot(room, after=None, limit=10, known_version=-1)
        room_log = RoomLog(link, namespace="test", scope="test@0", room=room)
        await room_log.erase(entered.epoch, seqs=[1])
        await rooms.join(room, SESSION, "Alice +online ", term=1)
        await rooms.people.change(room, ACCOUNT, nick="Alicia")
        await rooms.join(room, "s3", "Guest", term=1)
        await rooms.people.succeed(room, "s3", SESSION, "Alicia +online ", term=1)
        await rooms.leave(room, {SESSION: 1})
        await rooms.renew_epoch(room, entered.epoch, beyond="")
        await rooms.register(room)
        await rooms.leave(room, {"s1": 1})
    await link.call("SET", "test:{look:gone}", "token gone")
    await rooms.names.release_abandoned(["gone"])
    assert await rooms.listing(10)
    await rooms.forget_expired()
    await nicks.claim("Alice", "s1")
    with pytest.raises(NickTaken):
        await nicks.claim("Alice", "s2", variants=lambda _: ["Alice2"])
    reservations = NickReservations(link, namespace="test")
    assert await reservations.reserve(fold("Carol"), ACCOUNT) == "ok"
    assert await reservations.unreserve(fold("Carol"), ACCOUNT)
    other = NickRegistry(link, namespace="test", scope="test@0", incarnation=elsewhere)
    taken = await other.resume("s1")
    assert taken is not None
    await nicks.resume("s1")
    await nicks.release({"s1": NO_TERM})
    for session in STRANGE:
        for _ in range(2):
            await inboxes.address(session, "k", Owner("s2", "n2", "Bob"), term=1, digest="d")
            await inboxes.deliver(session, b"n1", "k", mark=b"", tail=b"}", digest="d")
        await inboxes.move(session, b"n2", term=2)
        await inboxes.read(session, after=0, limit=1)
    await nodes.register()
    await nodes.beat(b"probe")
    bans = BanStore(link, namespace="test")
    target = parse_target("nick", "Mallory")
    await bans.add(Ban(target))
    await bans.forget_ended()
    assert await bans.remove(target)
    await run_scripts_of_accounts(link)
    await link.run_script(PERMISSIONS, ("test:{permissions}",), "test@0:{permissions}")


async def run_scripts_of_accounts(link: Link) -> None:
    accounts = AccountStore(link, link, namespace="test")
    devices = DeviceStore(link, link, namespace="test")
    account, device = Account(id="a1", nick="Ann", folded="ann"), DeviceRecord("phone")
    assert await accounts.register(account, {"d1": device}) == "ok"
    assert await accounts.set_role("a1", "admin") == 2
    assert await devices.add("a1", "d2", device) == []
    assert await devices.record_use("a1", "d2", device, DeviceRecord("phone", seen=3600))
    for key in STRANGE:
        assert await AccountRooms(link, namespace="test").read_room("a1", key, 7)
    await InviteStore(link, namespace="test").create(Invite("key", 1))
    assert await InviteStore(link, namespace="test").use("key") == "ok"
    guesses = GuessCounter(link, namespace="test")
    assert await guesses.attempt("ann", "::1", await guesses.read("ann", "::1"))
    assert await accounts.reservations.unreserve("ann", "a1")
    shared: dict[str, Any] = {"namespace": "test", "scope": "test@0"}
    inboxes = InboxStore(link, **shared, incarnation=Incarnation("n1"), retention=Retention())
    peer, key = Peer("tag", "Bob", incoming=True), "0123456789abcdef"
    channel = inboxes.channel(key)
    await inboxes.deliver(key, channel, "k", mark=b"", tail=b"}", digest="d", peer=peer)


@pytest.mark.parametrize("forgotten", [False, True])
async def test_every_script_runs_in_a_cluster(cluster: LinkToCluster, forgotten: bool) -> None:
    if not forgotten:
        for script in ALL_SCRIPTS:
            await cluster.call("SCRIPT", "LOAD", script.source)
    with trio.fail_after(60):
        await run_every_script(cluster)
    assert {script.name for script, _, _ in cluster.ran} == {script.name for script in ALL_SCRIPTS}
    for script, keys, arguments in cluster.ran:
        published = [arguments[number - 1] for number in channels_of(script)]
        assert len({key_slot(str(name).encode()) for name in (*keys, *published)}) == 1, script.name


async def test_a_script_with_keys_of_two_slots_fails_in_a_cluster(cluster: LinkToCluster) -> None:
    """So the test above can fail."""
    with pytest.raises(Refused, match="CROSSSLOT"):
        await cluster.run_script(SNAPSHOT, ("a", "b", "c"), 0, 1, 0)


def channels_of(script: Script) -> list[int]:
    """The numbers of the arguments on which a script publishes."""
    return [int(n) for n in re.findall(r"redis\.call\('S?PUBLISH', ARGV\[(\d+)\],", script.source)]


@pytest.mark.parametrize("script", ALL_SCRIPTS, ids=lambda script: script.name)
def test_only_the_scripts_of_rooms_publish_and_on_the_channel_they_are_given(
    script: Script,
) -> None:
    calls = re.findall(r"redis\.p?call\(\s*['\"]S?PUBLISH", script.source, re.IGNORECASE)
    assert len(calls) == len(channels_of(script)) == (script.name in OF_ROOMS)
    head = "\n".join(line for line in script.source.splitlines() if line.startswith("--"))
    for number in channels_of(script):
        assert re.search(rf"\b{number} channel\b", head), "its head says what is published on"


@pytest.mark.parametrize("room", [*STRANGE, "}", ""])
def test_a_rooms_channel_is_on_the_slot_of_its_keys(room: str) -> None:
    keys = RoomKeys("test", room, scope="test@0")
    names = {keys.channel, keys.copy, keys.copier, *keys.all()}
    assert len({key_slot(name.encode()) for name in names}) == 1
