"""The load test as it is run: nodes of its own, a few seconds, a report that adds up."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import trio

from gateway.net.client_address import host_port
from tests import PATIENCE
from tests.nodes import open_cluster
from tests.ports import loopbacks
from tests.redis_server import RedisServer

RUNS = {
    "usual": "--spawn 2 --clients 40 --senders 5 --rate 30 --seconds 2 --generators 2",
    "storm": (
        "--spawn 2 --scenario reconnect-storm --clients 10 --movers 60 --rate 20 --seconds 3 "
        "--ramp 500"
    ),
    "accounts": (
        "--spawn 2 --scenario sign-in-storm --clients 10 --movers 40 --rate 20 --seconds 3 "
        "--account-rooms 3 --unread 2 --join-rooms"
    ),
    "passwords": "--spawn 1 --scenario password-sign-ins --clients 10 --movers 2 --seconds 3",
    "slow readers": (
        "--spawn 1 --scenario slow-readers --clients 8 --senders 4 --deaf 2 --payload 4000 "
        "--seconds 5"
    ),
    "nobody in": "--nodes ws://127.0.0.1:1/ws --clients 2 --seconds 0.5",
}

RunOutput = tuple[str, dict[str, Any]]
"""What a run printed, and its JSON."""
Finish = Callable[[int], RunOutput]
"""Waits for a run to end, which must be with this exit status."""


@contextmanager
def begun(folder: Path, flags: str) -> Iterator[Finish]:
    """Begin a run with short times; it is over with the context at the latest."""
    told, page = folder / "run.json", folder / "run.html"
    command = [
        sys.executable, "-m", "tests.load", "--warmup", "0.5", "--json", str(told),
        "--html", str(page), *flags.split(),
    ]  # fmt: skip
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:

        def end(status: int) -> RunOutput:
            printed, complaints = process.communicate(timeout=5 * PATIENCE)
            assert process.returncode == status, complaints + printed
            assert page.read_text().startswith("<!doctype html>")
            [report] = json.loads(told.read_text())
            return printed, report

        try:
            yield end
        finally:
            process.terminate()


def outcome(folder: Path, name: str, status: int = 0) -> RunOutput:
    """Carry out one of the runs."""
    with begun(folder, RUNS[name]) as end:
        return end(status)


def test_every_message_of_a_run_is_accounted_for(tmp_path: Path) -> None:
    printed, report = outcome(tmp_path, "usual")
    assert report["connects"]["ready"] == 40
    assert report["offered"] == 30
    assert report["achieved"] > 0
    assert report["expected"] == 75 * 40
    assert (report["lost"], report["duplicated"], report["reordered"]) == (0, 0, 0)
    assert report["delivered"]["p50"] > 0
    assert [second["second"] for second in report["timeline"]] == [0.5, 1.5]
    assert set(report["nodes"]) == {"node 1", "node 2"}
    assert all(cost["kib_per_connection"] > 0 for cost in report["nodes"].values())
    assert report["redis"]["us_per_delivery"] is not None
    assert "publish → deliver" in printed


def test_who_is_cut_off_by_a_dead_node_comes_back_to_another(tmp_path: Path) -> None:
    _, report = outcome(tmp_path, "storm")
    assert report["lost_connections"] == 60
    assert report["ready_at_end"] == 70
    assert report["rejoined"]["max"] > 0
    assert (report["lost"], report["duplicated"]) == (0, 0)


def test_accounts_sign_in_by_token_after_their_node_died(tmp_path: Path) -> None:
    printed, report = outcome(tmp_path, "accounts")
    assert report["connects"]["signed_in"]["max"] > 0
    assert report["rejoins"] == 40
    assert report["signed_in"]["max"] > 0
    assert report["ready_at_end"] == 50
    assert "connect to welcome" in printed
    assert "back after the cut" in printed


def test_accounts_sign_in_by_password_again_and_again(tmp_path: Path) -> None:
    _, report = outcome(tmp_path, "passwords")
    assert report["rejoins"] > 2
    assert report["ready_at_end"] == 12
    assert report["delivered_before"]["p50"] > 0
    assert (report["lost"], report["duplicated"]) == (0, 0)


def test_slow_readers_are_closed_and_the_others_lose_nothing(tmp_path: Path) -> None:
    _, report = outcome(tmp_path, "slow readers")
    assert report["closed_as_slow"] == 2
    assert report["expected"] == 2_200 * 6


def test_nobody_in_is_no_success(tmp_path: Path) -> None:
    _, report = outcome(tmp_path, "nobody in", 1)
    assert "2 of 2 did not come in" in report["faults"]


async def test_what_running_nodes_refuse_and_cost_is_told(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    async with open_cluster(redis_server, 1, flood_rate=5, flood_burst=5, admin_port=0) as cluster:
        flags = f"--nodes {cluster.urls[0]} --clients 10 --senders 2 --rate 60 --seconds 2"
        with begun(tmp_path, flags) as end:
            printed, report = await trio.to_thread.run_sync(end, 1)
    refused = report["refused"]["too_fast"]
    assert report["expected"] / 10 + refused == 150
    assert report["achieved"] < report["offered"] == 60
    assert f"{refused} refused" in report["faults"]
    assert "too_fast" in printed
    assert report["nodes"]["node 1"]["us_per_delivery"] > 0


async def test_a_node_is_put_under_load_over_each_family(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    async with open_cluster(redis_server, 1, host="localhost", connect_rate=0) as cluster:
        nodes = ",".join(f"ws://{host_port(own, cluster.nodes[0].port)}/ws" for own in loopbacks())
        flags = f"--nodes {nodes} --clients 8 --senders 2 --rate 20 --seconds 0.5"
        with begun(tmp_path, flags) as end:
            _, report = await trio.to_thread.run_sync(end, 0)
    assert report["scenario"]["nodes"] == len(loopbacks())
