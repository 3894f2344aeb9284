"""What changed between two sets of runs, and which changes exceed their noise. Pure."""

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
    ("connects/CPU s", ("connects_per_cpu_second",)),
    ("KiB/connection", ("kib_per_connection",)),
    ("Redis µs/delivery", ("redis", "us_per_delivery")),
    ("Redis µs/message", ("redis", "us_per_message")),
    ("Redis KiB/connection", ("redis", "kib_per_connection")),
)


def compare(before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]]) -> str:
    """Return a table of each figure's median and range before and after, and what went wrong."""
    lines = [f"{'':20}{'before':>30}{'after':>30}{'change':>9}"]
    for name, path in _FIGURES:
        old, new = values(before, path), values(after, path)
        if not old or not new:
            continue
        change = (median(new) / median(old) - 1) if median(old) else 0.0
        verdict = "" if is_noise(old, new) else "  beyond the noise"
        lines.append(f"{name:20}{_range(old):>30}{_range(new):>30}{change:>+9.0%}{verdict}")
    for name, runs in (("before", before), ("after", after)):
        for number, run in enumerate(runs, 1):
            wrong = run["faults"] + ["void"] * run["void"]
            if wrong:
                lines.append(f"WRONG in run {number} {name}: {', '.join(wrong)}")
    if len(before) < 2 or len(after) < 2:
        lines.append("One run tells nothing of its noise: repeat with --repeat 3.")
    return "\n".join(lines) + "\n"


def differences(runs: Sequence[dict[str, Any]]) -> list[str]:
    """Return the fields in which the scenarios of runs differ; such runs cannot be compared."""
    first, *others = [run["scenario"] for run in runs]
    return [name for name in first if any(first[name] != other.get(name) for other in others)]


def values(runs: Sequence[dict[str, Any]], path: Sequence[str]) -> list[float]:
    """Return a figure of every run that has it; ``path`` leads to it in the report."""
    found = []
    for run in runs:
        value: Any = run
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if value:
            found.append(float(value))
    return found


def is_noise(before: Sequence[float], after: Sequence[float]) -> bool:
    """Return whether a change may be chance: ranges overlap, or one side has a single run."""
    if len(before) < 2 or len(after) < 2:
        return True
    return min(after) <= max(before) and min(before) <= max(after)


def _range(found: Sequence[float]) -> str:
    low, high = min(found), max(found)
    return f"{median(found):,.2f} ({low:,.2f} to {high:,.2f})"
