"""What changed between two sets of runs, and what of it is more than their noise. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any, Final

_FIGURES: Final = (
    ("µs/delivery", ("us_per_delivery",)),
    ("µs/message", ("us_per_message",)),
    ("of the floor", ("times_floor",)),
    ("messages/s", ("achieved",)),
    ("deliveries/s", ("deliveries_per_second",)),
    ("deliver p50 ms", ("delivered", "p50")),
    ("deliver p99 ms", ("delivered", "p99")),
    ("deliver max ms", ("delivered", "max")),
    ("ack p50 ms", ("acked", "p50")),
    ("ack p99 ms", ("acked", "p99")),
    ("ping p99 ms", ("pings", "p99")),
    ("connects/s", ("connects", "per_second")),
    ("connects/CPU s", ("connects", "per_node_cpu_second")),
    ("Redis µs/message", ("redis", "us_per_message")),
    ("KiB/connection", ("nodes", "node 1", "kib_per_connection")),
)


def compare(before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]]) -> str:
    """Give each figure's medians and ranges, and whether the ranges are apart."""
    lines = [f"{'':20}{'before':>30}{'after':>30}{'change':>9}"]
    for name, path in _FIGURES:
        old, new = values(before, path), values(after, path)
        if not old or not new:
            continue
        change = (median(new) / median(old) - 1) if median(old) else 0.0
        verdict = "" if is_noise(old, new) else "  beyond the noise"
        lines.append(f"{name:20}{_range(old):>30}{_range(new):>30}{change:>+9.0%}{verdict}")
    if len(before) < 2 or len(after) < 2:
        lines.append("One run tells nothing of its noise: repeat with --repeat 3.")
    return "\n".join(lines) + "\n"


def values(runs: Sequence[dict[str, Any]], path: Sequence[str]) -> list[float]:
    """Give a figure of every run that has it."""
    found = []
    for run in runs:
        value: Any = run
        if path == ("times_floor",):
            value = run["us_per_delivery"] / run["floor"] if run.get("floor") else None
        else:
            for key in path:
                value = value.get(key) if isinstance(value, dict) else None
        if value:
            found.append(float(value))
    return found


def is_noise(before: Sequence[float], after: Sequence[float]) -> bool:
    """Tell whether the change may be chance: the ranges meet, or there is but one run of either."""
    if len(before) < 2 or len(after) < 2:
        return True
    return min(after) <= max(before) and min(before) <= max(after)


def _range(found: Sequence[float]) -> str:
    low, high = min(found), max(found)
    return f"{median(found):,.2f} ({low:,.2f} to {high:,.2f})"
