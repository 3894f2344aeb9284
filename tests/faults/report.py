"""A verdict as a table for people, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from statistics import median
from typing import Any, Final

from tests.faults.history import History, Memory
from tests.faults.verdict import Recovery, Traffic, Verdict

MOST_SHOWN: Final = 40
WARM_SECONDS: Final = 60.0


def as_json(verdict: Verdict, **plan: Any) -> dict[str, Any]:
    """Everything, for machines."""
    return {"plan": plan, "clean": verdict.clean} | asdict(verdict)


def table(history: History, verdict: Verdict) -> str:
    """Everything, for people."""
    lines = [
        f"in rooms    {_traffic(verdict.in_rooms)}",
        f"            {len(verdict.recovered)} unanswered yet delivered",
        f"direct      {_traffic(verdict.direct)}",
        f"announced   {_announced(verdict)}",
        "anomalies   " + ", ".join(f"{count} {kind}" for kind, count in verdict.counts.items()),
        *_recoveries(verdict.recoveries),
        _unavailable(list(verdict.unavailable.values())),
        "closed      connections of clients:",
        *(f"  {count:3} times {why}" for why, count in history.closed.most_common()),
        *_memory(history.memory),
        *(
            f"  {anomaly.kind}: {anomaly.what} {' '.join(anomaly.concerned[:10])}".rstrip()
            for anomaly in verdict.anomalies[:MOST_SHOWN]
        ),
        "clean" if verdict.clean else f"NOT CLEAN: {len(verdict.anomalies)} anomalies",
    ]
    return "\n".join(lines) + "\n"


def _traffic(traffic: Traffic) -> str:
    return f"{traffic.sent} sent, {traffic.acknowledged} acknowledged, {traffic.heard} heard"


def _announced(verdict: Verdict) -> str:
    lost = f"{len(verdict.announced)} messages lost with Redis, told {verdict.told} times"
    if verdict.latest is None:
        return lost
    return f"{lost}; the last acknowledged {verdict.latest:.2f} s after it"


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


def _memory(weighed: Sequence[Memory]) -> list[str]:
    """Tell how much memory each had when it was warm, half way, and at last."""
    lines = []
    for process in dict.fromkeys(memory.process for memory in weighed):
        own = [memory for memory in weighed if memory.process == process]
        warm = next((m for m in own if m.at >= own[0].at + WARM_SECONDS), own[-1])
        shown = dict.fromkeys(sorted((warm, own[len(own) // 2], own[-1]), key=lambda m: m.at))
        lines.append(
            f"memory      {process}: {own[0].kib / 1024:.1f} MB, "
            + ", ".join(
                f"{memory.kib / 1024:.1f} after {memory.at - own[0].at:.0f} s" for memory in shown
            )
        )
    return lines


def _unavailable(seconds: list[float]) -> str:
    if not seconds:
        return "unavailable nobody said anything"
    return f"unavailable p50 {median(seconds):.1f} s, max {max(seconds):.1f} s of a client's time"
