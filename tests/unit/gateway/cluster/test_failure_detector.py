"""Which nodes have stopped beating, told from changes and by one clock only."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.cluster.failure_detector import FailureDetector, Failures

NOBODY = Failures([], [])


def test_a_node_that_beats_is_alive() -> None:
    deaths = FailureDetector(5.0, 15.0)
    for second in range(100):
        assert deaths.judge({"n1": second}, float(second)) == NOBODY


def test_a_node_that_stands_still_is_dead_after_the_timeout_and_stays_so() -> None:
    deaths = FailureDetector(5.0, 15.0)
    assert deaths.judge({"n1": 7}, 100.0) == NOBODY
    assert deaths.judge({"n1": 7}, 105.0) == NOBODY
    assert deaths.judge({"n1": 7}, 105.1).dead == ["n1"]
    assert deaths.judge({"n1": 7}, 200.0).dead == ["n1"]


def test_a_node_seen_for_the_first_time_has_just_beaten() -> None:
    """However long its beats have stood still, this node cannot know."""
    deaths = FailureDetector(5.0, 15.0)
    deaths.judge({}, 0.0)
    assert deaths.judge({"n1": 7}, 1000.0) == NOBODY
    assert deaths.judge({"n1": 7}, 1005.1).dead == ["n1"]


def test_a_node_that_begins_again_is_alive() -> None:
    """It was restarted, or declared dead and registered anew: its count goes back."""
    deaths = FailureDetector(5.0, 15.0)
    deaths.judge({"n1": 7}, 0.0)
    assert deaths.judge({"n1": 7}, 6.0).dead == ["n1"]
    assert deaths.judge({"n1": 0}, 7.0) == NOBODY
    assert deaths.judge({"n1": 0}, 11.0) == NOBODY


def test_a_dead_node_is_released_after_the_grace_which_its_last_beat_began() -> None:
    deaths = FailureDetector(5.0, 15.0)
    deaths.judge({"n1": 7}, 0.0)
    assert deaths.judge({"n1": 7}, 6.0) == Failures(dead=["n1"], expired=[])
    assert deaths.judge({"n1": -1}, 7.0) == NOBODY
    assert deaths.judge({"n1": -1}, 15.0) == NOBODY
    assert deaths.judge({"n1": -1}, 15.1) == Failures(dead=[], expired=["n1"])
    assert deaths.judge({"n1": -1}, 99.0) == Failures(dead=[], expired=["n1"]), "until it is done"


def test_a_node_found_dead_has_the_whole_grace() -> None:
    """It stopped before this one started, who knows when."""
    deaths = FailureDetector(5.0, 15.0)
    assert deaths.judge({"n1": -1}, 100.0) == NOBODY
    assert deaths.judge({"n1": -1}, 115.0) == NOBODY
    assert deaths.judge({"n1": -1}, 115.1).expired == ["n1"]


def test_a_node_struck_off_is_forgotten() -> None:
    deaths = FailureDetector(5.0, 15.0)
    deaths.judge({"n1": 7}, 0.0)
    assert deaths.judge({}, 100.0) == NOBODY
    assert deaths.judge({"n1": 7}, 101.0) == NOBODY


def test_after_forgetting_everybody_has_the_whole_timeout_again() -> None:
    deaths = FailureDetector(5.0, 15.0)
    deaths.judge({"n1": 7, "n2": 3}, 0.0)
    deaths.forget()
    assert deaths.judge({"n1": 7, "n2": 3}, 100.0) == NOBODY
    assert deaths.judge({"n1": 7, "n2": 4}, 105.1).dead == ["n1"]


@given(
    steps=st.lists(
        st.tuples(st.floats(0.1, 3.0), st.sets(st.sampled_from(["n1", "n2", "n3"]))), max_size=60
    )
)
def test_exactly_those_are_dead_who_were_silent_for_longer_than_the_timeout(
    steps: list[tuple[float, set[str]]],
) -> None:
    deaths = FailureDetector(5.0, 15.0)
    now = 0.0
    beats = {"n1": 0, "n2": 0, "n3": 0}
    beaten_at = dict.fromkeys(beats, now)
    assert deaths.judge(dict(beats), now) == NOBODY
    for gap, beating in steps:
        now += gap
        for node in beating:
            beats[node] += 1
            beaten_at[node] = now
        silent = {node for node, at in beaten_at.items() if now - at > 5.0}
        assert set(deaths.judge(dict(beats), now).dead) == silent
