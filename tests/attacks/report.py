"""The table of what attacks cost, a row for each, and what is below it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.attacks.bounds import Cost, Level, Verdict

HEADING: Final = (
    f"{'':17}{'from':>5} {'echo before':^15} {'echo under attack':^21} {'not attacked':^14}"
    f" {'':>6} {'newcomer':^14} {'node MiB':^16}{'after':>5} {'Redis MiB':^16} {'CPU %':^10}\n"
    f"{'attack':17}{'addr.':>5} {'p50':>5}{'p99':>5}{'max':>5} {'p50':>7}{'p99':>7}{'max':>7}"
    f" {'p99':>7}{'max':>7} {'closed':>6} {'worst':>7}{'other':>7}"
    f" {'before':>6}{'most':>5}{'now':>5}{'s':>5}"
    f" {'before':>6}{'most':>5}{'now':>5} {'node':>4}{'redis':>6}\n"
)
"""The names of the columns; times are in ms where nothing else is said."""
_MOST_OUTCOMES: Final = 8


def row(cost: Cost, verdict: Verdict) -> str:
    """Return the lines of one attack."""
    state = "BROKEN" if verdict.broken else "noisy" if verdict.noisy else "held"
    figures = (
        f"{cost.attack:17}{cost.sources:5} {_times(*cost.before, width=5)}"
        f" {_times(*cost.during, width=7)} {_times(*cost.elsewhere[1:], width=7)}"
        f" {sum(cost.closed.values()):6} {_times(cost.newcomer, cost.newcomer_elsewhere, width=7)}"
        f" {_level(cost.node, 0)}{cost.settled:5.1f} {_level(cost.redis, 1)}"
        f" {cost.node_cpu * 100:4.0f}{cost.redis_cpu * 100:6.0f} {state}"
    )
    lines = [
        figures,
        f"{'':23}attackers: {_outcomes(cost.outcomes)}",
        *(f"{'':23}BROKEN: {what}" for what in verdict.broken),
        *(f"{'':23}noisy: {what}" for what in verdict.noisy),
    ]
    return "\n".join(lines) + "\n"


def _times(*seconds: float, width: int) -> str:
    return "".join(f"{each * 1000:{width}.0f}" for each in seconds)


def _level(level: Level, digits: int) -> str:
    before, most, now = (f"{mib:.{digits}f}" for mib in level)
    return f"{before:>6}{most:>5}{now:>5}"


def _outcomes(outcomes: Mapping[str, int]) -> str:
    most = sorted(outcomes.items(), key=lambda outcome: -outcome[1])[:_MOST_OUTCOMES]
    return ", ".join(f"{what} {count:,}" for what, count in most) or "nothing"
