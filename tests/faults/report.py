"""The result of a run as a table, and as JSON. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from statistics import median
from typing import Any, Final

from tests.faults.checkers.result import CheckResult, RecoveryTime, TrafficCounts
from tests.faults.history import MemorySample, RunHistory

MOST_SHOWN: Final = 40
"""How many anomalies the table has at the most."""
WARM_SECONDS: Final = 60.0
"""How long a process takes until its memory does not grow by use any more."""


def as_json(history: RunHistory, result: CheckResult, **options: Any) -> dict[str, Any]:
    """Return the result for JSON, with the options of the run, its faults and gaps."""
    faults = [
        {"name": each.name, "target": each.target, "began": each.began, "ended": each.end}
        for each in history.faults
    ]
    gaps = [asdict(each) for each in history.gaps]
    told = {"faults": faults, "gaps": gaps}
    return {"plan": options, "clean": result.clean} | asdict(result) | told


def table(history: RunHistory, result: CheckResult) -> str:
    """Return the result as text."""
    lines = [
        f"in rooms    {_traffic(result.in_rooms)}",
        f"            {len(result.recovered)} unanswered yet delivered",
        f"direct      {_traffic(result.direct)}",
        f"accounts    {_accounts(history)}",
        f"announced   {_announced(result)}",
        "anomalies   " + ", ".join(f"{count} {kind}" for kind, count in result.counts.items()),
        *_recoveries(result.recoveries),
        _unavailable(list(result.unavailable.values())),
        "closed      connections of clients:",
        *(f"  {count:3} times {why}" for why, count in history.disconnects.most_common()),
        *_memory(history.memory),
        *(
            f"  {anomaly.kind}: {anomaly.what} {' '.join(anomaly.concerned[:10])}".rstrip()
            for anomaly in result.anomalies[:MOST_SHOWN]
        ),
        "clean" if result.clean else f"NOT CLEAN: {len(result.anomalies)} anomalies",
    ]
    return "\n".join(lines) + "\n"


def _traffic(traffic: TrafficCounts) -> str:
    return f"{traffic.sent} sent, {traffic.acknowledged} acknowledged, {traffic.received} heard"


def _accounts(history: RunHistory) -> str:
    registered = sum(each.reserved for each in history.ownerships)
    revoked = sum(each.revoked is not None for each in history.credentials)
    uses = history.credential_uses
    accepted = sum(use.accepted for use in uses)
    return (
        f"{registered} nicknames reserved, {revoked} credentials revoked; {len(uses)} tried, "
        f"{accepted} accepted; {len(history.markers)} read markers, "
        f"{len(history.conversations)} conversations read"
    )


def _announced(result: CheckResult) -> str:
    lost = f"{len(result.announced)} messages lost with Redis, told {result.gaps_explained} times"
    if result.latest_lost is None:
        return lost
    return f"{lost}; the last acknowledged {result.latest_lost:.2f} s after it"


def _recoveries(recoveries: Sequence[RecoveryTime]) -> list[str]:
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


def _memory(samples: Sequence[MemorySample]) -> list[str]:
    """Return lines of how much memory each process had once warm, half way, and at the end."""
    lines = []
    for process in dict.fromkeys(memory.process for memory in samples):
        own = [memory for memory in samples if memory.process == process]
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
