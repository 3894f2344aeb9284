"""Read markers never go back, as far as any device of the account can see. Pure.

They are not waited for: a failover may lose the last ones, as it may lose messages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.faults.checkers.evidence import Evidence
from tests.faults.checkers.losses import SLACK_SECONDS
from tests.faults.checkers.result import Anomaly
from tests.faults.history import InjectedFault, MarkerSighting


def check(evidence: Evidence) -> Iterator[Anomaly]:
    """Yield every marker that is behind one that was known before."""
    lossy = [fault for fault in evidence.history.faults if fault.losses]
    by_marker: dict[tuple[str, str], list[MarkerSighting]] = {}
    for sighting in evidence.history.markers:
        by_marker.setdefault((sighting.account, sighting.room), []).append(sighting)
    for (account, room), sightings in by_marker.items():
        for later in sightings:
            for earlier in sightings:
                if _is_behind(later, earlier) and not _may_be_lost(earlier, later, lossy):
                    what = (
                        f"{later.device}, {later.source} at {later.at:.2f}: {later.seq} in {room}; "
                        f"{earlier.device}, {earlier.source} at {earlier.at:.2f}: {earlier.seq}"
                    )
                    yield Anomaly("read back", what, (account,))
                    break


def _is_behind(later: MarkerSighting, earlier: MarkerSighting) -> bool:
    """Return whether the earlier one is further, and was known when the later one was asked for.

    An event comes to each device in its own time: it is compared with those of the same device.
    The answer to a command that set the marker back says nothing of where it is.
    """
    if later.source == "answer" or earlier.at > later.invoked_at or earlier.seq <= later.seq:
        return False
    if later.source == "event":
        return earlier.device == later.device and earlier.source == "event"
    return True


def _may_be_lost(
    earlier: MarkerSighting, later: MarkerSighting, lossy: Sequence[InjectedFault]
) -> bool:
    """Return whether Redis may have lost the earlier one before the later one."""
    for fault in lossy:
        since = fault.began if fault.undone_since is None else fault.undone_since
        until = fault.end + (fault.late or 0.0) + SLACK_SECONDS
        if since <= earlier.at and earlier.invoked_at <= until and fault.began <= later.at:
            return True
    return False
