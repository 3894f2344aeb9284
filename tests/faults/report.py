"""A verdict as a table for people, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from statistics import median
from typing import Any, Final

from tests.faults.checker import Recovery, Verdict

MOST_SHOWN: Final = 40


def as_json(verdict: Verdict, **plan: Any) -> dict[str, Any]:
    """Everything, for machines."""
    return {"plan": plan, "clean": verdict.clean} | asdict(verdict)


def table(verdict: Verdict) -> str:
    """Everything, for people."""
    lines = [
        f"messages    {verdict.sent} sent, {verdict.acknowledged} acknowledged",
        f"            {verdict.heard} heard, {len(verdict.recovered)} unanswered yet delivered",
        "anomalies   " + ", ".join(f"{count} {kind}" for kind, count in verdict.counts.items()),
        *_recoveries(verdict.recoveries),
        _unavailable(list(verdict.unavailable.values())),
        *(
            f"  {anomaly.kind}: {anomaly.what} {' '.join(anomaly.concerned[:10])}".rstrip()
            for anomaly in verdict.anomalies[:MOST_SHOWN]
        ),
        "clean" if verdict.clean else f"NOT CLEAN: {len(verdict.anomalies)} anomalies",
    ]
    return "\n".join(lines) + "\n"


def _recoveries(recoveries: Sequence[Recovery]) -> list[str]:
    by_fault: dict[str, list[float | None]] = {}
    for recovery in recoveries:
        by_fault.setdefault(recovery.fault, []).append(recovery.seconds)
    lines = [f"faults      {len(recoveries)}; seconds to recover:"]
    for fault, seconds in sorted(by_fault.items()):
        known = [each for each in seconds if each is not None]
        never = f", {len(seconds) - len(known)} never" if len(known) < len(seconds) else ""
        times = f"p50 {median(known):.2f}, max {max(known):.2f}" if known else "-"
        lines.append(f"  {fault:18} {len(seconds):3} times, {times}{never}")
    return lines


def _unavailable(seconds: list[float]) -> str:
    if not seconds:
        return "unavailable nobody said anything"
    return f"unavailable p50 {median(seconds):.1f} s, max {max(seconds):.1f} s of a client's time"
