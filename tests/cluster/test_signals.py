"""Signals to a node, while somebody talks on it."""

from __future__ import annotations

import signal

import pytest
import trio

from tests.nodes import NodeProcess, open_cluster
from tests.redis_server import RedisServer
from tests.websocket import WebSocketClient, connect

HARMLESS = [
    (getattr(signal, name), name)
    for name in (
        "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGIO", "SIGPWR",
        "SIGSTKFLT", "SIGXCPU", "SIGRTMIN", "SIGRTMAX",
    )
    if hasattr(signal, name)
]  # fmt: skip
UNSEEN = ("SIGPIPE", "SIGXFSZ", "SIGTTOU", "SIGCHLD", "SIGURG", "SIGWINCH", "SIGCONT")


async def test_a_signal_that_is_for_nothing_is_logged_and_harms_nobody(
    redis_server: RedisServer,
) -> None:
    async with open_cluster(redis_server, 1) as cluster:
        [node] = cluster.nodes
        async with connect(node.url, "alice") as alice:
            await alice.join()
            for number, name in [*HARMLESS, (signal.SIGRTMIN + 3, "SIGRTMIN+3")]:
                node.process.send_signal(number)
                line = await node.logged("signal", signal=name)
                assert line["effect"].startswith("none"), line
                assert line["level"] == "info"
                await talks_on(node, alice, name)
            for name in UNSEEN:
                node.process.send_signal(getattr(signal, name))
                await talks_on(node, alice, name)
        assert await node.stop() == 0


async def talks_on(node: NodeProcess, client: WebSocketClient, text: str) -> None:
    sent = {"type": "send", "room": "lobby", "text": text, "id": text}
    assert (await client.ask(sent))["type"] == "ok"
    assert (await node.get("/readyz"))[0] == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
async def test_a_signal_that_ends_a_node_drains_it(
    redis_server: RedisServer, number: signal.Signals
) -> None:
    async with open_cluster(redis_server, 1) as cluster:
        [node] = cluster.nodes
        async with connect(node.url, "alice") as alice:
            node.process.send_signal(number)
            assert (await alice.hear_type("notice"))["code"] == "draining"
            assert await alice.closed() == 4000
        with trio.fail_after(20):
            assert await node.process.wait() == 0
        assert (await node.logged("signal", signal=number.name))["effect"] == "drain"
        assert (await node.logged("stopped"))["in_time"] is True


async def test_a_second_one_ends_it_at_once(redis_server: RedisServer) -> None:
    async with open_cluster(redis_server, 1, drain_seconds=600) as cluster:
        [node] = cluster.nodes
        async with connect(node.url, "alice"):
            node.process.send_signal(signal.SIGTERM)
            await node.logged("draining")
            node.process.send_signal(signal.SIGHUP)
            await node.logged("signal", signal="SIGHUP")
            assert node.process.returncode is None
            node.process.send_signal(signal.SIGINT)
            with trio.fail_after(20):
                assert await node.process.wait() == 0
        assert (await node.logged("signal", signal="SIGINT"))["effect"] == "end at once"
