"""The cluster under load, running already or of our own, and what its processes use."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, TypeVar
from urllib.request import urlopen

import trio

from client.connection import Place
from gateway.embedded_redis import find_redis

START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 15.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PROCESS: Final = ("process_cpu_seconds_total", "process_resident_memory_bytes")
T = TypeVar("T")


@dataclass(frozen=True)
class Usage:
    """What a process has used: seconds of CPU since it started, and KiB resident now.

    Of a node also the messages it has handed to clients, the connections it has now, and how many
    it has closed because they read too slowly.
    """

    cpu: float
    rss: int
    deliveries: float = 0.0
    connections: float = 0.0
    slow_readers: float = 0.0


def usage(pid: int) -> Usage:
    """Read it from the kernel; nothing for a process that has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return Usage(0.0, 0)
    resident = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")]
    return Usage((int(stat[11]) + int(stat[12])) / _TICKS, int(resident[0]) if resident else 0)


@dataclass(frozen=True)
class Node:
    """A node by its URL, and its process if it is ours."""

    url: str
    process: subprocess.Popen[bytes] | None = None

    def metrics(self) -> dict[str, float]:
        """Ask it for those that have no labels; nothing if it does not answer."""
        place = Place.from_url(self.url)
        try:
            with urlopen(f"http://{place.authority}/metrics", timeout=10) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return {}
        told = (line.split() for line in lines if "#" not in line and "{" not in line)
        return {name: float(value) for name, value in told}

    def kill(self) -> None:
        """End it without a chance to clean up."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()


@dataclass(frozen=True)
class Cluster:
    """The nodes, and the Redis if it is ours."""

    nodes: Sequence[Node]
    redis: subprocess.Popen[bytes] | None = None

    def usages(self) -> dict[str, Usage]:
        """What each process has used: by the kernel if it is ours, by its own word if not."""
        processes = {
            f"node {number}": node.process for number, node in enumerate(self.nodes, 1)
        } | {"redis": self.redis}
        used = {name: usage(p.pid) for name, p in processes.items() if p is not None}
        for number, node in enumerate(self.nodes, 1):
            name, told = f"node {number}", node.metrics()
            cpu, resident = map(told.get, _PROCESS)
            if name not in used and cpu is not None and resident is not None:
                used[name] = Usage(cpu, int(resident / 1024))
            if name in used:
                used[name] = replace(
                    used[name],
                    deliveries=told.get("chat_deliveries_total", 0.0),
                    connections=told.get("chat_connections", 0.0),
                    slow_readers=told.get("chat_slow_readers_total", 0.0),
                )
        return used


def running(urls: Sequence[str]) -> Cluster:
    """Give a cluster that runs already; a name with several addresses stands for several nodes.

    :raises ValueError: saying which URL is wrong.
    """
    nodes = []
    for url in urls:
        try:
            place = Place.from_url(url)
            found = socket.getaddrinfo(place.host, place.port, socket.AF_INET, socket.SOCK_STREAM)
        except (ValueError, OSError) as error:
            raise ValueError(f"{url}: {error}") from None
        if place.secure:
            raise ValueError(f"{url}: a node is put under load by itself, without TLS before it")
        nodes += [Node(f"ws://{a[4][0]}:{place.port}{place.resource}") for a in sorted(found)]
    return Cluster(nodes)


_RATES: Final = {"flood_rate": "--flood-rate", "connect_rate": "--connect-rate"}
"""What limits rates, by its setting, which an older checkout may not have."""


@contextmanager
def spawned(
    nodes: int, *, gateway: Path, node_core: int | None, other_core: int | None
) -> Iterator[Cluster]:
    """Run a Redis and nodes of our own from a checkout of the gateway; they limit no rate."""
    with tempfile.TemporaryDirectory(prefix="chat-load-") as folder:
        listens = Path(folder, "redis.sock")
        options = ["--port", "0", "--unixsocket", str(listens), "--save", "", "--dir", folder]
        config = (gateway / "gateway" / "config.py").read_text("utf-8")
        unlimited = [flag for name, flag in _RATES.items() if f"    {name}:" in config]
        redis = start([trio.run(find_redis), *options], Path(folder), other_core)
        started: list[subprocess.Popen[bytes]] = []
        try:
            wait_for(listens.exists, redis, "Redis")
            command = [
                sys.executable, "-m", "gateway", "serve", "--port", "0",
                "--redis", f"unix://{listens}", "--log-level", "error",
                *(part for flag in unlimited for part in (flag, "0")),
            ]  # fmt: skip
            started += [start(command, gateway, node_core) for _ in range(nodes)]
            ports = [wait_for(partial(port_of, each.pid), each, "a node") for each in started]
            for port, process in zip(ports, started, strict=True):
                wait_for(partial(_is_ready, port), process, "a node")
            urls = [f"ws://127.0.0.1:{port}/ws" for port in ports]
            yield Cluster(list(map(Node, urls, started)), redis)
        finally:
            for process in (*started, redis):
                _stop(process)


def start(command: list[str], folder: Path, core: int | None) -> subprocess.Popen[bytes]:
    """Start a process in a folder, and keep it to a core."""
    process = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    if core is not None:
        os.sched_setaffinity(process.pid, {core})
    return process


def wait_for(condition: Callable[[], T], process: subprocess.Popen[bytes], what: str) -> T:
    """Ask until the answer is not nothing, and give it.

    :raises SystemExit: if the process ended, or took too long.
    """
    give_up = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < give_up:
        if found := condition():
            return found
        time.sleep(0.05)
    raise SystemExit(f"{what} did not start")


def port_of(pid: int) -> int:
    """Give the TCP port that a process listens on, 0 as long as it does not.

    The kernel is asked: a node logs its port only where it also logs every client, at a cost.
    """
    files, listening = set(), "0A"
    with suppress(FileNotFoundError):  # it opens and closes others meanwhile
        files = {str(file.readlink()) for file in Path(f"/proc/{pid}/fd").iterdir()}
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        _, address, _, state, _, _, _, _, _, inode, *_ = line.split()
        if state == listening and f"socket:[{inode}]" in files:
            return int(address.rpartition(":")[2], 16)
    return 0


def _is_ready(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
