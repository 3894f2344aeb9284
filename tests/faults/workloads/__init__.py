"""Runs other than the chat of `tests.faults.run`: each has its own clients, faults and checks.

Every module offers ``run``, an async function that returns a `WorkloadResult`, and
``add_arguments`` for its options.
"""

from __future__ import annotations

from typing import Protocol


class WorkloadResult(Protocol):
    """What came of a run; ``str`` of it is the whole report."""

    @property
    def clean(self) -> bool:
        """Whether nothing went wrong."""
