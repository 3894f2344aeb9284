"""All checkers over one history. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Final

from tests.faults.checkers import (
    conversations,
    credentials,
    erasures,
    errors,
    inboxes,
    markers,
    nicks,
    rooms,
    rosters,
)
from tests.faults.checkers.availability import unavailable_seconds
from tests.faults.checkers.evidence import Evidence
from tests.faults.checkers.result import ANOMALY_KINDS, Anomaly, CheckResult, TrafficCounts
from tests.faults.history import Observation, RunHistory, SendOperation

Checker = Callable[[Evidence], Iterator[Anomaly]]

CHECKERS: Final[tuple[Checker, ...]] = (
    rooms.check, inboxes.check, conversations.check, erasures.check, rosters.check, nicks.check,
    credentials.check, markers.check, errors.check,
)  # fmt: skip


def check(history: RunHistory, *, patience: float) -> CheckResult:
    """Return what all checkers find; for ``patience`` see `Evidence`."""
    evidence = Evidence(history, patience=patience)
    anomalies = list(chain.from_iterable(checker(evidence) for checker in CHECKERS))
    losses, lost = evidence.losses, evidence.lost_sends
    return CheckResult(
        anomalies=anomalies,
        counts={kind: sum(a.kind == kind for a in anomalies) for kind in ANOMALY_KINDS},
        recovered=rooms.recovered(evidence),
        recoveries=evidence.recoveries,
        unavailable=unavailable_seconds(history.room_sends),
        in_rooms=_traffic(history.room_sends, history.rooms),
        direct=_traffic(history.direct_sends, history.inboxes),
        announced=[send.text for send in lost],
        latest_lost=max(map(losses.seconds_late, lost), default=None),
        gaps_explained=sum(map(losses.allow_gap, history.gaps)),
    )


def _traffic(sends: list[SendOperation], observations: list[Observation]) -> TrafficCounts:
    acknowledged = sum(send.seq is not None for send in sends)
    return TrafficCounts(len(sends), acknowledged, sum(len(each.received) for each in observations))
