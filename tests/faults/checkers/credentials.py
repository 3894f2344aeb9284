"""Accounts stay: what was acknowledged lets in, and what was revoked does not. Pure.

This is promised of what is durable, so that a failover explains nothing. What is uncertain counts
neither way. Only where Redis went back to an older state is what was acknowledged since then gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from tests.faults.checkers.evidence import Evidence
from tests.faults.checkers.result import Anomaly
from tests.faults.checkers.rosters import Span, unwell_spans
from tests.faults.history import Credential, CredentialUse, InjectedFault, RevokedConnection

REVOKED_SECONDS: Final = 1.0
"""Within how many seconds a revocation holds on every node."""
CLOSING_SECONDS: Final = 1.0
"""How long it may take on a busy machine until its client reads that a connection was closed."""


def check(evidence: Evidence) -> Iterator[Anomaly]:
    """Yield what was wrongly accepted, wrongly refused, and left open."""
    faults = evidence.history.faults
    unwell = unwell_spans(faults, evidence.recoveries)
    for use in evidence.history.credential_uses:
        if use.accepted:
            if _was_revoked(use) and not _is_restored(use, faults, unwell):
                yield Anomaly("revoked accepted", _description(use))
        elif _must_hold(use) and not _is_lost(use, faults):
            yield Anomaly("account lost", _description(use))
    for connection in evidence.history.revoked_connections:
        if _was_left_open(connection, unwell):
            yield Anomaly("left open", _how_long(connection))


def _was_revoked(use: CredentialUse) -> bool:
    revoked = use.credential.revoked
    return revoked is not None and use.invoked_at > revoked + REVOKED_SECONDS


def _must_hold(use: CredentialUse) -> bool:
    credential = use.credential
    if credential.since is None or credential.since > use.invoked_at:
        return False
    return credential.doubtful is None or credential.doubtful > use.answered_at


def _undoing(at: float, until: float, faults: Sequence[InjectedFault]) -> Iterator[InjectedFault]:
    """Yield the faults that undid what was acknowledged at a time, and began before another."""
    for fault in faults:
        undone = fault.undone_since
        if undone is not None and undone <= at <= fault.end and fault.began <= until:
            yield fault


def _is_lost(use: CredentialUse, faults: Sequence[InjectedFault]) -> bool:
    assert use.credential.since is not None
    return any(_undoing(use.credential.since, use.answered_at, faults))


def _is_restored(
    use: CredentialUse, faults: Sequence[InjectedFault], unwell: Sequence[Span]
) -> bool:
    """Return whether Redis had gone back to when the credential was valid.

    The nodes revoke devices again as soon as everything works; a password stays the earlier one.
    """
    credential = use.credential
    assert credential.revoked is not None
    undoing = list(_undoing(credential.revoked, use.answered_at, faults))
    if credential.kind == "password":
        return bool(undoing)
    return any(
        began <= fault.end and use.invoked_at <= ended + REVOKED_SECONDS
        for fault in undoing
        for began, ended in unwell
        if fault.began <= ended
    )


def _was_left_open(connection: RevokedConnection, unwell: Sequence[Span]) -> bool:
    """Return whether a connection was open for too long while every node could be reached."""
    due = connection.revoked
    for began, ended in unwell:
        if began <= due + REVOKED_SECONDS and ended > due:
            due = ended
    due += REVOKED_SECONDS + CLOSING_SECONDS
    return (connection.watched_until if connection.closed is None else connection.closed) > due


def _description(use: CredentialUse) -> str:
    credential = use.credential
    return (
        f"{credential.account}'s {credential.kind} at {use.invoked_at:.2f} {use.where}: "
        f"{_times(credential)}"
    )


def _times(credential: Credential) -> str:
    times = {
        "since": credential.since, "doubtful": credential.doubtful, "revoked": credential.revoked,
    }  # fmt: skip
    return ", ".join(f"{what} {at:.2f}" for what, at in times.items() if at is not None)


def _how_long(connection: RevokedConnection) -> str:
    seconds = (connection.closed or connection.watched_until) - connection.revoked
    return (
        f"a connection of {connection.account} to {connection.node}, revoked at "
        f"{connection.revoked:.2f}, for {seconds:.2f} s"
    )
