"""The checker of the fault runs finds each planted anomaly, and none where there is none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.faults.checker import check
from tests.faults.history import (
    History,
    Hole,
    Listing,
    Presence,
    Sending,
    Stay,
    Strike,
    Tenure,
)
from tests.faults.verdict import KINDS, Traffic


def clean() -> History:
    """Two people who said two things each, and one more whose answer never came."""
    texts = ["a:1", "b:1", "a:2", "b:2", "a:3"]
    sendings = [
        Sending(text[0], int(text[2]), "lobby", text, seq, seq, seq + 0.5)
        for seq, text in enumerate(texts, 1)
    ]
    sendings[-1].seq, sendings[-1].answered_at = None, None
    heard = [(seq, text, seq + 0.1) for seq, text in enumerate(texts, 1)]
    return History(
        sendings=sendings,
        stays=[Stay(who, "lobby", "e", 0, heard=list(heard), kept=True) for who in "ab"],
        tenures=[Tenure("a", "anna", 0, 3), Tenure("b", "Anna", 3), Tenure("a", "ada", 3)],
        presences=[Presence("anna", "lobby", 0, 3), Presence("ada", "lobby", 3)],
        listings=[
            Listing("a", "lobby", 4, frozenset({"anna", "ada"})),
            Listing("a", "lobby", 9, frozenset({"ada"}), final=True),
        ],
        strikes=[Strike("kill", "node 1", 1.5, 2.0)],
        logs={(who, "lobby"): list(enumerate(texts, 1)) for who in "ab"},
    )


def found(history: History) -> dict[str, int]:
    counts = check(history, patience=2).counts
    return {kind: count for kind, count in counts.items() if count}


def test_a_clean_history_passes() -> None:
    verdict = check(clean(), patience=2)
    assert verdict.clean
    assert verdict.recovered == ["a:3"]
    assert verdict.in_rooms == Traffic(sent=5, acknowledged=4, heard=10)
    assert verdict.recoveries[0].seconds == pytest.approx(1.5), "a was answered at 3.5"
    assert set(verdict.counts) == set(KINDS)


def log_lost(history: History) -> None:
    for log in history.logs.values():
        log.remove((2, "b:1"))
    for stay in history.stays:
        del stay.heard[1]


def not_heard(history: History) -> None:
    del history.stays[1].heard[2]


def end_not_heard(history: History) -> None:
    del history.stays[1].heard[-1]


def doubled_in_log(history: History) -> None:
    for log in history.logs.values():
        log.append((6, "a:2"))
    for stay in history.stays:
        stay.heard.append((6, "a:2", 7.0))


def heard_twice(history: History) -> None:
    history.stays[0].heard.insert(2, (2, "b:1", 2.2))


def heard_out_of_order(history: History) -> None:
    heard = history.stays[0].heard
    heard[1], heard[2] = heard[2], heard[1]


def overtaken(history: History) -> None:
    history.sendings[0].number, history.sendings[2].number = 2, 1


def two_orders(history: History) -> None:
    history.stays[1].heard[1] = (2, "a:2", 2.1)
    history.stays[1].heard[2] = (3, "b:1", 3.1)


def two_logs(history: History) -> None:
    history.logs["b", "lobby"].pop()


def other_answer(history: History) -> None:
    history.sendings[0].seq = 2


def never_said(history: History) -> None:
    del history.sendings[-1]


def told(history: History) -> None:
    history.holes.append(Hole("a", "lobby", "history_gap", "e", 2, 4, 5.0))


def ghost_at_last(history: History) -> None:
    history.listings.append(Listing("b", "lobby", 9, frozenset({"ada", "anna"}), final=True))


def ghost_meanwhile(history: History) -> None:
    history.listings.append(Listing("b", "lobby", 6.5, frozenset({"ada", "anna"})))


def unlisted(history: History) -> None:
    history.listings.append(Listing("b", "lobby", 9, frozenset(), final=True))


def owned_twice(history: History) -> None:
    history.tenures[0].until = 3.25


def not_erased(history: History) -> None:
    history.strikes.append(Strike("purge", "lobby", 4.0, 4.0, erased=frozenset({"a:1", "b:1"})))
    history.readable = {"b:1", "a:2"}


def complained(history: History) -> None:
    history.complaints.append("connection failed")


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
        (told, "told"),
        (ghost_at_last, "ghost"),
        (ghost_meanwhile, "ghost"),
        (unlisted, "unlisted"),
        (owned_twice, "owned twice"),
        (not_erased, "not erased"),
        (complained, "complaint"),
    ],
)
def test_what_is_planted_is_found(plant: Callable[[History], None], kind: str) -> None:
    history = clean()
    plant(history)
    assert found(history).get(kind), found(history)


def test_where_somebody_left_nothing_later_is_missed() -> None:
    history = clean()
    history.stays[1].kept = False
    del history.stays[1].heard[3:]
    assert not found(history)


def test_the_time_of_a_fault_does_not_count_against_a_listing() -> None:
    history = clean()
    ghost_meanwhile(history)
    history.strikes.append(Strike("redis_restart", "redis", 3.0, 5.0))
    assert not found(history)


def test_how_long_a_name_was_owned_twice_and_by_whom_is_told() -> None:
    history = clean()
    owned_twice(history)
    [anomaly] = check(history, patience=2).anomalies
    assert anomaly.what == "a and b both had anna for 0.250 s"
    assert anomaly.concerned == ("anna",)


def test_whoever_waits_too_long_counts_as_unavailable_once() -> None:
    history = clean()
    history.sendings[0].answered_at = 6.0
    history.sendings[2].answered_at = 7.0
    assert check(history, patience=2).unavailable == {"a": 5.0, "b": 0.0}


def test_an_erasure_that_redis_may_have_lost_is_not_missed() -> None:
    history = clean()
    not_erased(history)
    history.strikes.append(Strike("failover", "redis", 5.0, 5.1, losses=1))
    assert not found(history)


def test_nor_does_the_time_until_everybody_is_well_again() -> None:
    history = clean()
    ghost_meanwhile(history)
    history.strikes.append(Strike("failover", "redis", 3.0, 3.1))
    history.sendings[0].asked_at, history.sendings[0].answered_at = 3.2, 5.0
    assert not found(history)
