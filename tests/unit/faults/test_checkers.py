"""The checkers find each planted anomaly, and none where there is none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.faults.checkers.compose import check
from tests.faults.checkers.result import ANOMALY_KINDS, TrafficCounts
from tests.faults.history import (
    InjectedFault,
    NickOwnership,
    Observation,
    ReportedGap,
    RoomMembership,
    RosterRead,
    RunHistory,
    SendOperation,
)


def clean() -> RunHistory:
    """Two people who said two things each, and one more whose answer never came."""
    texts = ["a:1", "b:1", "a:2", "b:2", "a:3"]
    sends = [
        SendOperation(text[0], int(text[2]), "lobby", text, seq, seq, seq + 0.5)
        for seq, text in enumerate(texts, 1)
    ]
    sends[-1].seq, sends[-1].completed_at = None, None
    heard = [(seq, text, seq + 0.1) for seq, text in enumerate(texts, 1)]
    return RunHistory(
        room_sends=sends,
        rooms=[Observation(who, "lobby", "e", 0, received=list(heard), kept=True) for who in "ab"],
        ownerships=[
            NickOwnership("a", "anna", 0, 3),
            NickOwnership("b", "Anna", 3),
            NickOwnership("a", "ada", 3),
        ],
        memberships=[RoomMembership("anna", "lobby", 0, 3), RoomMembership("ada", "lobby", 3)],
        roster_reads=[
            RosterRead("a", "lobby", 4, frozenset({"anna", "ada"})),
            RosterRead("a", "lobby", 9, frozenset({"ada"}), final=True),
        ],
        faults=[InjectedFault("kill", "node 1", 1.5, 2.0)],
        final_reads={(who, "lobby"): list(enumerate(texts, 1)) for who in "ab"},
    )


def found(history: RunHistory) -> dict[str, int]:
    counts = check(history, patience=2).counts
    return {kind: count for kind, count in counts.items() if count}


def test_a_clean_history_passes() -> None:
    result = check(clean(), patience=2)
    assert result.clean
    assert result.recovered == ["a:3"]
    assert result.in_rooms == TrafficCounts(sent=5, acknowledged=4, received=10)
    assert result.recoveries[0].seconds == pytest.approx(1.5), "a was answered at 3.5"
    assert set(result.counts) == set(ANOMALY_KINDS)


def log_lost(history: RunHistory) -> None:
    for log in history.final_reads.values():
        log.remove((2, "b:1"))
    for observation in history.rooms:
        del observation.received[1]


def not_heard(history: RunHistory) -> None:
    del history.rooms[1].received[2]


def end_not_heard(history: RunHistory) -> None:
    del history.rooms[1].received[-1]


def doubled_in_log(history: RunHistory) -> None:
    for log in history.final_reads.values():
        log.append((6, "a:2"))
    for observation in history.rooms:
        observation.received.append((6, "a:2", 7.0))


def heard_twice(history: RunHistory) -> None:
    history.rooms[0].received.insert(2, (2, "b:1", 2.2))


def heard_out_of_order(history: RunHistory) -> None:
    heard = history.rooms[0].received
    heard[1], heard[2] = heard[2], heard[1]


def overtaken(history: RunHistory) -> None:
    history.room_sends[0].number, history.room_sends[2].number = 2, 1


def two_orders(history: RunHistory) -> None:
    history.rooms[1].received[1] = (2, "a:2", 2.1)
    history.rooms[1].received[2] = (3, "b:1", 3.1)


def two_logs(history: RunHistory) -> None:
    history.final_reads["b", "lobby"].pop()


def other_answer(history: RunHistory) -> None:
    history.room_sends[0].seq = 2


def never_said(history: RunHistory) -> None:
    del history.room_sends[-1]


def told(history: RunHistory) -> None:
    history.gaps.append(ReportedGap("a", "lobby", "history_gap", "e", 2, 4, 5.0))


def ghost_at_last(history: RunHistory) -> None:
    history.roster_reads.append(RosterRead("b", "lobby", 9, frozenset({"ada", "anna"}), final=True))


def ghost_meanwhile(history: RunHistory) -> None:
    history.roster_reads.append(RosterRead("b", "lobby", 6.5, frozenset({"ada", "anna"})))


def unlisted(history: RunHistory) -> None:
    history.roster_reads.append(RosterRead("b", "lobby", 9, frozenset(), final=True))


def owned_twice(history: RunHistory) -> None:
    history.ownerships[0].until = 3.25


def not_erased(history: RunHistory) -> None:
    history.faults.append(
        InjectedFault("purge", "lobby", 4.0, 4.0, erased=frozenset({"a:1", "b:1"}))
    )
    history.readable = {"b:1", "a:2"}


def logged_an_error(history: RunHistory) -> None:
    history.errors.append("connection failed")


@pytest.mark.parametrize(
    ("plant", "kind"),
    [
        (log_lost, "lost"),
        (not_heard, "lost"),
        (end_not_heard, "lost"),
        (doubled_in_log, "duplicated"),
        (heard_twice, "duplicated"),
        (heard_out_of_order, "reordered"),
        (overtaken, "reordered"),
        (two_orders, "diverged"),
        (two_logs, "diverged"),
        (other_answer, "diverged"),
        (never_said, "unexpected"),
        (told, "unexplained gap"),
        (ghost_at_last, "ghost"),
        (ghost_meanwhile, "ghost"),
        (unlisted, "unlisted"),
        (owned_twice, "owned twice"),
        (not_erased, "not erased"),
        (logged_an_error, "error"),
    ],
)
def test_what_is_planted_is_found(plant: Callable[[RunHistory], None], kind: str) -> None:
    history = clean()
    plant(history)
    assert found(history).get(kind), found(history)


def test_where_somebody_left_nothing_later_is_missed() -> None:
    history = clean()
    history.rooms[1].kept = False
    del history.rooms[1].received[3:]
    assert not found(history)


def test_the_time_of_a_fault_does_not_count_against_a_roster() -> None:
    history = clean()
    ghost_meanwhile(history)
    history.faults.append(InjectedFault("redis_restart", "redis", 3.0, 5.0))
    assert not found(history)


def test_how_long_a_name_was_owned_twice_and_by_whom_is_told() -> None:
    history = clean()
    owned_twice(history)
    [anomaly] = check(history, patience=2).anomalies
    assert anomaly.what == "a and b both had anna for 0.250 s"
    assert anomaly.concerned == ("anna",)


def test_a_device_that_says_nothing_for_long_delays_no_recovery() -> None:
    history = clean()
    late = SendOperation("d.1", 1, "lobby", "d.1:1", 50.0, 6, 50.5)
    history.room_sends.append(late)
    history.rooms.append(Observation("d.1", "lobby", "e", 5, 3.0, [(6, "d.1:1", 50.6)]))
    result = check(history, patience=2)
    assert result.recoveries[0].seconds == pytest.approx(1.5)


def test_whoever_waits_too_long_counts_as_unavailable_once() -> None:
    history = clean()
    history.room_sends[0].completed_at = 6.0
    history.room_sends[2].completed_at = 7.0
    assert check(history, patience=2).unavailable == {"a": 5.0, "b": 0.0}


def test_an_erasure_that_redis_may_have_lost_is_not_missed() -> None:
    history = clean()
    not_erased(history)
    history.faults.append(InjectedFault("failover", "redis", 5.0, 5.1, losses=1))
    assert not found(history)


def test_the_time_until_everybody_has_recovered_does_not_count_against_a_roster() -> None:
    history = clean()
    ghost_meanwhile(history)
    history.faults.append(InjectedFault("failover", "redis", 3.0, 3.1))
    history.room_sends[0].invoked_at, history.room_sends[0].completed_at = 3.2, 5.0
    assert not found(history)
