"""A history with what several checkers derive from it. Pure."""

from __future__ import annotations

from functools import cached_property

from tests.faults.checkers.availability import recovery_of
from tests.faults.checkers.losses import AllowedLosses, Logs
from tests.faults.checkers.result import RecoveryTime
from tests.faults.history import RunHistory, SendOperation


class Evidence:
    """What every checker is given.

    ``patience``: seconds after a fault in which who is gone may stay listed, and in which everybody
    must be told of a loss.
    """

    def __init__(self, history: RunHistory, *, patience: float) -> None:
        self.history = history
        self.patience = patience

    @cached_property
    def logs(self) -> Logs:
        """Every client's last read of each room."""
        logs: Logs = {}
        for (_, room), messages in sorted(self.history.final_reads.items()):
            logs.setdefault(room, []).append(dict(messages))
        return logs

    @cached_property
    def losses(self) -> AllowedLosses:
        """What the faults allow Redis to have lost."""
        return AllowedLosses(self.history, self.logs, patience=self.patience)

    @cached_property
    def lost_sends(self) -> list[SendOperation]:
        """The acknowledged messages in rooms that are gone, and may be."""
        return [send for send in self.history.room_sends if self.losses.allow_send(send)]

    @cached_property
    def recoveries(self) -> list[RecoveryTime]:
        """How long everybody took to recover from each fault."""
        return [recovery_of(fault, self.history) for fault in self.history.faults]
