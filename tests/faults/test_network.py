"""A node that is cut off from Redis is still reached by its clients, on either network."""

from __future__ import annotations

import os
import random
from functools import partial
from pathlib import Path

import pytest

from tests.faults.system.cluster import open_cluster_under_test
from tests.faults.system.network import ProxiedNetwork, open_networks
from tests.faults.system.proxy import Proxy
from tests.waiting import until
from tests.websocket import WebSocketClient, connect


@pytest.mark.parametrize("namespaced", [True, False], ids=["best", "proxied"])
async def test_a_partition_keeps_a_node_from_redis_and_not_from_its_clients(
    namespaced: bool, tmp_path: Path
) -> None:
    async with open_cluster_under_test(
        tmp_path, 2, grace=5.0, random_=random.Random(0), namespaced=namespaced
    ) as cluster:
        cut, other = cluster.hosts
        assert namespaced or isinstance(cut.network, ProxiedNetwork)
        say = {"type": "send", "room": "lobby", "text": "x"}
        async with connect(cut.node.url, "alice") as alice:
            await alice.join()
            cut.network.partition()
            assert (await alice.ask(say | {"id": "1"}))["code"] == "unavailable"
            await other.node.ready()
            cut.network.heal()
            await cut.node.ready()
            await until(partial(_is_answered, alice, say | {"id": "2"}), "it to be said")


async def _is_answered(client: WebSocketClient, command: dict[str, str]) -> bool:
    return bool((await client.ask(command))["type"] == "ok")


def test_nothing_is_left_of_the_namespaces() -> None:
    before = _interfaces()
    with open_networks([Proxy(random.Random(0))]) as [network]:
        assert isinstance(network, ProxiedNetwork) or _interfaces() > before
    assert _interfaces() == before


def _interfaces() -> set[str]:
    lines = Path("/proc/net/dev").read_text().splitlines()
    return {line for line in lines if f"cf{os.getpid():x}x" in line}
