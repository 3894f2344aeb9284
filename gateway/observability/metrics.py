"""The metrics of a node, in Prometheus's format.

The counters of the hot path are plain integers, read when somebody scrapes: counting costs an
addition per burst, not a lock per delivery.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.observability import logs

_LATENCY_BUCKETS: Final = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
)  # fmt: skip
STATM: Final = Path("/proc/self/statm")
"""Where Linux says how much memory this process has, in pages."""
_MOST_REASON: Final = 300
"""Characters of the reason why a node is not ready."""
_STARTED: Final = time.time()


@dataclass
class Counts:
    """Totals since the node started."""

    messages_in: int = 0
    messages_out: int = 0
    deliveries: int = 0
    commands: int = 0
    refusals: int = 0
    resumed: int = 0
    registered: int = 0
    signed_in: int = 0
    wrong_passwords: int = 0
    turned_away: int = 0
    slow_readers: int = 0
    banned_refused: int = 0
    sessions_banned: int = 0
    sessions_kicked: int = 0
    admin_refused: int = 0
    not_http: int = 0
    tls_failures: int = 0
    forwards_ignored: int = 0
    forwards_refused: int = 0
    origins_refused: int = 0
    hosts_refused: int = 0
    unencrypted_refused: int = 0
    gaps_filled: int = 0
    failed_resumes: int = 0
    throttled: int = 0
    refused_connections: Counter[str] = field(default_factory=Counter)
    refused_commands: Counter[str] = field(default_factory=Counter)
    closings: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By who has closed, node or client, and code; see `count_closing`."""

    def count_closing(self, by: str, code: int) -> None:
        """Count a WebSocket that was closed; codes that clients make up are counted as other."""
        known = by == "node" or code in _CLIENT_CODES
        self.closings[by, str(code) if known else "other"] += 1


_CLIENT_CODES: Final = frozenset({*range(1000, 1004), *range(1005, 1016)})


@dataclass(frozen=True)
class Gauges:
    """Values at the moment of a scrape."""

    connections: int
    sessions: int
    parked: int
    rooms: int
    bans: int
    tasks: int
    outbox_bytes: int
    redis_memory_bytes: int
    redis_memory_limit_bytes: int
    redis_shortage: int
    redis_connected: bool
    subscription_delivers: bool
    why_not_ready: str | None
    certificate_ends: float

    @property
    def ready(self) -> bool:
        """Whether the node is ready for clients."""
        return self.why_not_ready is None


_COUNTER_HELP: Final = {
    "messages_in": "Messages that clients of this node sent and Redis logged.",
    "messages_out": "Messages that came to this node for its members, each counted once.",
    "deliveries": "Messages handed to clients: each counted once per member.",
    "commands": "Frames from clients.",
    "refusals": "Commands answered with an error.",
    "resumed": "Sessions taken up again by another connection.",
    "registered": "Accounts that were made.",
    "signed_in": "Sessions of accounts that began, by password, token or JSON Web Token.",
    "wrong_passwords": "Sign-ins refused because of a wrong nickname or password.",
    "turned_away": "Handshakes refused with 503: too many at once, or the node is going away.",
    "slow_readers": "Connections closed because they read too slowly.",
    "banned_refused": "Hellos refused because of a ban.",
    "sessions_banned": "Sessions ended because of a ban that was made while they lasted.",
    "sessions_kicked": "Sessions ended by an operator's `kick`.",
    "admin_refused": "Requests to the operator's API with a wrong token, or none.",
    "not_http": "Connections refused because what came over them was not HTTP.",
    "tls_failures": "Connections whose TLS handshake failed.",
    "forwards_ignored": "Client addresses in a PROXY header, X-Forwarded-For or Forwarded from an "
    "address that is not in --trusted-proxies.",
    "forwards_refused": "Connections refused because what a trusted proxy said about the client "
    "could not be read.",
    "origins_refused": "Handshakes of web pages whose origin is not in --allowed-origins.",
    "hosts_refused": "Requests to a host that is not in --allowed-hosts.",
    "unencrypted_refused": "Handshakes that came unencrypted from other machines, refused by "
    "--require-encryption.",
    "gaps_filled": "Times that a room was read from its log because messages were missing.",
    "failed_resumes": "Attempts to resume a session that does not exist.",
    "throttled": "Times that a connection was read no further for a while: too many frames.",
}
_LABELLED_HELP: Final = {
    "refused_connections": (
        ["reason"], "Connections refused with 429 or 503, or closed at once, by reason.",
    ),
    "refused_commands": (["code"], "Commands answered with an error, by its code."),
    "closings": (["by", "code"], "WebSockets closed, by whom, and by close code."),
}  # fmt: skip
_GAUGE_HELP: Final = {
    "connections": "Open TCP connections.",
    "sessions": "Clients that have said hello.",
    "parked": "Sessions that have lost their connection and may be taken up again.",
    "rooms": "Rooms with members on this node.",
    "bans": "Bans that this node knows of.",
    "tasks": "Trio's tasks: one for each connection, and some.",
    "outbox_bytes": "Bytes that wait for slow readers.",
    "redis_memory_bytes": "Memory that Redis uses, read once a second; 0 if unknown.",
    "redis_memory_limit_bytes": "The maxmemory of Redis; 0 if it has none, or if unknown.",
    "redis_shortage": "What is refused since the memory of Redis is nearly full: 1 new rooms (from "
    "80 %), 2 newcomers too (90 %), 3 also direct messages, and messages in rooms that are not "
    "registered (95 %).",
    "redis_connected": "1 while the command connection to Redis is up.",
    "subscription_delivers": "1 while this node's own probes come back.",
    "ready": "1 while the node is ready for clients.",
    "certificate_ends": "When the node's TLS certificate expires (Unix time); 0 if it has none.",
}


class Metrics(Collector):
    """One node's metrics; ``read_gauges`` must be set before the first scrape."""

    def __init__(self) -> None:
        self.counts = Counts()
        self.read_gauges: Callable[[], Gauges] | None = None
        self._registry = CollectorRegistry()
        self._registry.register(self)
        self.publish_seconds = Histogram(
            "chat_publish_seconds",
            "From a client's message at this node to its acknowledgement by Redis.",
            buckets=_LATENCY_BUCKETS,
            registry=self._registry,
        )

    def collect(self) -> Iterator[Metric]:
        """Yield everything but the histogram, for prometheus_client."""
        for name, text in _COUNTER_HELP.items():
            yield CounterMetricFamily(f"chat_{name}", text, value=getattr(self.counts, name))
        for name, (labels, text) in _LABELLED_HELP.items():
            family = CounterMetricFamily(f"chat_{name}", text, labels=labels)
            for label, count in getattr(self.counts, name).items():
                family.add_metric([label] if isinstance(label, str) else label, count)
            yield family
        yield CounterMetricFamily(
            "chat_log_lines_lost",
            "Log lines that could not be written to standard error.",
            value=logs.lines_lost(),
        )
        if self.read_gauges is not None:
            gauges = self.read_gauges()
            for name, text in _GAUGE_HELP.items():
                yield GaugeMetricFamily(f"chat_{name}", text, value=float(getattr(gauges, name)))
            yield _why_not_ready(gauges.why_not_ready)
        yield from _process_metrics()

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus's text format."""
        return generate_latest(self._registry)


def _why_not_ready(reason: str | None) -> Metric:
    """Return the reason as a label, of a metric that has a sample only while there is one."""
    family = GaugeMetricFamily(
        "chat_not_ready", "1 while the node is not ready, and why.", labels=["reason"]
    )
    if reason is not None:
        family.add_metric([reason[:_MOST_REASON]], 1.0)
    return family


def _process_metrics() -> Iterator[Metric]:
    """Yield the process's metrics, as prometheus_client's collector does, but not its open files.

    Counting many thousand files blocks for up to 0.2 s; ``chat_connections`` shows as much.
    """
    yield CounterMetricFamily(
        "process_cpu_seconds", "CPU time of this process.", value=time.process_time()
    )
    yield GaugeMetricFamily(
        "process_start_time_seconds", "When this process started (Unix time).", value=_STARTED
    )
    pages = _resident_pages()
    if pages is not None:
        yield GaugeMetricFamily(
            "process_resident_memory_bytes",
            "Resident memory of this process.",
            value=float(pages * os.sysconf("SC_PAGE_SIZE")),
        )


def _resident_pages() -> int | None:
    """Return the number of this process's resident pages; None if the system does not say."""
    try:
        return int(STATM.read_text().split()[1])
    except (OSError, ValueError, IndexError):  # no file is left to be opened, or /proc is hidden
        return None
