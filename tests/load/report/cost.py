"""What a run cost: CPU and memory of nodes and Redis, by delivery, message and connection. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.load.target.processes import Usage

Usages = Mapping[str, Usage]


@dataclass(frozen=True)
class UsageInterval:
    """What every process had used at the beginning and at the end of a stretch of time."""

    before: Usages
    after: Usages

    @property
    def nodes(self) -> list[str]:
        """The nodes whose usage is known."""
        return [name for name in self.before if name != "redis"]

    def grown(self, what: str, *names: str) -> float:
        """Return the growth of a field of `Usage`, summed over processes that did not end."""
        grown = 0.0
        for name in names:
            if name in self.before and name in self.after:
                was, became = self.before[name], self.after[name]
                grown += max(0.0, getattr(became, what) - getattr(was, what))
        return grown


def cost(
    connecting: UsageInterval, running: UsageInterval, *, seconds: float, ready: int,
    deliveries: int, messages: float,
) -> dict[str, Any]:  # fmt: skip
    """Return the costs of each process, and of all nodes together, as the report has them.

    - ``connecting``: from before the clients came until all were in
    - ``running``: the measured part of ``seconds``
    """
    names = running.nodes
    cpu, redis_cpu = running.grown("cpu", *names), running.grown("cpu", "redis")
    nodes = {
        name: {
            "cpu": running.grown("cpu", name) / seconds,
            "rss_kib": running.after[name].rss,
            "us_per_delivery": per(
                running.grown("cpu", name) * 1e6, running.grown("deliveries", name)
            ),
            "kib_per_connection": per(
                connecting.grown("rss", name), connecting.grown("connections", name)
            ),
        }
        for name in names
        if name in running.after
    }
    redis = {
        "cpu": redis_cpu / seconds,
        "rss_kib": running.after["redis"].rss,
        "us_per_delivery": per(redis_cpu * 1e6, deliveries),
        "us_per_message": per(redis_cpu * 1e6, messages),
        "kib_per_connection": per(connecting.grown("rss", "redis"), ready),
    } if "redis" in running.after else None  # fmt: skip
    return {
        "nodes": nodes,
        "redis": redis,
        "closed_as_slow": int(running.grown("slow_readers", *names)) if names else None,
        "us_per_delivery": per(cpu * 1e6, deliveries) if names else None,
        "us_per_message": per(cpu * 1e6, messages) if names else None,
        "kib_per_connection": per(
            connecting.grown("rss", *names), connecting.grown("connections", *names)
        ),
        "connects_per_cpu_second": per(ready, connecting.grown("cpu", *names)),
    }


def per(amount: float, count: float) -> float | None:
    """Return ``amount / count``; None if ``count`` is 0."""
    return amount / count if count > 0 else None
