"""What Redis lost in a failover breaks no promise, but only if everybody concerned was told."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.faults.checkers.compose import check
from tests.faults.checkers.result import CheckResult
from tests.faults.close_reasons import NICK_LOST_REASON
from tests.faults.history import (
    InjectedFault,
    Observation,
    ReportedGap,
    RunHistory,
    SendOperation,
    SessionEnd,
)

PATIENCE = 5.0


def went_back(epoch: str, kept: int, fault: InjectedFault) -> RunHistory:
    """Redis lost ``a:2``, which both had heard, and all after so many; ``b:1`` took the place."""
    sends = [
        SendOperation("a", 1, "lobby", "a:1", 1.0, 1, 1.1),
        SendOperation("a", 2, "lobby", "a:2", 2.5, 2, 2.6),
        SendOperation("b", 1, "lobby", "b:1", 5.0, kept + 1, 5.1),
    ]
    gaps = [ReportedGap(who, "lobby", "history_lost", epoch, 2, kept, 4.0) for who in "ab"]
    before = [
        Observation(
            who, "lobby", "e", 0, 0.0, [(1, "a:1", 1.1), (2, "a:2", 2.6)], ended=4.0, gap=gap
        )
        for who, gap in zip("ab", gaps, strict=True)
    ]
    said = [(kept + 1, "b:1", 5.1)]
    after = [Observation(who, "lobby", epoch, kept, 4.0, [*said], kept=True) for who in "ab"]
    final = [*[(1, "a:1")][:kept], (kept + 1, "b:1")]
    return RunHistory(
        room_sends=sends,
        rooms=[*before, *after],
        gaps=gaps,
        faults=[fault],
        final_reads={(who, "lobby"): [*final] for who in "ab"},
    )


def failed_over() -> RunHistory:
    """A primary died at 3, and the next one had ``a:1`` alone."""
    return went_back("e.1", 1, InjectedFault("failover", "redis", 2.4, 3.0, losses=1))


def emptied() -> RunHistory:
    """Somebody emptied Redis at 3."""
    deleted = frozenset({"a:1", "a:2"})
    return went_back("f", 0, InjectedFault("flush", "redis", 3.0, 3.0, losses=1, deleted=deleted))


def judged(history: RunHistory) -> CheckResult:
    return check(history, patience=PATIENCE)


def kinds(history: RunHistory) -> set[str]:
    return {anomaly.kind for anomaly in judged(history).anomalies}


def test_what_was_lost_and_announced_is_told_apart() -> None:
    result = judged(failed_over())
    assert result.clean, result.anomalies
    assert result.announced == ["a:2"]
    assert result.gaps_explained == 2


def harmless(history: RunHistory) -> None:
    history.faults[0].losses = 0


def long_before(history: RunHistory) -> None:
    history.room_sends[1].completed_at = 1.5
    for observation in history.rooms[:2]:
        observation.received[1] = (2, "a:2", 1.5)


def answered_late(history: RunHistory, at: float) -> None:
    history.room_sends[1].completed_at = at
    for observation in history.rooms[:2]:
        observation.received[1] = (2, "a:2", at)


def after_the_next_primary(history: RunHistory) -> None:
    history.room_sends.append(SendOperation("a", 3, "kitchen", "a:3", 5.0, 1, 5.1))
    answered_late(history, 5.2)


def said_when_it_was_over(history: RunHistory) -> None:
    history.room_sends[1].invoked_at = 3.1
    answered_late(history, 3.2)


def sender_not_told(history: RunHistory) -> None:
    del history.gaps[0]
    history.rooms[0].gap, history.rooms[0].ended, history.rooms[0].kept = None, None, True
    del history.rooms[2]


def listener_not_told(history: RunHistory) -> None:
    del history.gaps[1]
    history.rooms[1].gap, history.rooms[1].ended, history.rooms[1].kept = None, None, True
    del history.rooms[3]


def told_too_late(history: RunHistory) -> None:
    history.rooms[0].ended = 3.1 + PATIENCE


def told_that_it_is_there(history: RunHistory) -> None:
    gap = ReportedGap("b", "lobby", "history_lost", "e.1", 2, 2, 4.0)
    history.gaps[1] = history.rooms[1].gap = gap
    history.rooms[3].since = 2
    history.rooms[3].received = []


@pytest.mark.parametrize(
    ("plant", "kind"),
    [
        (harmless, "lost"),
        (harmless, "unexplained gap"),
        (long_before, "lost"),
        (after_the_next_primary, "lost"),
        (said_when_it_was_over, "lost"),
        (sender_not_told, "lost"),
        (listener_not_told, "diverged"),
        (told_too_late, "lost"),
        (told_that_it_is_there, "diverged"),
    ],
)
def test_what_was_lost_in_silence_is_found(plant: Callable[[RunHistory], None], kind: str) -> None:
    history = failed_over()
    plant(history)
    assert kind in kinds(history)


def test_answers_of_the_dead_primary_may_be_late_until_their_client_has_one_of_another() -> None:
    history = failed_over()
    answered_late(history, 3.9)
    assert judged(history).clean
    history.room_sends[2].invoked_at, history.room_sends[2].completed_at = 3.1, 3.2
    assert judged(history).clean


@pytest.mark.parametrize(("seconds", "clean"), [(0.6, True), (0.8, False)])
def test_a_primary_that_goes_on_may_acknowledge_for_as_long_as_it_may_be_followed(
    monkeypatch: pytest.MonkeyPatch, seconds: float, clean: bool
) -> None:
    monkeypatch.setattr("tests.faults.checkers.losses.SLACK_SECONDS", 0.5)
    history = failed_over()
    history.faults[0].late = 0.2
    answered_late(history, 3.0 + seconds)
    result = judged(history)
    assert result.clean is clean
    assert result.latest_lost == (pytest.approx(seconds) if clean else None)


def test_whoever_left_before_it_was_told_needs_no_telling() -> None:
    history = failed_over()
    del history.gaps[1], history.rooms[3]
    history.rooms[1].gap, history.rooms[1].ended = None, 3.5
    assert judged(history).clean


def test_one_failover_explains_one_loss_of_a_room() -> None:
    history = failed_over()
    again = ReportedGap("b", "lobby", "history_lost", "e.2", 2, 1, 6.0)
    history.gaps.append(again)
    history.rooms[3].gap, history.rooms[3].ended = again, 6.0
    history.rooms.append(Observation("b", "lobby", "e.2", 1, 6.0, [(2, "b:1", 6.1)], kept=True))
    assert kinds(history) == {"unexplained gap"}
    history.faults.append(InjectedFault("failover", "redis", 5.5, 5.6, losses=1))
    assert judged(history).clean


def test_a_gap_in_the_same_epoch_is_explained_by_nothing() -> None:
    history = failed_over()
    gap = ReportedGap("b", "lobby", "not recovered", "e.1", 1, 1, 4.5)
    history.rooms[3].gap, history.rooms[3].ended = gap, 4.5
    history.rooms.append(Observation("b", "lobby", "e.1", 1, 4.5, [(2, "b:1", 5.1)], kept=True))
    history.gaps.append(gap)
    assert kinds(history) == {"unexplained gap"}


def test_a_nickname_that_went_back_with_redis_is_no_error() -> None:
    history = failed_over()
    history.session_ends.append(SessionEnd("b", NICK_LOST_REASON, 4.0))
    assert judged(history).clean
    history.faults[0].losses = 0
    assert "error" in kinds(history)


def test_what_was_deleted_and_announced_is_told_apart() -> None:
    result = judged(emptied())
    assert result.clean, result.anomalies
    assert result.announced == ["a:1", "a:2"]
    assert result.gaps_explained == 2


def gone_before(history: RunHistory) -> None:
    history.faults[0].deleted -= {"a:1"}


@pytest.mark.parametrize("plant", [gone_before, sender_not_told, listener_not_told, told_too_late])
def test_what_was_not_deleted_or_not_announced_is_found(
    plant: Callable[[RunHistory], None],
) -> None:
    history = emptied()
    plant(history)
    assert kinds(history) & {"lost", "diverged"}


def test_what_was_said_to_be_there_may_be_deleted_later() -> None:
    history = failed_over()
    history.gaps += [ReportedGap(who, "lobby", "history_lost", "f", 2, 0, 7.0) for who in "ab"]
    for observation, gap in zip(history.rooms[2:], history.gaps[2:], strict=True):
        observation.ended, observation.gap, observation.kept = 7.0, gap, False
    history.room_sends.append(SendOperation("b", 2, "lobby", "b:2", 8.0, 1, 8.1))
    history.rooms += [
        Observation(who, "lobby", "f", 0, 7.0, [(1, "b:2", 8.1)], kept=True) for who in "ab"
    ]
    history.final_reads = {(who, "lobby"): [(1, "b:2")] for who in "ab"}
    assert "lost" in kinds(history)
    deleted = frozenset({"a:1", "b:1"})
    history.faults.append(InjectedFault("flush", "redis", 6.0, 6.0, losses=1, deleted=deleted))
    assert judged(history).clean, judged(history).anomalies


def test_who_records_nothing_needs_no_telling_and_delays_no_recovery() -> None:
    history = emptied()
    history.room_sends.append(SendOperation("owner", 1, "lobby", "owner:1", 2.2, 3, 2.3))
    history.room_sends.append(SendOperation("owner", 2, "lobby", "owner:2", 50.0, 2, 50.1))
    history.faults[0].deleted |= {"owner:1"}
    for log in history.final_reads.values():
        log.append((2, "owner:2"))
    for observation in history.rooms[2:]:
        observation.received.append((2, "owner:2", 50.1))
    result = judged(history)
    assert result.clean, result.anomalies
    assert result.recoveries[0].seconds == pytest.approx(2.1)
