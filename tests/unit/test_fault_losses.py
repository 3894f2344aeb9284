"""What Redis lost in a failover breaks no promise, but only if everybody concerned was told."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from client.i18n.server_texts import CLOSINGS
from gateway.closing import NICK_LOST
from tests.faults.checker import check
from tests.faults.history import Ending, History, Hole, Sending, Stay, Strike
from tests.faults.verdict import Verdict

PATIENCE = 5.0


def failed_over() -> History:
    """A primary died at 3 with ``a:2``, which both had heard as 2; ``b:1`` took its place."""
    sendings = [
        Sending("a", 1, "lobby", "a:1", 1.0, 1, 1.1),
        Sending("a", 2, "lobby", "a:2", 2.5, 2, 2.6),
        Sending("b", 1, "lobby", "b:1", 5.0, 2, 5.1),
    ]
    holes = [Hole(who, "lobby", "history_lost", "e.1", 2, 1, 4.0) for who in "ab"]
    before = [
        Stay(who, "lobby", "e", 0, 0.0, [(1, "a:1", 1.1), (2, "a:2", 2.6)], ended=4.0, hole=hole)
        for who, hole in zip("ab", holes, strict=True)
    ]
    after = [Stay(who, "lobby", "e.1", 1, 4.0, [(2, "b:1", 5.1)], kept=True) for who in "ab"]
    return History(
        sendings=sendings,
        stays=[*before, *after],
        holes=holes,
        strikes=[Strike("failover", "redis", 2.4, 3.0, losses=1)],
        logs={(who, "lobby"): [(1, "a:1"), (2, "b:1")] for who in "ab"},
    )


def judged(history: History) -> Verdict:
    return check(history, patience=PATIENCE)


def kinds(history: History) -> set[str]:
    return {anomaly.kind for anomaly in judged(history).anomalies}


def test_what_was_lost_and_announced_is_told_apart() -> None:
    verdict = judged(failed_over())
    assert verdict.clean, verdict.anomalies
    assert verdict.announced == ["a:2"]
    assert verdict.told == 2


def harmless(history: History) -> None:
    history.strikes[0].losses = 0


def long_before(history: History) -> None:
    history.sendings[1].answered_at = 1.5
    for stay in history.stays[:2]:
        stay.heard[1] = (2, "a:2", 1.5)


def answered_late(history: History, at: float) -> None:
    history.sendings[1].answered_at = at
    for stay in history.stays[:2]:
        stay.heard[1] = (2, "a:2", at)


def after_the_next_primary(history: History) -> None:
    history.sendings.append(Sending("a", 3, "kitchen", "a:3", 5.0, 1, 5.1))
    answered_late(history, 5.2)


def said_when_it_was_over(history: History) -> None:
    history.sendings[1].asked_at = 3.1
    answered_late(history, 3.2)


def sender_not_told(history: History) -> None:
    del history.holes[0]
    history.stays[0].hole, history.stays[0].ended, history.stays[0].kept = None, None, True
    del history.stays[2]


def listener_not_told(history: History) -> None:
    del history.holes[1]
    history.stays[1].hole, history.stays[1].ended, history.stays[1].kept = None, None, True
    del history.stays[3]


def told_too_late(history: History) -> None:
    history.stays[0].ended = 3.1 + PATIENCE


def told_that_it_is_there(history: History) -> None:
    hole = Hole("b", "lobby", "history_lost", "e.1", 2, 2, 4.0)
    history.holes[1] = history.stays[1].hole = hole
    history.stays[3].since = 2
    history.stays[3].heard = []


@pytest.mark.parametrize(
    ("plant", "kind"),
    [
        (harmless, "lost"),
        (harmless, "told"),
        (long_before, "lost"),
        (after_the_next_primary, "lost"),
        (said_when_it_was_over, "lost"),
        (sender_not_told, "lost"),
        (listener_not_told, "diverged"),
        (told_too_late, "lost"),
        (told_that_it_is_there, "diverged"),
    ],
)
def test_what_was_lost_in_silence_is_found(plant: Callable[[History], None], kind: str) -> None:
    history = failed_over()
    plant(history)
    assert kind in kinds(history)


def test_answers_of_the_dead_primary_may_be_late_until_their_client_has_one_of_another() -> None:
    history = failed_over()
    answered_late(history, 3.9)
    assert judged(history).clean
    history.sendings[2].asked_at, history.sendings[2].answered_at = 3.1, 3.2
    assert judged(history).clean


@pytest.mark.parametrize(("seconds", "clean"), [(0.6, True), (0.8, False)])
def test_a_primary_that_goes_on_may_acknowledge_for_as_long_as_it_may_be_followed(
    monkeypatch: pytest.MonkeyPatch, seconds: float, clean: bool
) -> None:
    monkeypatch.setattr("tests.faults.losses.SLACK", 0.5)
    history = failed_over()
    history.strikes[0].late = 0.2
    answered_late(history, 3.0 + seconds)
    verdict = judged(history)
    assert verdict.clean is clean
    assert verdict.latest == (pytest.approx(seconds) if clean else None)


def test_whoever_left_before_it_was_told_needs_no_telling() -> None:
    history = failed_over()
    del history.holes[1], history.stays[3]
    history.stays[1].hole, history.stays[1].ended = None, 3.5
    assert judged(history).clean


def test_one_failover_explains_one_loss_of_a_room() -> None:
    history = failed_over()
    again = Hole("b", "lobby", "history_lost", "e.2", 2, 1, 6.0)
    history.holes.append(again)
    history.stays[3].hole, history.stays[3].ended = again, 6.0
    history.stays.append(Stay("b", "lobby", "e.2", 1, 6.0, [(2, "b:1", 6.1)], kept=True))
    assert kinds(history) == {"told"}
    history.strikes.append(Strike("failover", "redis", 5.5, 5.6, losses=1))
    assert judged(history).clean


def test_a_hole_in_the_same_epoch_is_explained_by_nothing() -> None:
    history = failed_over()
    hole = Hole("b", "lobby", "not recovered", "e.1", 1, 1, 4.5)
    history.stays[3].hole, history.stays[3].ended = hole, 4.5
    history.stays.append(Stay("b", "lobby", "e.1", 1, 4.5, [(2, "b:1", 5.1)], kept=True))
    history.holes.append(hole)
    assert kinds(history) == {"told"}


def test_a_nickname_that_went_back_with_redis_is_no_complaint() -> None:
    history = failed_over()
    history.endings.append(Ending("b", CLOSINGS[NICK_LOST.code], 4.0))
    assert judged(history).clean
    history.strikes[0].losses = 0
    assert "complaint" in kinds(history)


def emptied() -> History:
    """Somebody emptied Redis at 3, when ``a:1`` and ``a:2`` were there; ``b:1`` came after that."""
    sendings = [
        Sending("a", 1, "lobby", "a:1", 1.0, 1, 1.1),
        Sending("a", 2, "lobby", "a:2", 2.0, 2, 2.1),
        Sending("b", 1, "lobby", "b:1", 5.0, 1, 5.1),
    ]
    holes = [Hole(who, "lobby", "history_lost", "f", 2, 0, 4.0) for who in "ab"]
    before = [
        Stay(who, "lobby", "e", 0, 0.0, [(1, "a:1", 1.1), (2, "a:2", 2.1)], ended=4.0, hole=hole)
        for who, hole in zip("ab", holes, strict=True)
    ]
    after = [Stay(who, "lobby", "f", 0, 4.0, [(1, "b:1", 5.1)], kept=True) for who in "ab"]
    deleted = frozenset({"a:1", "a:2"})
    return History(
        sendings=sendings,
        stays=[*before, *after],
        holes=holes,
        strikes=[Strike("flush", "redis", 3.0, 3.0, losses=1, deleted=deleted)],
        logs={(who, "lobby"): [(1, "b:1")] for who in "ab"},
    )


def test_what_was_deleted_and_announced_is_told_apart() -> None:
    verdict = judged(emptied())
    assert verdict.clean, verdict.anomalies
    assert verdict.announced == ["a:1", "a:2"]
    assert verdict.told == 2


def gone_before(history: History) -> None:
    history.strikes[0].deleted -= {"a:1"}


@pytest.mark.parametrize("plant", [gone_before, sender_not_told, listener_not_told, told_too_late])
def test_what_was_not_deleted_or_not_announced_is_found(plant: Callable[[History], None]) -> None:
    history = emptied()
    plant(history)
    assert kinds(history) & {"lost", "diverged"}


def test_what_was_said_to_be_there_may_be_deleted_later() -> None:
    history = failed_over()
    history.holes += [Hole(who, "lobby", "history_lost", "f", 2, 0, 7.0) for who in "ab"]
    for stay, hole in zip(history.stays[2:], history.holes[2:], strict=True):
        stay.ended, stay.hole, stay.kept = 7.0, hole, False
    history.sendings.append(Sending("b", 2, "lobby", "b:2", 8.0, 1, 8.1))
    history.stays += [Stay(who, "lobby", "f", 0, 7.0, [(1, "b:2", 8.1)], kept=True) for who in "ab"]
    history.logs = {(who, "lobby"): [(1, "b:2")] for who in "ab"}
    assert "lost" in kinds(history)
    deleted = frozenset({"a:1", "b:1"})
    history.strikes.append(Strike("flush", "redis", 6.0, 6.0, losses=1, deleted=deleted))
    assert judged(history).clean, judged(history).anomalies
