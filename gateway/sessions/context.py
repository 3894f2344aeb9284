"""The parts of a node that its connections and sessions work with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.backplane import Backplane
from gateway.config import Settings
from gateway.delivery.relay import Relay
from gateway.observability.metrics import Metrics
from gateway.sessions.bans import NodeBans
from gateway.sessions.registry import SessionRegistry


@dataclass
class NodeContext:
    """The parts of a node; there is one for each node."""

    settings: Settings
    """Replaced as a whole when they are read again: look them up each time."""
    node: str
    backplane: Backplane
    relay: Relay
    registry: SessionRegistry
    bans: NodeBans
    metrics: Metrics
    why_not_ready: Callable[[], str | None]
    admit: Callable[[], float | None]
    """Admit one more client and return None, or return the seconds after which to try again."""
