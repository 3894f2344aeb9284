"""A node is cut off from Redis, and its clients still reach it, whichever way that is done."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from tests.faults import network
from tests.faults.cluster import open_struck
from tests.faults.network import ByLink, ByProxy
from tests.faults.proxy import Proxy
from tests.harness import RawClient, raw_client, until


def no_namespaces(_: int) -> Sequence[ByLink]:
    raise OSError("not allowed")


@pytest.mark.parametrize("namespaces", [True, False])
async def test_a_partition_keeps_a_node_from_redis_and_not_from_its_clients(
    namespaces: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not namespaces:
        monkeypatch.setattr(network, "_namespaces", no_namespaces)
    async with open_struck(tmp_path, 2, grace=5.0, random_=random.Random(0)) as struck:
        cut, other = struck.places
        if namespaces and isinstance(cut.way, ByProxy):
            pytest.skip("network namespaces are not allowed here")
        assert isinstance(cut.way, ByLink if namespaces else ByProxy)
        say = {"type": "send", "room": "lobby", "text": "x"}
        async with raw_client(cut.node.url, "alice") as alice:
            await alice.ask({"type": "join", "room": "lobby", "id": "j"})
            cut.way.cut()
            assert (await alice.ask(say | {"id": "1"}))["code"] == "unavailable"
            await other.node.ready()
            cut.way.heal()
            await cut.node.ready()
            await until(partial(_is_answered, alice, say | {"id": "2"}), "it to be said")


async def _is_answered(client: RawClient, command: dict[str, str]) -> bool:
    return bool((await client.ask(command))["type"] == "ok")


def test_nothing_is_left_of_the_namespaces() -> None:
    before = _interfaces()
    with network.open_ways([Proxy(random.Random(0))]) as [way]:
        assert isinstance(way, ByProxy) or _interfaces() > before
    assert _interfaces() == before


def _interfaces() -> set[str]:
    lines = Path("/proc/net/dev").read_text().splitlines()
    return {line for line in lines if f"cf{os.getpid():x}x" in line}
