"""Node processes around a Redis server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import trio

from tests import PATIENCE
from tests.http import http_get
from tests.ports import free_port
from tests.redis_server import RedisServer
from tests.waiting import until


class NodeProcess:
    """One ``chat-gateway serve`` on a free port; its log lines are kept, parsed."""

    def __init__(self, process: trio.Process) -> None:
        self.process = process
        self.host = "127.0.0.1"
        self.port = 0
        self.admin_port = 0
        """Its operator's port, on the loopback address; 0 if it has none."""
        self.log: list[dict[str, Any]] = []
        self._logged = trio.Event()
        self._log_ended = False

    @property
    def url(self) -> str:
        """Where WebSocket clients connect."""
        return f"ws://{self.host}:{self.port}/ws"

    async def read_log(self) -> None:
        """Keep what the node logs until it ends; run it in a nursery."""
        assert self.process.stderr is not None
        buffer = b""
        async for chunk in self.process.stderr:
            *lines, buffer = (buffer + chunk).split(b"\n")
            for line in lines:
                self._note(line.decode())
        self._note(buffer.decode())
        self._log_ended = True
        self._logged.set()

    def _note(self, line: str) -> None:
        if not line:
            return
        try:
            self.log.append(json.loads(line))
        except ValueError:
            self.log.append({"event": line, "level": "raw"})
        self._logged.set()

    async def logged(self, event: str, **fields: object) -> dict[str, Any]:
        """Wait for a log line that says this, and give it."""
        wanted = {"event": event} | fields
        seen = 0
        with trio.fail_after(PATIENCE):
            while True:
                for line in self.log[seen:]:
                    if wanted.items() <= line.items():
                        return line
                seen = len(self.log)
                if self._log_ended:
                    raise AssertionError(f"the node ended without logging {wanted}: {self.log}")
                self._logged = trio.Event()
                await self._logged.wait()

    @property
    def errors(self) -> list[dict[str, Any]]:
        """What the node logged as an error, or not as a log line at all."""
        return [line for line in self.log if line["level"] in {"error", "critical", "raw"}]

    async def get(self, path: str) -> tuple[int, str]:
        """Ask the node over HTTP; gives status and body."""
        return await http_get(self.port, path, host=self.host)

    async def get_as_operator(self, path: str) -> tuple[int, str]:
        """Ask the node on its operator's port, if it has one; gives status and body."""
        if not self.admin_port:
            return await self.get(path)
        return await http_get(self.admin_port, path)

    async def metric(self, name: str) -> float:
        """Read one metric off ``/metrics``."""
        _, body = await self.get_as_operator("/metrics")
        values = [line.split()[1] for line in body.splitlines() if line.split()[0] == name]
        return float(values[0])

    async def ready(self) -> None:
        """Wait until ``/readyz`` says so."""
        await until(self._is_ready, "the node to be ready")

    async def not_ready(self) -> tuple[int, str]:
        """Wait until ``/readyz`` says that it is not; gives the operator's answer."""
        answer = 0, ""

        async def refused() -> bool:
            nonlocal answer
            answer = await self.get_as_operator("/readyz")
            return answer[0] == 503

        await until(refused, "the node to be not ready")
        return answer

    async def _is_ready(self) -> bool:
        try:
            return (await self.get("/readyz"))[0] == 200
        except OSError:
            return False

    async def stop(self) -> int:
        """Send SIGTERM and give the exit status."""
        self.process.terminate()
        with trio.fail_after(PATIENCE):
            return await self.process.wait()

    async def kill(self) -> None:
        """End it without a chance to clean up."""
        self.process.kill()
        await self.process.wait()

    def pause(self) -> None:
        """Stop it in its tracks."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)


class Cluster:
    """Node processes around one Redis; made by `open_cluster`."""

    def __init__(self, redis: RedisServer, nursery: trio.Nursery) -> None:
        self.redis = redis
        self.nodes: list[NodeProcess] = []
        self.launch: Sequence[str] = ("gateway",)
        """The module that a node is run from, and what goes before ``serve``."""
        self._nursery = nursery

    @property
    def urls(self) -> list[str]:
        """Every node's URL."""
        return [node.url for node in self.nodes]

    async def add_node(
        self, *within: str, checkout: Path | None = None, **settings: object
    ) -> NodeProcess:
        """Start a node with these settings and wait until it listens.

        - ``within``: what its command is run by, such as ``ip netns exec NAME``;
        - ``checkout``: the folder whose gateway it runs, if that is another one.
        """
        flags = {
            "port": free_port(),
            "redis": self.redis.url,
            "log_format": "json",
            "flood_rate": 0,
            "redis_timeout": 10,  # on a busy machine Redis may take its time
        }
        if not (within or checkout):  # else out of reach, or of a release that has none
            flags["admin_port"] = free_port()
        command = [*within, sys.executable, "-m", *self.launch, "serve"]
        wanted = flags | settings
        environment = os.environ | {"CHAT_REDIS": str(wanted.pop("redis"))}  # has a password
        for name, value in wanted.items():
            command += [f"--{name.replace('_', '-')}", str(value)]
        process = await trio.lowlevel.open_process(
            command, stderr=subprocess.PIPE, cwd=checkout, env=environment
        )
        node = NodeProcess(process)
        node.host = str(settings.get("host", node.host))
        self.nodes.append(node)
        self._nursery.start_soon(node.read_log)
        node.admin_port = int(str(wanted.get("admin_port", 0)))
        node.port = int((await node.logged("listening"))["port"])
        return node


@asynccontextmanager
async def open_cluster(
    redis: RedisServer, nodes: int = 2, **settings: Any
) -> AsyncIterator[Cluster]:
    """Run nodes that are ready around a running Redis; none of them outlives the context.

    Flood control is off unless ``flood_rate`` is given.
    """
    async with trio.open_nursery() as nursery:
        cluster = Cluster(redis, nursery)
        try:
            async with trio.open_nursery() as starting:
                for _ in range(nodes):
                    starting.start_soon(partial(cluster.add_node, **settings))
            for node in cluster.nodes:
                await node.ready()
            yield cluster
        finally:
            for node in cluster.nodes:
                if node.process.returncode is None:
                    node.process.kill()
                    node.resume()
            with trio.CancelScope(shield=True):
                for node in cluster.nodes:
                    await node.process.wait()
            nursery.cancel_scope.cancel()


async def administer(
    *arguments: str, redis: str, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run ``chat-gateway admin``, and give how it ended."""
    done = await trio.run_process(
        [sys.executable, "-m", "gateway", "admin", *arguments, "--redis", redis],
        stdin=stdin.encode(),
        capture_stdout=True,
        capture_stderr=True,
        check=False,
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )
