"""The load test measures what is so: its schedule, its counts, its verdicts."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backplane.erasures import without_text
from tests.load import frames
from tests.load.arguments import parse_compare
from tests.load.cluster import Usage
from tests.load.compare import compare, is_noise, values
from tests.load.cost import Stretch, cost
from tests.load.page import page
from tests.load.plots import ceiling
from tests.load.report import table
from tests.load.scenario import SCENARIOS, adapted
from tests.load.schedule import arrivals
from tests.load.tally import Sequences, settle
from tests.load.verdict import faults


def heard_message(seq: int, room: str = "load-0", intended: int = 7) -> bytes:
    return (
        f'{{"seq":{seq},"at":1700000000000,"type":"message","room":"{room}","from":"load1-0",'
        f'"text":"@{intended}@xxxx","id":"m1.{intended}"}}'
    ).encode()


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = [*sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in zip([0, *ends], ends, strict=False)]


# --- what comes in --------------------------------------------------------------------------------


@given(st.integers(0, 5), st.lists(st.integers(0, 10_000), max_size=12))
def test_words_are_counted_once_however_the_stream_is_cut(count: int, places: list[int]) -> None:
    data = b"".join(b"\x81\x7e" + heard_message(seq) for seq in range(count))
    counter = frames.Counter(frames.MESSAGE)
    assert sum(counter.count(chunk) for chunk in cut(data, places)) == count


@given(st.integers(0, 5), st.lists(st.integers(0, 10_000), max_size=12))
def test_messages_and_answers_are_heard_however_the_stream_is_cut(
    count: int, places: list[int]
) -> None:
    data = b"".join(
        heard_message(seq, intended=seq * 10) + b'{"type":"ok","id":"m%d.%d","seq":1}' % (seq, seq)
        for seq in range(1, count + 1)
    )
    listener = frames.Listener()
    messages, answers = [], []
    for chunk in cut(data, places):
        said, answered = listener.hear(chunk)
        messages += said
        answers += answered
    assert messages == [(seq, b"load-0", seq * 10) for seq in range(1, count + 1)]
    assert answers == [(b"m", seq) for seq in range(1, count + 1)]


def test_a_tombstone_is_heard_as_the_message_that_it_was() -> None:
    tombstone = without_text(heard_message(7))
    assert frames.Listener().hear(tombstone) == ([(7, b"load-0", 0)], [])


@given(st.integers(0, 5), st.lists(st.integers(0, 10_000), max_size=12))
def test_refusals_are_read_however_the_stream_is_cut(count: int, places: list[int]) -> None:
    data = b"".join(
        b'\x81\x7e\x00\x99{"type":"error","code":"c%d","message":"no.","id":"m%d.7"}' % (n, n)
        + b'\x81\x40{"type":"error","code":"another","message":"no.","id":"p1.7"}'
        + heard_message(n)
        for n in range(count)
    )
    refusals = frames.Refusals()
    codes = [code for chunk in cut(data, places) for code in refusals.hear(chunk)]
    assert codes == [f"c{n}" for n in range(count)]


@pytest.mark.parametrize(
    ("heard", "code"),
    [
        (b"...\x88\x06\x0f\xa1slow", "4001"),
        (b"\x88\x02\x03\xe8", "1000"),
        (b"\x88\x06\x0f\xa1slo", ""),
        (b"\x88\x06\x0f\xa1slow...", ""),
        (b"\x88", ""),
        (b"", ""),
    ],
)
def test_a_closing_frame_is_known_by_its_end(heard: bytes, code: str) -> None:
    assert frames.close_code(heard) == code


@pytest.mark.parametrize(
    ("seqs", "lost", "duplicated", "reordered"),
    [
        ([5, 6, 7], 0, 0, 0),
        ([5, 7, 8], 1, 0, 0),
        ([5, 6, 6, 7], 0, 1, 0),
        ([5, 7, 6, 8], 1, 0, 1),
        ([5, 100], 94, 0, 0),
    ],
)
def test_faults_in_an_order_are_found(
    seqs: list[int], lost: int, duplicated: int, reordered: int
) -> None:
    sequences = Sequences()
    for seq in seqs:
        sequences.hear(b"r", seq)
        sequences.hear(b"another", seq - seqs[0] + 1 if seq == seqs[0] else 2)
    assert sequences.lost == lost
    assert sequences.reordered == reordered
    assert sequences.duplicated - (len(seqs) - 2) == duplicated


@pytest.mark.parametrize(
    ("heard", "lost", "duplicated"),
    [
        ([[10, 3]], 0, 0),
        ([[10, 2], [9, 1]], 1, 0),
        ([[10, 2], [12, 1]], 0, 1),
        ([[11, 3]], 0, 0),
        ([[0, 3]], 30, 0),
    ],
)
def test_counts_are_settled_over_all_generators(
    heard: list[list[int]], lost: int, duplicated: int
) -> None:
    """Eleven were sent and ten acknowledged: one more may have come, two more may not."""
    parts: list[dict[str, dict[str, Any]]] = [
        {"r": {"sent": 4, "acked": 4, "heard": heard}},
        {"r": {"sent": 7, "acked": 6, "heard": [[10, 1]]}},
    ]
    found = settle(parts)
    assert (found["lost"], found["duplicated"], found["expected"]) == (lost, duplicated, 40)


# --- who sends, and when --------------------------------------------------------------------------


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


# --- what is told ---------------------------------------------------------------------------------


def a_run(us: float = 2.0, floor: float | None = None) -> dict[str, Any]:
    latency = {"p50": 1.0, "p95": 2.0, "p99": 3.0, "p99.9": 4.0, "max": 5.0}
    node = {"cpu": 0.5, "rss_kib": 50_000, "us_per_delivery": us, "kib_per_connection": 9.0}
    run: dict[str, Any] = {
        "scenario": {
            "name": "broadcast", "about": "<b>", "clients": 500, "rooms": 1, "seconds": 5.0,
            "warmup": 1.0, "rate": 50.0, "in_flight": 0, "seed": None, "nodes": 1,
        },
        "machine": {
            "commit": "abc", "cores": 2, "processor": "<cpu>", "system": "Linux", "python": "3.11",
            "trio": "1", "redis": "Redis 7", "at": "now", "arguments": ["--spawn", "2"],
        },
        "connects": {"ready": 500, "per_second": 1000.0, "latency": latency},
        "connects_per_cpu_second": 2000.0, "failures": {}, "kib_per_connection": 9.0,
        "refused": {}, "unsent": 0, "unanswered": 0, "faults": [],
        "deliveries": 100, "offered": 50.0, "achieved": 50.0, "deliveries_per_second": 25_000.0,
        "lost": 0, "duplicated": 0, "repeated": 0, "reordered": 0, "expected": 100,
        "lost_connections": 0, "slow_readers": {}, "closed_as_slow": 0,
        "delivered": latency, "acked": latency,
        "pings": {}, "rejoined": {}, "curve": [[0, 1.0], [50, 2.0], [99, 3.0], [100, 5.0]],
        "timeline": [{"second": 0.0, "deliveries": 10, "p99": 1.0},
                     {"second": 1.0, "deliveries": 20, "p99": None}],
        "nodes": {"node 1": node}, "us_per_delivery": us, "us_per_message": 100.0,
        "redis": {"cpu": 0.1, "rss_kib": 10_000, "us_per_message": 30.0,
                  "us_per_delivery": 0.1, "kib_per_connection": 1.0},
        "generator_cpu": [0.3], "void": False,
    }  # fmt: skip
    return run | ({"floor": floor, "times_floor": us / floor} if floor else {})


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({}, []),
        ({"connects": {"ready": 0}}, ["500 of 500 did not come in"]),
        ({"refused": {"too_fast": 7, "unavailable": 1}}, ["8 refused"]),
        ({"achieved": 0.0}, ["nothing was acknowledged"]),
        ({"lost": 3}, ["3 lost"]),
        ({"duplicated": 1, "repeated": 1}, ["2 delivered twice"]),
        ({"reordered": 4}, ["4 out of order"]),
        ({"unsent": 5, "unanswered": 6}, ["5 not sent", "6 not answered"]),
        ({"lost_connections": 2}, ["2 lost their connection"]),
    ],
)
def test_a_run_is_clean_only_if_all_was_in_order(found: dict[str, Any], words: list[str]) -> None:
    assert faults(SCENARIOS["broadcast"], a_run() | found) == words


def test_slow_readers_are_to_be_closed_once_they_were_sent_enough() -> None:
    open_still = a_run() | {"connects": {"ready": 200}, "closed_as_slow": 19}
    closed = open_still | {"closed_as_slow": 20}
    assert faults(adapted("slow-readers"), open_still) == ["19 of 20 slow readers closed"]
    assert faults(adapted("slow-readers"), closed) == []
    assert faults(adapted("slow-readers", rate=10), open_still) == []


def test_what_is_wrong_is_told_in_red() -> None:
    run = a_run() | {"refused": {"too_fast": 7}, "faults": ["7 refused"]}
    assert "\x1b[31m" not in table(a_run(), colour=True)
    red = [line for line in table(run, colour=True).splitlines() if line.startswith("\x1b[31m")]
    assert [line.removeprefix("\x1b[31m").split()[0] for line in red] == ["refused", "WRONG"]
    assert "\x1b" not in table(run)
    assert "too_fast: 7" in table(run)
    assert "refused (too_fast)" in page([run])


def test_a_cost_is_shared_out_by_what_each_node_did() -> None:
    idle = {"node 1": Usage(1.0, 1000), "node 2": Usage(1.0, 1000), "redis": Usage(1.0, 500)}
    joined = {
        "node 1": Usage(2.0, 1900, connections=100),
        "node 2": Usage(1.0, 1100, connections=50),
        "redis": Usage(1.0, 800),
    }
    after = {
        "node 1": Usage(3.0, 2000, connections=100, deliveries=400_000),
        "node 2": Usage(0.0, 0),  # it died
        "redis": Usage(1.5, 800),
    }
    found = cost(
        Stretch(idle, joined), Stretch(joined, after), seconds=10.0, ready=150,
        deliveries=500_000, messages=1000,
    )  # fmt: skip
    assert found["nodes"]["node 1"]["us_per_delivery"] == pytest.approx(2.5)
    assert found["nodes"]["node 1"]["kib_per_connection"] == pytest.approx(9.0)
    assert found["nodes"]["node 2"]["us_per_delivery"] is None
    assert found["us_per_delivery"] == pytest.approx(2.0)
    assert found["kib_per_connection"] == pytest.approx(1000 / 150)
    assert found["redis"]["us_per_delivery"] == pytest.approx(1.0)
    assert found["redis"]["us_per_message"] == pytest.approx(500)
    assert found["redis"]["kib_per_connection"] == pytest.approx(2.0)
    assert found["connects_per_cpu_second"] == pytest.approx(150)


def test_nodes_that_tell_nothing_cost_nothing_that_is_known() -> None:
    nothing = Stretch({}, {})
    found = cost(nothing, nothing, seconds=1.0, ready=1, deliveries=1, messages=1)
    assert (found["nodes"], found["redis"], found["us_per_delivery"]) == ({}, None, None)


def test_only_runs_of_one_scenario_are_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = tmp_path / "one.json", tmp_path / "other.json"
    one.write_text(json.dumps([a_run()]))
    another = a_run()
    another["scenario"] |= {"clients": 7}
    other.write_text(json.dumps([another]))
    assert len(parse_compare([str(one), f"{one},{one}"]).after) == 2
    with pytest.raises(SystemExit) as ended:
        parse_compare([str(one), str(other)])
    assert ended.value.code == 2
    assert "differ in: clients" in capsys.readouterr().err


def test_the_table_tells_the_ratio_to_the_floor_and_a_void_run() -> None:
    told = table(a_run(2.0, floor=8.0))
    assert "0.25 of the floor" in told
    assert "VOID" not in told
    assert "VOID" in table(a_run() | {"void": True})
    assert "3, 0, 0 of 100" in table(a_run() | {"lost": 3})


def test_the_page_is_whole_and_asks_for_nothing_else() -> None:
    told = page([a_run(floor=8.0), a_run() | {"lost": 3}])
    assert told.startswith("<!doctype html>")
    assert "http" not in told.replace("http-equiv", "")
    assert "&lt;cpu&gt;" in told
    assert "<b>:" not in told
    assert told.count("<svg") == 8
    assert "Run 2 of 2" in told


def test_a_change_beyond_the_noise_is_told() -> None:
    before = [a_run(us) for us in (2.0, 2.1, 1.9)]
    better, same = [a_run(us) for us in (1.0, 1.1, 0.9)], [a_run(us) for us in (1.95, 2.3, 2.0)]
    [line] = [x for x in compare(before, better).splitlines() if x.startswith("µs/delivery")]
    assert "-50%" in line
    assert "beyond the noise" in line
    assert "beyond the noise" not in compare(before, same)
    assert "WRONG" not in compare(before, same)
    wrong = [*same, a_run() | {"faults": ["3 lost"], "void": True}]
    assert "WRONG in run 4 after: 3 lost, void" in compare(before, wrong)
    assert "One run tells nothing" in compare(before[:1], same)


def test_noise_is_where_the_ranges_meet() -> None:
    assert is_noise([1, 2, 3], [3, 4])
    assert not is_noise([1, 2], [3, 4])
    assert is_noise([1], [3, 4])


def test_figures_are_read_from_where_they_are() -> None:
    runs = [a_run(2.0, floor=8.0), a_run(2.0)]
    assert values(runs, ("times_floor",)) == [0.25]
    assert values(runs, ("redis", "us_per_message")) == [30.0, 30.0]
    assert values(runs, ("nothing", "here")) == []


@pytest.mark.parametrize(
    ("value", "end"), [(0, 1), (0.7, 1), (1, 1), (1.2, 2), (26, 50), (51, 100)]
)
def test_an_axis_ends_at_a_round_number(value: float, end: float) -> None:
    assert ceiling(value) == pytest.approx(end)
