"""The checkers find what is wrong with accounts, and nothing where there is nothing."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.faults.checkers.compose import check
from tests.faults.history import (
    ConversationRead,
    Credential,
    CredentialUse,
    InjectedFault,
    MarkerSighting,
    NickOwnership,
    Observation,
    RevokedConnection,
    RosterRead,
    RunHistory,
    SendOperation,
)

PASSWORD, FORMER, TOKEN, REVOKED, UNCERTAIN = range(5)
"""The places of credentials, and of what became of trying each, in `clean`."""


def direct(text: str, to: str, at: float) -> SendOperation:
    client, number = text.split(":")
    return SendOperation(client, int(number), to, text, at, int(at), at + 0.2)


def clean() -> RunHistory:
    """One with two devices, of which the second is revoked; they write to r1, who is away."""
    credentials = [
        Credential("a1", "password", "now", since=6.0),
        Credential("a1", "password", "before", since=1.0, doubtful=5.5, revoked=6.0),
        Credential("a1", "token", "first", since=1.0),
        Credential("a1", "token", "second", since=2.0, doubtful=9.5, revoked=10.0),
        Credential("r1", "password", "perhaps"),
    ]
    outcomes = (True, False, True, False, False)
    directs = [
        direct("a1.1:1", "r1", 3.0), direct("a1.2:1", "r1", 4.0), direct("a1.1:2", "r1-7", 5.0),
    ]  # fmt: skip
    there = tuple((seq, send.text) for seq, send in enumerate(directs, 1))
    return RunHistory(
        direct_sends=directs,
        conversations=[ConversationRead("r1", "a1", there), ConversationRead("a1", "r1", there)],
        credentials=credentials,
        credential_uses=[
            CredentialUse(credential, 20.0, 20.1, accepted)
            for credential, accepted in zip(credentials, outcomes, strict=True)
        ],
        revoked_connections=[RevokedConnection("a1", "node 1", 10.0, 10.4, 10.4)],
        markers=[
            MarkerSighting("a1", "a1.1", "lobby", 5, 3.0, 3.1, "answer"),
            MarkerSighting("a1", "a1.2", "lobby", 5, 3.2, 3.2, "event"),
            MarkerSighting("a1", "a1.1", "lobby", 2, 4.0, 4.1, "answer"),
            MarkerSighting("a1", "a1.2", "lobby", 7, 5.0, 5.0, "event"),
            MarkerSighting("a1", "a1.1", "lobby", 7, 6.0, 6.1, "welcome"),
        ],
        ownerships=[
            NickOwnership("a1", "anna", 1.0, 8.0, reserved=True),
            NickOwnership("a1", "ada", 8.5, reserved=True),
            NickOwnership("c1", "anna", 9.0),
        ],
        roster_reads=[RosterRead("c1", "garden", 9.0, frozenset({"ada"}))],
    )


def found(history: RunHistory) -> dict[str, int]:
    counts = check(history, patience=2).counts
    return {kind: count for kind, count in counts.items() if count}


def use(history: RunHistory, place: int, **changed: object) -> None:
    history.credential_uses[place] = replace(history.credential_uses[place], **changed)  # type: ignore[arg-type]


def undoing(since: float, began: float, ended: float) -> InjectedFault:
    return InjectedFault("roll_back", "redis", began, ended, losses=1, undone_since=since)


def test_a_clean_history_passes() -> None:
    result = check(clean(), patience=2)
    assert result.clean, result.anomalies


def registration_lost(history: RunHistory) -> None:
    history.credentials[UNCERTAIN].since = 7.0


def password_change_undone(history: RunHistory) -> None:
    use(history, PASSWORD, accepted=False)


def former_password_accepted(history: RunHistory) -> None:
    use(history, FORMER, accepted=True)


def device_forgotten(history: RunHistory) -> None:
    use(history, TOKEN, accepted=False)


def revoked_token_accepted(history: RunHistory) -> None:
    use(history, REVOKED, accepted=True, invoked_at=11.1)


def session_of_revoked_device_resumed(history: RunHistory) -> None:
    session = Credential("a1", "session", "s", doubtful=9.5, revoked=10.0)
    history.credential_uses.append(CredentialUse(session, 12.0, 12.1, accepted=True))


def revoked_token_accepted_after_a_failover(history: RunHistory) -> None:
    revoked_token_accepted(history)
    history.faults.append(InjectedFault("failover", "redis", 10.5, 10.8, losses=1))


def revoked_token_accepted_long_after_a_roll_back(history: RunHistory) -> None:
    use(history, REVOKED, accepted=True)
    history.faults.append(undoing(9.0, 9.0, 11.0))


def registration_from_before_a_roll_back_lost(history: RunHistory) -> None:
    device_forgotten(history)
    history.faults.append(undoing(9.0, 9.0, 11.0))


def never_closed(history: RunHistory) -> None:
    history.revoked_connections = [RevokedConnection("a1", "node 1", 10.0, None, 15.0)]


def closed_late(history: RunHistory) -> None:
    history.revoked_connections = [RevokedConnection("a1", "node 1", 10.0, 12.5, 12.5)]


def marker_back_at_sign_in(history: RunHistory) -> None:
    history.markers[-1] = replace(history.markers[-1], seq=4)


def marker_back_on_another_device(history: RunHistory) -> None:
    history.markers[3] = replace(history.markers[3], seq=3)


def not_kept_for_who_was_away(history: RunHistory) -> None:
    there = history.conversations[0].messages
    history.conversations[0] = replace(history.conversations[0], messages=there[:1] + there[2:])


def kept_twice(history: RunHistory) -> None:
    there = history.conversations[0].messages
    history.conversations[0] = replace(
        history.conversations[0], messages=(*there, (4, there[0][1]))
    )


def kept_out_of_order(history: RunHistory) -> None:
    (_, one), two, (_, three) = history.conversations[0].messages
    history.conversations[0] = replace(
        history.conversations[0], messages=((1, three), two, (3, one))
    )
    history.direct_sends[2].target = "r1"


def read_backwards(history: RunHistory) -> None:
    there = history.conversations[0].messages
    history.conversations[0] = replace(history.conversations[0], messages=there[::-1])


def of_somebody_else(history: RunHistory) -> None:
    there = history.conversations[0].messages
    history.conversations[0] = replace(history.conversations[0], messages=(*there, (4, "a2.1:1")))


def two_registered_one_nickname(history: RunHistory) -> None:
    history.ownerships.append(NickOwnership("r1", "ada", 9.0, reserved=True))


def guest_has_a_reserved_nickname(history: RunHistory) -> None:
    history.ownerships.append(NickOwnership("intruder", "Ada", 9.0, 9.1))


def listed_twice(history: RunHistory) -> None:
    history.roster_reads[0] = replace(history.roster_reads[0], repeated=("ada",))


@pytest.mark.parametrize(
    ("plant", "kind"),
    [
        (registration_lost, "account lost"),
        (password_change_undone, "account lost"),
        (device_forgotten, "account lost"),
        (registration_from_before_a_roll_back_lost, "account lost"),
        (former_password_accepted, "revoked accepted"),
        (revoked_token_accepted, "revoked accepted"),
        (session_of_revoked_device_resumed, "revoked accepted"),
        (revoked_token_accepted_after_a_failover, "revoked accepted"),
        (revoked_token_accepted_long_after_a_roll_back, "revoked accepted"),
        (never_closed, "left open"),
        (closed_late, "left open"),
        (marker_back_at_sign_in, "read back"),
        (marker_back_on_another_device, "read back"),
        (not_kept_for_who_was_away, "lost"),
        (kept_twice, "duplicated"),
        (kept_out_of_order, "reordered"),
        (read_backwards, "reordered"),
        (of_somebody_else, "unexpected"),
        (two_registered_one_nickname, "owned twice"),
        (guest_has_a_reserved_nickname, "owned twice"),
        (listed_twice, "listed twice"),
    ],
)
def test_what_is_planted_is_found(plant: Callable[[RunHistory], None], kind: str) -> None:
    history = clean()
    plant(history)
    assert list(found(history)) == [kind], check(history, patience=2).anomalies


def emptied(plant: Callable[[RunHistory], None]) -> Callable[[RunHistory], None]:
    """Return what is planted where Redis was emptied afterwards."""

    def plant_both(history: RunHistory) -> None:
        plant(history)
        history.faults.append(undoing(-math.inf, 8.6, 8.7))

    return plant_both


def uncertain_change_not_kept(history: RunHistory) -> None:
    history.credentials[PASSWORD].since = None
    use(history, PASSWORD, accepted=False)


def uncertain_change_kept(history: RunHistory) -> None:
    history.credentials[FORMER].revoked = None
    use(history, FORMER, accepted=True)


def refused_while_it_is_being_revoked(history: RunHistory) -> None:
    history.credentials[TOKEN].doubtful = 20.05
    device_forgotten(history)


def accepted_within_a_second(history: RunHistory) -> None:
    use(history, REVOKED, accepted=True, invoked_at=10.9)


def revoked_again_after_a_roll_back(history: RunHistory) -> None:
    use(history, REVOKED, accepted=True, invoked_at=11.9)
    history.faults.append(undoing(9.0, 9.0, 11.0))


def marker_lost_with_redis(history: RunHistory) -> None:
    marker_back_at_sign_in(history)
    history.faults.append(InjectedFault("failover", "redis", 3.0, 5.5, losses=1))


def closed_once_the_node_was_there_again(history: RunHistory) -> None:
    closed_late(history)
    history.faults.append(InjectedFault("partition", "node 1", 10.5, 12.0))


@pytest.mark.parametrize(
    "plant",
    [
        uncertain_change_not_kept,
        uncertain_change_kept,
        refused_while_it_is_being_revoked,
        accepted_within_a_second,
        revoked_again_after_a_roll_back,
        marker_lost_with_redis,
        closed_once_the_node_was_there_again,
        emptied(device_forgotten),
        emptied(guest_has_a_reserved_nickname),
    ],
)
def test_what_is_uncertain_or_explained_counts_neither_way(
    plant: Callable[[RunHistory], None],
) -> None:
    history = clean()
    plant(history)
    assert not found(history), check(history, patience=2).anomalies


def test_a_message_that_redis_lost_with_its_primary_may_be_missing() -> None:
    history = clean()
    not_kept_for_who_was_away(history)
    history.faults.append(InjectedFault("failover", "redis", 3.5, 4.5, losses=1))
    assert not found(history)


@pytest.mark.parametrize(("since", "kinds"), [(4.0, ["lost"]), (4.5, [])])
def test_a_message_to_an_account_that_was_lost_is_not_its_successors(
    since: float, kinds: list[str]
) -> None:
    """The message that is missing was sent at 4.0."""
    history = clean()
    not_kept_for_who_was_away(history)
    history.conversations[0] = replace(history.conversations[0], since=since)
    assert list(found(history)) == kinds


def test_an_inbox_that_outlives_sessions_begins_with_the_first_message() -> None:
    history = clean()
    history.inboxes = [
        Observation("a1.1", "inbox 1", "e", -1, 10.0, kept=True),
        Observation("a1.2", "inbox 2", "e", 2, 4.5, [(3, "a1.1:2", 5.1)], kept=True),
    ]
    assert not found(history)
