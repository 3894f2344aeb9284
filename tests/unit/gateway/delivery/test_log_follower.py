"""One follower of a log, step by step: what it asks for, and what comes of each answer."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.backplane.epochs import continuation
from gateway.backplane.log_page import LogPage
from gateway.backplane.payloads import identity, message_seq, shorten
from gateway.backplane.timeline import Timeline
from gateway.delivery.log_follower import MOST_AHEAD, PAGE, LogFollower
from gateway.delivery.log_memory import REMEMBERED, LogMemory
from gateway.delivery.log_states import (
    TRANSITIONS,
    Filled,
    Gap,
    LogEvent,
    LogState,
    Loss,
    Read,
    RenewEpoch,
)
from tests.unit.gateway.delivery.messages import message


def following(position: int = 0, timeline: Timeline = Timeline((), "a0")) -> LogFollower:  # noqa: B008
    follower = LogFollower()
    follower.start("e", position, timeline)
    return follower


def hear(follower: LogFollower, *seqs: int) -> list[int]:
    for seq in seqs:
        follower.live(seq, message(seq))
    return [message_seq(each) for each in follower.take()]


def state_of(follower: LogFollower) -> LogState:
    return follower.state


def asked(follower: LogFollower) -> Read:
    request = follower.request()
    assert isinstance(request, Read)
    return request


def page(
    request: Read, log: list[bytes], *, epoch: str = "e", server: str = "a0", **more: Any
) -> LogPage:
    messages = [each for each in log if message_seq(each) > request.after][: request.limit]
    return LogPage(epoch, len(log), messages, Timeline((), server), **more)


def test_a_closed_follower_stays_closed() -> None:
    assert set(TRANSITIONS) == set(LogState)
    assert set(TRANSITIONS[LogState.CLOSED].values()) == {LogState.CLOSED}
    assert all(row[LogEvent.CLOSED] is LogState.CLOSED for row in TRANSITIONS.values())
    follower = following()
    follower.live(2, message(2))
    request = asked(follower)
    follower.close()
    assert follower.take_page(request, page(request, [message(1)])) is None
    assert (follower.request(), hear(follower, 1, 2)) == (None, [])


def test_every_state_can_be_left_for_every_other_but_opening_and_closed() -> None:
    between = set(LogState) - {LogState.OPENING, LogState.CLOSED}
    for state in between:
        reached = {state}
        for _ in LogState:
            reached |= {after for each in reached for after in TRANSITIONS[each].values()}
        assert between <= reached


def test_what_is_kept_ahead_of_a_gap_is_bounded_and_nothing_is_lost() -> None:
    follower, last = following(), MOST_AHEAD + 100
    log = [message(seq) for seq in range(1, last + 1)]
    assert hear(follower, *range(2, last + 1)) == []
    taken: list[bytes] = []
    while follower.is_behind:
        request = asked(follower)
        assert follower.take_page(request, page(request, log)) == Filled()
        taken += follower.take()
    assert taken == log


def test_a_page_asked_for_before_a_doubt_counts_for_nothing() -> None:
    follower, log = following(), [message(1), message(2)]
    follower.missed()
    request = asked(follower)
    follower.mark_unverified()
    assert follower.take_page(request, page(request, log)) is None
    assert state_of(follower) is LogState.VERIFYING
    again = asked(follower)
    assert follower.take_page(again, page(again, log)) == Filled()
    assert follower.take() == log


def test_what_is_missed_while_a_page_is_on_its_way_is_read_after_it() -> None:
    follower = following()
    follower.missed()
    request = asked(follower)
    follower.missed()
    assert follower.take_page(request, page(request, [message(1)])) == Filled()
    assert state_of(follower) is LogState.BEHIND
    assert asked(follower).after == 1


def test_where_memory_and_log_do_not_meet_nothing_is_agreed() -> None:
    """Unless the timelines tell: here they do not."""
    follower = following(timeline=Timeline((), ""))
    hear(follower, *range(1, 201))
    follower.mark_unverified()
    log = [message(seq, "old" if seq <= 20 else "new") for seq in range(1, 300)]
    request = asked(follower)
    assert request.after == 200 - REMEMBERED
    assert follower.take_page(request, page(request, log, server="")) is None
    assert follower.request() == RenewEpoch("e", "e")
    follower.renewed()
    request = asked(follower)
    continued = page(request, log, epoch=continuation("e"), server="")
    assert follower.take_page(request, continued) == Loss(0, had=200)
    request = asked(follower)
    continued = page(request, log, epoch=follower.epoch, server="")
    assert follower.take_page(request, continued) == Filled()
    assert follower.take() == log[:PAGE]


def test_a_message_that_comes_again_is_harmless_and_another_in_its_place_is_not() -> None:
    follower = following()
    assert hear(follower, 1, 2, 3, 2, 3, 1) == [1, 2, 3]
    assert state_of(follower) is LogState.CURRENT
    follower.live(3, message(3, "other"))
    assert state_of(follower) is LogState.VERIFYING


def test_messages_that_overtake_one_another_are_put_in_order() -> None:
    follower = following()
    assert hear(follower, 2, 1, 4, 3) == [1, 2, 3, 4]
    request = asked(follower)
    log = [message(seq) for seq in range(1, 5)]
    assert follower.take_page(request, page(request, log)) == Filled()
    assert state_of(follower) is LogState.CURRENT


def test_a_count_that_begins_anew_is_looked_into() -> None:
    """Without replication ids nothing else tells that Redis went back so far."""
    follower = following(timeline=Timeline((), ""))
    hear(follower, *range(1, 200))
    assert hear(follower, 100) == []
    assert state_of(follower) is LogState.BEHIND
    request = asked(follower)
    log = [message(seq) for seq in range(1, 101)]
    assert follower.take_page(request, page(request, log, server="")) is None
    assert state_of(follower) is LogState.VERIFYING


def test_what_is_gone_for_good_is_skipped_once_all_before_it_is_given_out() -> None:
    follower = following()
    follower.live(1, message(1))
    follower.missed()
    request = asked(follower)
    late = LogPage("e", 12, [message(seq) for seq in range(11, 13)], Timeline((), "a0"))
    assert follower.take_page(request, late) == Gap(after=1, up_to=10)
    assert [message_seq(each) for each in follower.take()] == [1, 11, 12]
    assert (follower.position, follower.memory.first) == (12, 11)


def test_a_log_that_shows_its_loss_elsewhere_is_compared() -> None:
    follower, log = following(), [message(1)]
    hear(follower, 1)
    follower.missed()
    request = asked(follower)
    assert follower.take_page(request, page(request, log, went_back=True)) is None
    request = asked(follower)
    assert follower.take_page(request, page(request, log, went_back=True)) is None
    assert follower.request() == RenewEpoch("e", "e")


def test_an_acknowledged_message_that_nobody_heard_is_missed() -> None:
    follower = following()
    follower.acknowledge(1, "a0")
    follower.mark_unverified()
    request = asked(follower)
    assert follower.take_page(request, page(request, [], server="b")) is None
    assert state_of(follower) is LogState.LOST
    intact = following()
    intact.acknowledge(1, "")  # a server that does not tell its id proves nothing
    intact.mark_unverified()
    request = asked(intact)
    assert intact.take_page(request, page(request, [], server="a0")) == Filled()


@pytest.mark.parametrize("shortened", [False, True])
def test_memory_has_the_last_messages(*, shortened: bool) -> None:
    known = LogMemory(shorten if shortened else None)
    known.extend([message(seq) for seq in (1, 2)])
    assert (known.first, set(known.identities())) == (1, {1, 2})
    known.cut(0)
    known.extend([message(seq) for seq in range(9, 9 + 2 * REMEMBERED)])
    assert (known.first, len(known.identities())) == (9 + REMEMBERED, REMEMBERED)
    assert known.identity_at(known.first) == identity(message(known.first))
    assert known.identity_at(known.first - 1) is None
    assert all(b"text" in each for each in known.all) != shortened
    known.cut(known.first)
    assert len(known.identities()) == 1


def test_a_page_of_another_server_is_compared_though_nobody_told_of_it() -> None:
    follower, log = following(), [message(1), message(2)]
    hear(follower, 1)
    follower.missed()
    request = asked(follower)
    assert follower.take_page(request, page(request, log, server="b1")) is None
    request = asked(follower)
    assert request.compares
    assert follower.take_page(request, page(request, log, server="b1")) == Filled()


def test_what_was_lost_is_remembered_no_more() -> None:
    follower = following()
    hear(follower, 1, 2, 3)
    follower.mark_unverified()
    request = asked(follower)
    lost = page(request, [message(1)], epoch=continuation("e"), server="b1")
    assert follower.take_page(request, lost) == Loss(1, had=3)
    assert set(follower.memory.identities()) == {1}
