"""Liveness is for restarts, readiness for traffic: what asks for which, and over which address."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
import trio

from tests.nodes import open_cluster
from tests.ports import free_port, loopbacks
from tests.redis_server import RedisServer

ROOT: Final = Path(__file__).parents[2]


async def health(**environment: str) -> tuple[int, str]:
    """Run the image's health check; return its status and what it says."""
    done = await trio.run_process(
        [sys.executable, ROOT / "deploy" / "healthcheck.py"],
        env={"PYTHONPATH": str(ROOT)} | environment,
        capture_stdout=True,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return done.returncode, done.stdout.decode()


@pytest.mark.parametrize(
    ("host", "own"),
    [
        *(("0.0.0.0", own) for own in loopbacks()),  # noqa: S104
        *(("::", own) for own in loopbacks()),
        *(("localhost", own) for own in loopbacks()),
        (loopbacks()[-1], loopbacks()[-1]),
    ],
)
async def test_a_node_lives_without_redis_and_is_not_ready(
    redis_server: RedisServer, host: str, own: str
) -> None:
    async with open_cluster(redis_server, 0) as cluster:
        away = f"redis://127.0.0.1:{free_port()}"
        node = await cluster.add_node(host=host, redis=away, redis_timeout=1)
        node.host = own
        assert (await node.not_ready())[0] == 503
        assert (await node.get("/healthz"))[0] == 200
        assert await health(CHAT_HOST=host, CHAT_PORT=str(node.port)) == (0, "ok\n")


async def test_the_health_check_reads_settings_as_a_node_does() -> None:
    status, said = await health(CHAT_PORT="http")
    assert (status, said.count("\n")) == (1, 1)
    assert said.startswith("the node does not answer: CHAT_PORT: 'http' is not a whole number")


async def test_a_dead_node_is_one_line_and_status_1() -> None:
    status, said = await health(CHAT_PORT=str(free_port()))
    assert (status, said.count("\n")) == (1, 1)
    assert said.startswith("the node does not answer: ")


def test_what_restarts_asks_for_life_and_what_balances_asks_for_readiness() -> None:
    dockerfile = (ROOT / "deploy/Dockerfile").read_text("utf-8")
    assert re.search(r"^HEALTHCHECK .*healthcheck\.py", dockerfile, re.MULTILINE)
    assert "option httpchk GET /readyz" in (ROOT / "deploy/haproxy.cfg").read_text("utf-8")
    readme = (ROOT / "README.md").read_text("utf-8")
    assert "livenessProbe: {httpGet: {path: /healthz," in readme
    assert "readinessProbe: {httpGet: {path: /readyz," in readme
