"""Who is where, who sends, and when."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.load.generator.schedule import arrivals
from tests.load.scenario import SCENARIOS, adapted


@given(st.integers(1, 20), st.integers(1, 4), st.floats(1, 500), st.integers(0, 50))
def test_all_generators_together_keep_to_the_schedule(
    senders: int, generators: int, rate: float, first: int
) -> None:
    everybody = range(first, first + senders)
    shares = [[n for n in everybody if n % generators == g] for g in range(generators)]
    due = sorted(
        itertools.chain.from_iterable(arrivals(own, everybody, rate, 2.0) for own in shares)
    )
    times = [at for at, _ in due]
    assert times == pytest.approx([k / rate for k in range(len(due))])
    assert len(due) in {int(2 * rate), int(2 * rate) + 1}
    assert [sender for _, sender in due] == [first + k % senders for k in range(len(due))]


@given(st.integers(1, 4), st.integers(0, 3))
def test_a_seed_gives_everybody_the_same_random_moments(generators: int, seed: int) -> None:
    everybody = range(5, 25)
    shares = [[n for n in everybody if n % generators == g] for g in range(generators)]
    due = sorted(
        itertools.chain.from_iterable(arrivals(own, everybody, 200, 5.0, seed) for own in shares)
    )
    assert due == list(arrivals(everybody, everybody, 200, 5.0, seed))
    assert due != list(arrivals(everybody, everybody, 200, 5.0, seed + 1))
    assert len(due) == pytest.approx(1_000, abs=200)
    assert {sender for _, sender in due} == set(everybody)


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("nodes", [1, 2, 3])
def test_every_scenario_puts_everybody_somewhere(name: str, nodes: int) -> None:
    scenario = SCENARIOS[name]
    everybody = range(scenario.clients + scenario.movers + scenario.pingers)
    for number in everybody[:: max(1, len(everybody) // 500)]:
        assert all(0 <= node < nodes for node in scenario.nodes_of(number, nodes))
    by_room: dict[str, set[int]] = {}
    for number in range(scenario.clients):
        room = scenario.room_of(number)
        by_room.setdefault(room, set()).update(scenario.nodes_of(number, nodes))
    assert len(by_room) == scenario.rooms
    if scenario.clients >= 2 * nodes * scenario.rooms and not scenario.storm:
        assert all(len(found) == nodes for found in by_room.values())
    if scenario.rate or scenario.in_flight:
        assert any(scenario.is_sampled(number) for number in range(scenario.clients))


def test_senders_apart_have_the_last_node_to_themselves() -> None:
    scenario = adapted("broadcast", clients=20, senders=4, senders_apart=True)
    nodes = [scenario.nodes_of(number, 3)[0] for number in range(20)]
    assert set(nodes[:4]) == {2}
    assert set(nodes[4:]) == {0, 1}


def test_in_a_busy_room_everybody_talks() -> None:
    assert adapted("busy-room", clients=77).senders == 77
