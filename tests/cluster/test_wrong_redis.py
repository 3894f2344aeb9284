"""A Redis that cannot be used, and data that it gave away, as people and operators meet them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
import structlog.testing
import trio

from gateway.policy.nicknames import fold
from tests.cluster.inside import reclaim_on, running_node, signed_in
from tests.cluster.people import one_client
from tests.nodes import NodeProcess, open_cluster
from tests.ports import HOST, free_port
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.websocket import connect

NICKS = "chat:{nicks}"
PATIENT: Final[dict[str, object]] = {"redis_timeout": 30, "probe_seconds": 0}
"""Settings of a node that takes no Redis for gone because the machine is busy."""


async def told(node: NodeProcess, reason: str) -> None:
    """Wait until a node's readiness tells this reason."""

    async def is_told() -> bool:
        return reason in (await node.get_as_operator("/readyz"))[1]

    await until(is_told, f"{reason!r} to be told")


async def serve(url: str, *flags: str) -> tuple[int, str]:
    """Run a node that ends by itself; gives its exit status and all that it says."""
    command = [sys.executable, "-m", "gateway", "serve", "--port", "0", "--redis", url, *flags]
    with trio.fail_after(60):
        done = await trio.run_process(
            command, check=False, capture_stdout=True, stderr=subprocess.STDOUT
        )
    return done.returncode, done.stdout.decode()


# --- at the start ---------------------------------------------------------------------------------


async def test_a_redis_in_cluster_mode_ends_the_start(tmp_path: Path) -> None:
    port = free_port()
    options = {"cluster-enabled": "yes", "port": port, "bind": HOST, "appendonly": "no"}
    async with RedisServer(tmp_path, **options):
        status, said = await serve(f"redis://{HOST}:{port}")
    assert status == 2
    assert said == (
        f"chat-gateway: Redis at {HOST}:{port} runs in Cluster mode, which is not supported: "
        "use a server without cluster-enabled\n"
    )


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("REPLICAOF", HOST, 1), "is a replica of"),
        (("CONFIG", "SET", "maxmemory", "1gb", "maxmemory-policy", "allkeys-lru"), "allkeys-lru"),
        (("CONFIG", "SET", "requirepass", "secret"), "asks for a password"),
    ],
)
async def test_a_wrong_redis_ends_the_start_with_one_line(
    redis_server: RedisServer, change: tuple[str | int, ...], complaint: str
) -> None:
    redis_server.ask(*change)
    status, said = await serve(redis_server.admin_url)
    assert status == 2
    assert said.startswith(f"chat-gateway: Redis at {redis_server.socket} ")
    assert complaint in said
    assert said.count("\n") == 1


async def test_a_wrong_password_ends_the_start_and_is_not_repeated(
    redis_server: RedisServer,
) -> None:
    status, said = await serve(f"unix://app:s3cret@{redis_server.socket}")
    assert (status, said.count("\n")) == (2, 1)
    assert "refuses the user or password in the URL: WRONGPASS" in said
    assert "s3cret" not in said


async def test_eviction_may_be_put_up_with(redis_server: RedisServer) -> None:
    redis_server.ask("CONFIG", "SET", "maxmemory", "1gb", "maxmemory-policy", "allkeys-lru")
    async with open_cluster(redis_server, 1, redis_eviction="warn") as cluster:
        problem = await cluster.nodes[0].logged("redis is not as it should be")
        assert "(maxmemory-policy allkeys-lru)" in problem["problem"]


# --- while the node runs --------------------------------------------------------------------------


async def test_a_redis_that_becomes_a_replica_makes_the_node_unready_until_it_is_one_no_more(
    redis_server: RedisServer,
) -> None:
    send = {"type": "send", "room": "lobby", "text": "hi"}
    async with one_client(redis_server, **PATIENT) as (node, alice):
        await alice.join()
        assert (await alice.ask(send | {"id": "1"}))["seq"] == 1
        redis_server.ask("REPLICAOF", HOST, 1)
        await told(node, "is a replica of")
        assert (await alice.ask(send | {"id": "2"}))["code"] == "unavailable"
        redis_server.ask("REPLICAOF", "NO", "ONE")
        await node.ready()
        assert (await alice.ask(send | {"id": "2"}))["seq"] == 2
        await node.logged("redis can be used again")
        lines = [line["event"] for line in node.log]
        assert lines.count("redis cannot be used") == 1


async def test_what_is_forbidden_is_told_by_readiness_and_logged_once(
    redis_server: RedisServer,
) -> None:
    redis_server.ask("ACL", "SETUSER", "app", "on", ">word", "~*", "&*", "+@all")
    redis_server.url = f"unix://app:word@{redis_server.socket}"
    async with open_cluster(redis_server, 1, **PATIENT) as cluster:
        node = cluster.nodes[0]
        redis_server.ask("ACL", "SETUSER", "app", "-evalsha")
        await told(node, "Redis refuses script beat: NOPERM")

        async def beaten() -> bool:
            """Whether Redis has been asked in vain again and again."""
            log = redis_server.ask("ACL", "LOG")
            return sum(int(entry["count"]) for entry in log) >= 3 + len(node.errors)

        await until(beaten, "more beats than lines in the log")
        assert {line["command"] for line in node.errors} == {"script beat"}
        redis_server.ask("ACL", "SETUSER", "app", "+evalsha")
        await node.ready()


async def test_nothing_shared_that_is_spoilt_is_called_an_absent_redis(
    redis_server: RedisServer,
) -> None:
    async with open_cluster(redis_server, 1, **PATIENT) as cluster:
        redis_server.ask("SET", "chat:heartbeats", "spoilt")
        await told(cluster.nodes[0], "Redis refuses: WRONGTYPE")
        redis_server.ask("DEL", "chat:heartbeats")
        await cluster.nodes[0].ready()


# --- what Redis gave away -------------------------------------------------------------------------


@pytest.mark.parametrize("lost", [NICKS, f"{NICKS}:sessions"])
async def test_nicknames_that_vanished_are_claimed_anew_by_their_owners(
    redis_server: RedisServer, lost: str
) -> None:
    """All of them, on every node, within a few heartbeats."""
    async with (
        open_cluster(redis_server, 2) as cluster,
        connect(cluster.urls[0], "alice"),
        connect(cluster.urls[0], "bob"),
        connect(cluster.urls[1], "carol"),
    ):

        def owners() -> dict[str, str]:
            owners = redis_server.ask("HGETALL", lost).items()
            return {key: owner.partition(" ")[0] for key, owner in owners}

        before = owners()
        assert len(before) == 3
        redis_server.ask("DEL", lost)
        await until(lambda: owners() == before, "the nicknames to be there again")
        async with connect(cluster.urls[1]) as another:
            refused = await another.ask({"type": "hello", "nick": "Alice"})
            assert refused["code"] == "nick_taken"


async def test_one_lost_nickname_is_found_though_there_are_many(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked at some sessions at a time, until all have come round."""
    async with running_node(redis_server) as node:
        monkeypatch.setattr("gateway.cluster.reconciler.CHECK_ROUNDS", 5)
        everybody = {"alice", "bob", "carol"}
        for nick in everybody:
            await signed_in(node, nick)
        sweep = node.membership.reconciler
        with structlog.testing.capture_logs() as logs:
            for nick in everybody:
                redis_server.ask("HDEL", NICKS, fold(nick))
                for _ in range(6):
                    await sweep.some_sessions()
                await reclaim_on(node)
                assert set(redis_server.ask("HKEYS", NICKS)) == set(map(fold, everybody))
        lost = [line for line in logs if line["event"] == "nicknames vanished from redis"]
        assert sum(line["sessions"] for line in lost) == 3


async def test_a_nickname_is_set_free_though_redis_has_lost_whose_it_was(
    redis_server: RedisServer,
) -> None:
    async with running_node(redis_server) as node:
        redis_server.ask("HSET", NICKS, fold("ghost"), f"nobody {node.name} 1 Ghost")
        await node.membership.reconciler.nicks()
        assert redis_server.ask("HGETALL", NICKS) == {}
        assert redis_server.ask("HGETALL", f"{NICKS}:sessions") == {}


# --- what is refused for good ---------------------------------------------------------------------
