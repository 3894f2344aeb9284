"""Which node a client tries next, and when."""

from __future__ import annotations

import pytest

from client.session.route import LONGEST_BACKOFF, Route


def test_it_goes_round_all_nodes() -> None:
    route = Route(["a", "b", "c"])
    assert sorted(route.advance() for _ in range(3)) == ["a", "b", "c"]
    with pytest.raises(ValueError, match="at least one"):
        Route([])


def test_waits_are_random_under_a_bound_that_doubles() -> None:
    route = Route(["a"])
    for failures, bound in ((1, 0.5), (2, 1.0), (5, 8.0), (30, LONGEST_BACKOFF)):
        waits = [route.delay(failures, 0.0) for _ in range(300)]
        assert bound / 2 < max(waits) <= bound
        assert min(waits) < bound / 4
    assert max(route.delay(30, 0.0, ceiling=1.0) for _ in range(100)) <= 1.0


def test_a_node_that_takes_nobody_in_is_left_alone_for_its_time() -> None:
    route = Route(["a", "b"])
    route.keep_away("a", 10.0)
    for _ in range(5):
        route.delay(1, 0.0)
        assert route.advance() == "b"
    route.keep_away("b", 20.0)
    assert 10.0 <= route.delay(1, 0.0) <= 10.5
    assert route.advance() == "a"
    assert route.delay(1, 30.0) <= 0.5
