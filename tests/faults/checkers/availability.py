"""How long clients could not send or receive. This is measured, not judged. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from operator import itemgetter
from typing import Final

from tests.faults.checkers.result import RecoveryTime
from tests.faults.generator import is_guest
from tests.faults.history import InjectedFault, RunHistory, SendOperation

PROMPT_SECONDS: Final = 1.0
"""An acknowledgement that takes longer than this counts as unavailable time."""


def recovery_of(fault: InjectedFault, history: RunHistory) -> RecoveryTime:
    """Return how long it took until each client had an answer, and received something, again.

    Whoever records nothing that it receives, as those of `double_resume`, does not count. Nor do
    devices of accounts: they wait for one another, and sign in anew when they were revoked.
    """
    ended = fault.end
    observers = {each.client for each in history.rooms if is_guest(each.client)}
    answered: dict[str, float] = {}
    for send in history.room_sends:
        is_after = send.client in observers and send.invoked_at >= ended
        if is_after and send.completed_at is not None:
            at = answered.get(send.client, send.completed_at)
            answered[send.client] = min(at, send.completed_at)
    received = _first_received(history, after=ended)
    latest = max([ended, *answered.values(), *received.values()])
    return RecoveryTime(fault.name, fault.target, latest - ended if received else None)


def _first_received(history: RunHistory, *, after: float) -> dict[str, float]:
    """Return when each client first received something that was also sent after that time."""
    sent_at = {send.text: send.invoked_at for send in history.room_sends}
    received: dict[str, float] = {}
    for each in history.rooms:
        if not is_guest(each.client):
            continue
        first = bisect_left(each.received, after, key=itemgetter(2))
        for _, text, at in each.received[first:]:
            if sent_at.get(text, 0.0) >= after:
                received[each.client] = min(received.get(each.client, at), at)
                break
    return received


def unavailable_seconds(sends: Sequence[SendOperation]) -> dict[str, float]:
    """Return, by client, the seconds in which at least one of its messages was overdue."""
    total: dict[str, float] = {}
    covered: dict[str, float] = {}
    for send in sorted(sends, key=lambda each: each.invoked_at):
        total.setdefault(send.client, 0.0)
        if send.completed_at is None:
            continue
        begin = max(send.invoked_at + PROMPT_SECONDS, covered.get(send.client, 0.0))
        if send.completed_at > begin:
            total[send.client] += send.completed_at - begin
            covered[send.client] = send.completed_at
    return total
