"""Conducts one measurement: clients come in, talk, and what was counted is put together."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

from tests.load.generator.client import now
from tests.load.generator.histogram import Histogram
from tests.load.generator.tally import settle
from tests.load.generator_processes import GeneratorProcesses
from tests.load.report.checks import failed_checks
from tests.load.report.cost import UsageInterval, cost, per
from tests.load.report.time_series import TimeSeries
from tests.load.scenario import Scenario
from tests.load.target.accounts import make_accounts
from tests.load.target.cluster import TargetCluster
from tests.load.target.processes import Usage

HEAD_START: Final = 500_000
"""Microseconds between the order to run and the start: all generators then begin together."""
CONNECT_SECONDS: Final = 180.0
JOINS_SECONDS: Final = 2.0
"""Seconds in which the news of who joined is delivered, before anything is measured."""
BUSY: Final = 0.8
"""The share of a core above which a generator is the bottleneck, and the run void."""
_CURVE: Final = (0, 10, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.99, 100)

Report = dict[str, Any]


def measure(
    scenario: Scenario,
    cluster: TargetCluster,
    generators: GeneratorProcesses,
    show: Callable[[str], None],
) -> Report:
    """Run a scenario and return its report."""
    before = cluster.usages()
    connected = _connect_clients(scenario, cluster, generators, show)
    connecting = UsageInterval(before, cluster.usages())
    series = TimeSeries(len(generators), scenario.warmup, show)
    usages, observer = _start(scenario, cluster, generators)
    results = generators.answers(series.add)
    observer.join()
    report: Report = {
        "scenario": asdict(scenario) | {"nodes": len(cluster.nodes)},
        "connects": connected,
    } | _totals(scenario, results)
    report |= cost(
        connecting, UsageInterval(usages[0], usages[-1]), seconds=scenario.seconds,
        ready=connected["ready"], deliveries=report["deliveries"],
        messages=report["achieved"] * scenario.seconds,
    )  # fmt: skip
    report |= _rejoining(scenario, report, UsageInterval(usages[-2], usages[-1]))
    report["faults"] = failed_checks(scenario, report)
    report["timeline"] = series.seconds
    report["generator_cpu"] = [round(r["cpu"] / scenario.seconds, 3) for r in results]
    # With a number in flight the generator sets the pace itself: it cannot fall behind.
    report["void"] = scenario.rate > 0 and not scenario.in_flight and _is_busy(report)
    return report


def _is_busy(report: Report) -> bool:
    return bool(max(report["generator_cpu"]) > BUSY)


def _client_specs(scenario: Scenario, cluster: TargetCluster) -> list[list[Any]]:
    """Return the fields of every client's `ClientSpec`; makes the accounts of movers."""
    urls = [node.url for node in cluster.nodes]
    accounts = make_accounts(scenario, cluster.redis_url) if scenario.sign_in else {}
    return [
        [
            number,
            scenario.room_of(number),
            [urls[node] for node in scenario.nodes_of(number, len(urls))],
            scenario.is_sampled(number),
            scenario.clients <= number < scenario.clients + scenario.movers,
            scenario.clients - scenario.deaf <= number < scenario.clients,
            accounts.get(number, {}),
            scenario.rooms_of_account(number) if scenario.join_rooms and number in accounts else [],
        ]
        for number in range(scenario.everybody)
    ]


def _shares(scenario: Scenario, specs: list[list[Any]], generators: int) -> list[list[list[Any]]]:
    """Return each generator's clients; pingers have the last generator to themselves.

    Among very many listeners a ping would measure how long its generator took to come to it.
    """
    others = scenario.clients + scenario.movers
    last = [specs[others:]] if scenario.pingers else []
    busy = generators - len(last)
    return [specs[number:others:busy] for number in range(busy)] + last


def _connect_clients(
    scenario: Scenario,
    cluster: TargetCluster,
    generators: GeneratorProcesses,
    show: Callable[[str], None],
) -> Report:
    specs = _client_specs(scenario, cluster)
    show(f"{len(specs):,} clients come in")
    for number, share in enumerate(_shares(scenario, specs, len(generators))):
        generators.ask(
            number, "come_in", specs=share, ramp=scenario.ramp / len(generators),
            seconds=CONNECT_SECONDS,
        )  # fmt: skip
    answers = generators.answers(lambda _: None)
    ready, seconds = sum(a["ready"] for a in answers), max(a["seconds"] for a in answers)
    return {
        "ready": ready,
        "seconds": seconds,
        "per_second": ready / seconds if seconds else 0.0,
        "failures": _total(answers, "failures"),
        "latency": Histogram.merged([a["joins"] for a in answers]).summary(),
        "signed_in": Histogram.merged([a["sign_ins"] for a in answers]).summary(),
        "generator_cpu": [round(a["cpu"] / seconds, 3) for a in answers],
    }


def _start(
    scenario: Scenario, cluster: TargetCluster, generators: GeneratorProcesses
) -> tuple[list[dict[str, Usage]], threading.Thread]:
    """Start the run, and a thread that observes it.

    :returns: the usage when the measured part begins, before a storm and when it ends, and the
        thread that fills this in.
    """
    time.sleep(JOINS_SECONDS)
    start = now() + HEAD_START
    movers_end = scenario.clients + scenario.movers
    for number in range(len(generators)):
        generators.ask(
            number, "run", start=start, warmup=scenario.warmup, seconds=scenario.seconds,
            rate=scenario.rate, senders=[0, scenario.senders], in_flight=scenario.in_flight,
            payload=scenario.payload, pings=scenario.pings,
            pingers=[movers_end, movers_end + scenario.pingers],
            seed=scenario.seed, storm=scenario.storm, storm_at=scenario.seconds / 4,
        )  # fmt: skip
    usages: list[dict[str, Usage]] = []

    def observe() -> None:
        begin = start / 1e6 + scenario.warmup
        _sleep_until(begin)
        usages.append(cluster.usages())
        if scenario.storm:
            _sleep_until(begin + scenario.seconds / 4)
            usages.append(cluster.usages())
        if scenario.storm == "kill":
            cluster.nodes[0].kill()
        _sleep_until(begin + scenario.seconds)
        usages.append(cluster.usages())

    observer = threading.Thread(target=observe, daemon=True)
    observer.start()
    return usages, observer


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def _totals(scenario: Scenario, results: list[dict[str, Any]]) -> Report:
    delivered = Histogram.merged([r["delivered"] for r in results])
    heard = settle([r["rooms"] for r in results])
    deliveries = sum(r["deliveries"] for r in results)
    return {
        "offered": sum(r["offered"] for r in results) / scenario.seconds,
        "achieved": sum(r["achieved"] for r in results) / scenario.seconds,
        "deliveries": deliveries,
        "deliveries_per_second": deliveries / scenario.seconds,
        "delivered": delivered.summary(),
        "delivered_before": Histogram.merged([r["delivered_before"] for r in results]).summary(),
        "acked": Histogram.merged([r["acked"] for r in results]).summary(),
        "pings": Histogram.merged([r["pings"] for r in results]).summary(),
        "rejoined": Histogram.merged([r["rejoins"] for r in results]).summary(),
        "signed_in": Histogram.merged([r["sign_ins"] for r in results]).summary(),
        "rejoins": sum(r["rejoined"] for r in results),
        "rejoins_measured": sum(r["rejoined_measured"] for r in results),
        "curve": [[p, delivered.percentile(p) / 1000] for p in _CURVE] if delivered else [],
        "expected": heard["expected"],
        "lost": max(heard["lost"], sum(r["gaps"] for r in results)),
        "duplicated": heard["duplicated"],
        "reordered": sum(r["reordered"] for r in results),
        "repeated": sum(r["repeated"] for r in results),
        "refused": _total(results, "refused"),
        "unsent": sum(r["unsent"] for r in results),
        "unanswered": sum(r["unanswered"] for r in results),
        "lost_connections": sum(r["lost_connections"] for r in results),
        "ready_at_end": sum(r["ready"] for r in results),
        "failures": _total(results, "failures"),
        "slow_readers": _total(results, "slow_readers"),
    }


def _rejoining(scenario: Scenario, report: Report, storm: UsageInterval) -> Report:
    """Return how fast those who were cut off came back, and for what CPU of the nodes.

    The latter is of the measured part alone, however long they went on coming back after it.
    """
    seconds = scenario.seconds * 3 / 4
    if scenario.storm != "churn" and report["rejoined"]:
        seconds = report["rejoined"]["max"] / 1000
    cpu = storm.grown("cpu", *storm.nodes)
    return {
        "rejoins_per_second": report["rejoins"] / seconds,
        "rejoins_per_cpu_second": per(report["rejoins_measured"], cpu),
    }


def _total(told: list[dict[str, Any]], counts: str) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in told:
        total.update(each[counts])
    return dict(total)
