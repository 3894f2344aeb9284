"""Rosters show who is there: nobody who is gone, and at the end everybody who is not. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.faults.checkers.evidence import Evidence
from tests.faults.checkers.result import Anomaly, RecoveryTime
from tests.faults.history import InjectedFault, RoomMembership, RosterRead

Span = tuple[float, float]
"""A stretch of time: its beginning and its end."""


def check(evidence: Evidence) -> Iterator[Anomaly]:
    """Yield who was listed though gone for too long, and who was not listed at the end.

    The time of faults, and until everybody has recovered from them, does not count.
    """
    history = evidence.history
    unwell = unwell_spans(history.faults, evidence.recoveries)
    by_room: dict[str, list[RoomMembership]] = {}
    for membership in history.memberships:
        by_room.setdefault(membership.room, []).append(membership)
    for read in history.roster_reads:
        memberships = by_room.get(read.room, [])
        for nick in sorted(read.nicks):
            gone = _seconds_gone(nick, memberships, read, unwell)
            if gone > evidence.patience or (read.final and gone > 0):
                what = f"{read.client} saw {nick} in {read.room}, gone for {gone:.1f} s"
                yield Anomaly("ghost", what, (nick,))
        for nick in read.repeated:
            yield Anomaly("listed twice", f"{read.client} saw {nick} twice in {read.room}", (nick,))
        if read.final:
            present = {each.nick for each in memberships if each.until is None}
            for nick in sorted(present - read.nicks):
                what = f"{read.client} did not see {nick} in {read.room}"
                yield Anomaly("unlisted", what, (nick,))


def unwell_spans(faults: Sequence[InjectedFault], recoveries: Sequence[RecoveryTime]) -> list[Span]:
    """Return when a fault was there or somebody had not recovered; in order, without overlaps."""
    spans: list[Span] = []
    for fault, recovery in zip(faults, recoveries, strict=True):
        began, ended = fault.began, fault.end + (recovery.seconds or 0.0)
        if spans and began <= spans[-1][1]:
            began, ended = spans[-1][0], max(ended, spans.pop()[1])
        spans.append((began, ended))
    return spans


def _seconds_gone(
    nick: str, memberships: Sequence[RoomMembership], read: RosterRead, unwell: Sequence[Span]
) -> float:
    """Return for how long somebody who was listed had been gone, outside of ``unwell``."""
    own = [each for each in memberships if each.nick == nick and each.since <= read.invoked_at]
    ends = [each.until for each in own if each.until is not None]
    if len(ends) < len(own) or not own:
        return 0.0  # present, or about to be: others may know of a join before its own answer
    gone_at = max(ends)
    excused = sum(
        max(0.0, min(end, read.invoked_at) - max(begin, gone_at)) for begin, end in unwell
    )
    return max(0.0, read.invoked_at - gone_at - excused)
