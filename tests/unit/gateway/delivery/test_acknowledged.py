"""What a follower knows of messages that were acknowledged here and that nobody heard."""

from __future__ import annotations

import pytest

from gateway.backplane.timeline import Timeline
from gateway.delivery.follower import Follower, lacks

OLD = "a" * 40
NEW = "b" * 40


@pytest.fixture
def follower() -> Follower:
    """It was told of message 7 by the old server, and of 6 by the new one, and heard up to 5."""
    follower = Follower()
    follower.acknowledge(7, OLD)
    follower.acknowledge(3, OLD)
    follower.acknowledge(6, NEW)
    return follower


def test_what_the_log_has_under_the_same_server_is_not_lost(follower: Follower) -> None:
    log = Timeline(((OLD, 7),), NEW)
    assert not lacks(follower.acknowledged, log, position=5, seq=8)


@pytest.mark.parametrize(
    "log",
    [
        Timeline(((OLD, 6),), NEW),
        Timeline((), NEW),
        Timeline(((OLD, 7), (NEW, 5)), "c" * 40),
        Timeline(((OLD, 7),), "c" * 40),
    ],
    ids=["rolled back", "written under another one alone", "back again", "new one unknown"],
)
def test_what_it_lacks_is_lost_until_that_is_told(follower: Follower, log: Timeline) -> None:
    assert lacks(follower.acknowledged, log, position=5, seq=20)
    follower.loss_told(log, seq=20)
    assert not lacks(follower.acknowledged, log, position=5, seq=20)


def test_what_was_handed_out_is_judged_elsewhere(follower: Follower) -> None:
    assert not lacks(follower.acknowledged, Timeline((), "c" * 40), position=7, seq=20)


def test_a_server_that_does_not_tell_its_id_proves_nothing() -> None:
    follower = Follower()
    follower.acknowledge(7, "")
    assert not lacks(follower.acknowledged, Timeline((), ""), position=5, seq=20)
