"""Costs, failed checks, and what the reports say of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.load.arguments import parse_compare
from tests.load.report.checks import failed_checks
from tests.load.report.compare import compare, is_noise, values
from tests.load.report.cost import UsageInterval, cost
from tests.load.report.page import page
from tests.load.report.plots import ceiling
from tests.load.report.table import table
from tests.load.scenario import SCENARIOS, adapted
from tests.load.target.processes import Usage


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
        "connects": {"ready": 500, "per_second": 1000.0, "latency": latency, "signed_in": {}},
        "connects_per_cpu_second": 2000.0, "failures": {}, "kib_per_connection": 9.0,
        "refused": {}, "unsent": 0, "unanswered": 0, "faults": [],
        "deliveries": 100, "offered": 50.0, "achieved": 50.0, "deliveries_per_second": 25_000.0,
        "lost": 0, "duplicated": 0, "repeated": 0, "reordered": 0, "expected": 100,
        "lost_connections": 0, "slow_readers": {}, "closed_as_slow": 0,
        "delivered": latency, "acked": latency,
        "delivered_before": {}, "pings": {}, "signed_in": {}, "rejoined": {}, "rejoins": 0,
        "rejoins_per_second": 0.0, "rejoins_per_cpu_second": None,
        "curve": [[0, 1.0], [50, 2.0], [99, 3.0], [100, 5.0]],
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
    assert failed_checks(SCENARIOS["broadcast"], a_run() | found) == words


def test_slow_readers_are_to_be_closed_once_they_were_sent_enough() -> None:
    open_still = a_run() | {"connects": {"ready": 200}, "closed_as_slow": 19}
    closed = open_still | {"closed_as_slow": 20}
    assert failed_checks(adapted("slow-readers"), open_still) == ["19 of 20 slow readers closed"]
    assert failed_checks(adapted("slow-readers"), closed) == []
    assert failed_checks(adapted("slow-readers", rate=10), open_still) == []


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
        UsageInterval(idle, joined), UsageInterval(joined, after), seconds=10.0, ready=150,
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
    nothing = UsageInterval({}, {})
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
