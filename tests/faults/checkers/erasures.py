"""What the operator erased must not be readable any more. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.checkers.evidence import Evidence
from tests.faults.checkers.result import Anomaly


def check(evidence: Evidence) -> Iterator[Anomaly]:
    """Yield erased messages that can be read, unless Redis may have lost the erasure."""
    history = evidence.history
    for number, fault in enumerate(history.faults):
        if any(later.losses for later in history.faults[number:]):
            continue
        for text in sorted(fault.erased & history.readable):
            yield Anomaly("not erased", f"it was erased in {fault.target}", (text,))
