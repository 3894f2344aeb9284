"""What the Autobahn test suite found: read from its report, in a few lines. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

ALL_CASES: Final = 301
"""Cases of the suite without those of permessage-deflate, which nodes do not offer."""
_PASSED: Final = frozenset({"OK", "INFORMATIONAL"})


@dataclass(frozen=True)
class Verdict:
    """How one case ended, and how its connection was closed."""

    case: str
    behavior: str
    closing: str

    @property
    def passed(self) -> bool:
        """Whether it is as the RFC says, and nothing less than strict."""
        return self.behavior in _PASSED and self.closing in _PASSED


def read_report(index: Mapping[str, Mapping[str, Any]]) -> list[Verdict]:
    """Return the verdicts in an ``index.json``, in the order of their numbers."""
    [cases] = index.values()
    found = [Verdict(name, of["behavior"], of["behaviorClose"]) for name, of in cases.items()]
    return sorted(found, key=lambda verdict: [int(part) for part in verdict.case.split(".")])


def summary(verdicts: list[Verdict]) -> Iterator[str]:
    """Yield the lines that a person reads: each case that is not passed, and the totals."""
    for each in verdicts:
        if not each.passed:
            yield f"{each.case}: {each.behavior}, closed: {each.closing}"
    totals = Counter(dict.fromkeys(("OK", "INFORMATIONAL", "NON-STRICT", "FAILED"), 0))
    totals.update(each.behavior for each in verdicts)
    counted = ", ".join(f"{number} {word}" for word, number in totals.items())
    yield f"{len(verdicts)} cases: {counted}"


def is_success(verdicts: list[Verdict], *, expected: int | None) -> bool:
    """Return whether all passed, and were as many as ``expected`` if that is known."""
    count = len(verdicts)
    return count > 0 and expected in {None, count} and all(each.passed for each in verdicts)
