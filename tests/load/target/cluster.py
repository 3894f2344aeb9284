"""The cluster under load: one that runs already, or one that is started for the run."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final
from urllib.request import urlopen

import trio
import trustme

from client.addresses import NodeAddress
from gateway.embedded_redis import find_redis
from gateway.net.client_address import host_port
from tests.load.target.processes import Usage, port_of, start, stop, usage, wait_for

_CONNECT_SECONDS: Final = 1.0
_PROCESS: Final = ("process_cpu_seconds_total", "process_resident_memory_bytes")


@dataclass(frozen=True)
class TargetNode:
    """A node by its URL, and its process if the load test started it."""

    url: str
    process: subprocess.Popen[bytes] | None = None

    def metrics(self) -> dict[str, float]:
        """Return the node's metrics that have no labels; nothing if it does not answer."""
        place = NodeAddress.from_url(self.url)
        try:
            lines = get(place, "/metrics").decode().splitlines()
        except OSError:
            return {}
        samples = (line.split() for line in lines if "#" not in line and "{" not in line)
        return {name: float(value) for name, value in samples}

    def kill(self) -> None:
        """End the node with SIGKILL; only one that the load test started."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()


@dataclass(frozen=True)
class TargetCluster:
    """The nodes under load, and their Redis if the load test started it."""

    nodes: Sequence[TargetNode]
    redis: subprocess.Popen[bytes] | None = None
    redis_url: str = ""

    def usages(self) -> dict[str, Usage]:
        """Return what each process has used, as ``node 1``, ``node 2``, … and ``redis``.

        The kernel tells it of processes that the load test started; other nodes tell it
        themselves, and are left out if they do not.
        """
        used = {}
        for number, node in enumerate(self.nodes, 1):
            metrics = node.metrics()
            if (known := _own_usage(node, metrics)) is not None:
                used[f"node {number}"] = replace(
                    known,
                    deliveries=metrics.get("chat_deliveries_total", 0.0),
                    connections=metrics.get("chat_connections", 0.0),
                    slow_readers=metrics.get("chat_slow_readers_total", 0.0),
                )
        return used | ({} if self.redis is None else {"redis": usage(self.redis.pid)})


def _own_usage(node: TargetNode, metrics: dict[str, float]) -> Usage | None:
    if node.process is not None:
        return usage(node.process.pid)
    cpu, resident = map(metrics.get, _PROCESS)
    return None if cpu is None or resident is None else Usage(cpu, int(resident / 1024))


def running(urls: Sequence[str]) -> TargetCluster:
    """Return a cluster that runs already; a name with several addresses is several nodes.

    Of a name with addresses of both families, those of one are taken: they are the same nodes.

    :raises ValueError: saying which URL is wrong.
    """
    nodes = []
    for url in urls:
        try:
            place = NodeAddress.from_url(url)
            found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
        except (ValueError, OSError) as error:
            raise ValueError(f"{url}: {error}") from None
        scheme = "wss" if place.secure else "ws"
        hosts = sorted({str(address[0]) for *_, address in found})
        nodes += [
            TargetNode(f"{scheme}://{host_port(host, place.port)}{place.resource}")
            for host in _of_one_family(hosts, place.port)
        ]
    return TargetCluster(nodes)


def _of_one_family(hosts: Sequence[str], port: int) -> Sequence[str]:
    """Return the IPv4 addresses among these, or those of IPv6 if they alone are listened on."""
    ipv4 = [host for host in hosts if ":" not in host]
    ipv6 = [host for host in hosts if ":" in host]
    if not ipv4 or (ipv6 and not _answers(ipv4, port) and _answers(ipv6, port)):
        return ipv6
    return ipv4


def _answers(hosts: Sequence[str], port: int) -> bool:
    for host in hosts:
        with suppress(OSError), socket.create_connection((host, port), timeout=_CONNECT_SECONDS):
            return True
    return False


ROOT: Final = Path(__file__).parents[3]
"""This checkout."""
_RATES: Final = {"flood_rate": "--flood-rate", "connect_rate": "--connect-rate"}
"""The settings that limit rates, with their flags. An older checkout may not have all of them."""


def has_setting(gateway: Path, name: str) -> bool:
    """Return whether the nodes of a checkout have a setting."""
    return f"    {name}:" in _settings(gateway)


@contextmanager
def spawned(
    nodes: int,
    *,
    gateway: Path,
    node_core: int | None,
    other_core: int | None,
    tls: bool = False,
) -> Iterator[TargetCluster]:
    """Run a Redis and nodes from a checkout of the gateway; the nodes limit no rate."""
    with tempfile.TemporaryDirectory(prefix="chat-load-") as folder:
        listens = Path(folder, "redis.sock")
        options = ["--port", "0", "--unixsocket", str(listens), "--save", "", "--dir", folder]
        unlimited = [flag for name, flag in _RATES.items() if has_setting(gateway, name)]
        redis = start([trio.run(find_redis), *options], Path(folder), other_core)
        started: list[subprocess.Popen[bytes]] = []
        try:
            wait_for(listens.exists, redis, "Redis")
            command = [
                sys.executable, "-m", "gateway", "serve", "--port", "0",
                "--redis", f"unix://{listens}", "--log-level", "error",
                *(part for flag in unlimited for part in (flag, "0")),
                *(_certificate(Path(folder)) if tls else ()),
            ]  # fmt: skip
            started += [start(command, gateway, node_core) for _ in range(nodes)]
            ports = [wait_for(partial(port_of, each.pid), each, "a node") for each in started]
            urls = [f"{'wss' if tls else 'ws'}://127.0.0.1:{port}/ws" for port in ports]
            for url, process in zip(urls, started, strict=True):
                wait_for(partial(_is_ready, url), process, "a node")
            yield TargetCluster(
                list(map(TargetNode, urls, started)), redis, redis_url=f"unix://{listens}"
            )
        finally:
            for process in (*started, redis):
                stop(process)


def _settings(gateway: Path) -> str:
    """Return the file that declares the settings of a checkout; in older ones a single module."""
    folder = gateway / "gateway" / "config"
    file = folder / "settings.py" if folder.is_dir() else folder.with_suffix(".py")
    return file.read_text("utf-8")


def _certificate(folder: Path) -> Sequence[str]:
    """Return the flags by which a node speaks TLS, with a certificate made for it."""
    issued = trustme.CA().issue_cert("127.0.0.1")
    chain, key = folder / "chain.pem", folder / "key.pem"
    issued.cert_chain_pems[0].write_to_path(chain)
    issued.private_key_pem.write_to_path(key)
    return "--tls-certificate", str(chain), "--tls-key", str(key)


def get(place: NodeAddress, path: str, *, timeout: float = 10) -> bytes:
    """Return what a node answers over HTTP; over TLS, whoever it is.

    :raises OSError: if it does not answer, or with an error.
    """
    scheme, trust = "http", None
    if place.secure:
        scheme, trust = "https", ssl.create_default_context()
        trust.check_hostname = False
        trust.verify_mode = ssl.CERT_NONE
    url = f"{scheme}://{place.authority}{path}"
    with urlopen(url, timeout=timeout, context=trust) as answer:  # noqa: S310 - http or https
        return bytes(answer.read())


def _is_ready(url: str) -> bool:
    try:
        get(NodeAddress.from_url(url), "/readyz", timeout=1)
    except OSError:
        return False
    return True
