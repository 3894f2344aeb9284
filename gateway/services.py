"""What every connection and session of a node works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.backplane import Backplane
from gateway.config import Settings
from gateway.metrics import Metrics
from gateway.relay import Relay
from gateway.standings import Standings


@dataclass(frozen=True)
class Services:
    """The parts of a node, put together once."""

    settings: Settings
    node: str
    backplane: Backplane
    relay: Relay
    standings: Standings
    metrics: Metrics
    why_not_ready: Callable[[], str | None]
    take_in: Callable[[], float | None]
    """Lets one more client in, or gives the seconds after which it may try again."""
