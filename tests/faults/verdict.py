"""What comes of judging a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

KINDS: Final = (
    "lost", "duplicated", "reordered", "diverged", "unexpected", "told",
    "ghost", "unlisted", "owned twice", "not erased", "complaint",
)  # fmt: skip


@dataclass(frozen=True)
class Anomaly:
    """Something that must not be, and the messages or names concerned."""

    kind: str
    what: str
    concerned: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recovery:
    """How long after a fault everybody could send and hear again; None if that never came."""

    fault: str
    where: str
    seconds: float | None


@dataclass(frozen=True)
class Traffic:
    """How many messages there were."""

    sent: int
    acknowledged: int
    heard: int


@dataclass
class Verdict:
    """The outcome of a run."""

    anomalies: list[Anomaly]
    recovered: list[str]
    """Messages whose answer is unknown, yet they were delivered."""
    recoveries: list[Recovery]
    unavailable: dict[str, float]
    """Seconds, by client, in which a message waited longer than it should."""
    in_rooms: Traffic
    direct: Traffic
    counts: dict[str, int] = field(default_factory=dict)
    announced: list[str] = field(default_factory=list)
    """Acknowledged messages that Redis lost, of which those who knew of them were told."""
    latest: float | None = None
    """How many seconds after the fault the last of them was acknowledged; negative if before it."""
    told: int = 0
    """How often somebody was told of such a loss."""

    @property
    def clean(self) -> bool:
        """Whether nothing went wrong."""
        return not self.anomalies
