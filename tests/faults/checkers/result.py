"""What comes of judging a history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ANOMALY_KINDS: Final = (
    "lost", "duplicated", "reordered", "diverged", "unexpected", "unexplained gap",
    "ghost", "unlisted", "listed twice", "owned twice", "account lost", "revoked accepted",
    "left open", "read back", "not erased", "error",
)  # fmt: skip


@dataclass(frozen=True)
class Anomaly:
    """A broken promise: its kind, what happened, and the messages or names concerned."""

    kind: str
    what: str
    concerned: tuple[str, ...] = ()


@dataclass(frozen=True)
class RecoveryTime:
    """Seconds after a fault until everybody could send and receive; None if nobody received."""

    fault: str
    target: str
    seconds: float | None


@dataclass(frozen=True)
class TrafficCounts:
    """How many messages were sent, acknowledged and received."""

    sent: int
    acknowledged: int
    received: int


@dataclass
class CheckResult:
    """The composed result of all checkers.

    - ``counts``: anomalies by kind, every kind included
    - ``recovered``: texts of messages that were delivered though their answer never came
    - ``announced``: texts of acknowledged messages that Redis lost, and whose loss was reported
    - ``gaps_explained``: how often a client was rightly told of such a loss
    - ``latest_lost``: seconds after the fault at which the last of ``announced`` was acknowledged;
      negative before it, None if there is none
    - ``unavailable``: seconds, by client, in which a message waited longer than it should
    """

    anomalies: list[Anomaly]
    counts: dict[str, int]
    recovered: list[str]
    recoveries: list[RecoveryTime]
    unavailable: dict[str, float]
    in_rooms: TrafficCounts
    direct: TrafficCounts
    announced: list[str]
    latest_lost: float | None
    gaps_explained: int

    @property
    def clean(self) -> bool:
        """Whether there is no anomaly."""
        return not self.anomalies
