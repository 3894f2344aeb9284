"""Errors that were met, and sessions that ended without a reason to. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.checkers.evidence import Evidence
from tests.faults.checkers.result import Anomaly


def check(evidence: Evidence) -> Iterator[Anomaly]:
    """Yield every error, and every session end that no fault explains."""
    for end in evidence.history.session_ends:
        if not evidence.losses.allow_session_end(end):
            yield Anomaly("error", f"{end.client}'s session ended: {end.reason}")
    for line in evidence.history.errors:
        yield Anomaly("error", line)
