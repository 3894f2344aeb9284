"""One measurement: have the clients come in, let them talk, and put together what was seen."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Final

from tests.load.cluster import Cluster, Usage
from tests.load.cost import Stretch, cost
from tests.load.fleet import now
from tests.load.histogram import merged
from tests.load.scenario import Scenario
from tests.load.tally import settle
from tests.load.verdict import faults

HEAD_START: Final = 500_000
"""Microseconds between the order to run and the start, so that all generators begin together."""
CONNECT_SECONDS: Final = 180.0
BUSY: Final = 0.8
"""The part of a core above which a generator measures itself rather than the server."""
_CURVE: Final = (0, 10, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.99, 100)

Report = dict[str, Any]


class Generators:
    """The generator processes, told and heard over pipes."""

    def __init__(self, count: int, core: int | None) -> None:
        self.said: queue.Queue[tuple[int, dict[str, Any]]] = queue.Queue()
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.load.generator"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
            for _ in range(count)
        ]  # fmt: skip
        for number, process in enumerate(self._processes):
            if core is not None:
                os.sched_setaffinity(process.pid, {core})
            threading.Thread(target=self._listen, args=(number, process), daemon=True).start()

    def __len__(self) -> int:
        return len(self._processes)

    def _listen(self, number: int, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.said.put((number, json.loads(line)))
        self.said.put((number, {"ended": True}))

    def ask(self, number: int, do: str, **fields: Any) -> None:
        """Have one of them do something; it answers in `said`."""
        pipe = self._processes[number].stdin
        assert pipe is not None
        pipe.write(json.dumps({"do": do, **fields}) + "\n")
        pipe.flush()

    def answers(self, on_second: Callable[[int, dict[str, Any]], None]) -> list[dict[str, Any]]:
        """Wait for the last line of every one's answer; those before it go to ``on_second``."""
        last: dict[int, dict[str, Any]] = {}
        while len(last) < len(self):
            number, line = self.said.get(timeout=CONNECT_SECONDS * 2)
            if line.get("ended"):
                raise SystemExit("a generator ended before its time")
            if line.get("done"):
                last[number] = line
            else:
                on_second(number, line)
        return [last[number] for number in sorted(last)]

    def close(self) -> None:
        """End them, whatever they are doing."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
            assert process.stdin is not None
            process.stdin.close()


class Timeline:
    """What the generators tell of each second, put together."""

    def __init__(self, count: int, warmup: float, show: Callable[[str], None]) -> None:
        self._count = count
        self._warmup = warmup
        self._show = show
        self._lines: dict[int, list[dict[str, Any]]] = {}
        self.seconds: list[dict[str, Any]] = []

    def take(self, _: int, line: dict[str, Any]) -> None:
        """Take one generator's second; once all have told theirs, show it."""
        lines = self._lines.setdefault(line["second"], [])
        lines.append(line)
        if len(lines) < self._count:
            return
        latency = merged([each["latency"] for each in lines]).summary()
        second = {
            "second": line["second"] - self._warmup,
            "deliveries": sum(each["deliveries"] for each in lines),
            "ready": sum(each["ready"] for each in lines),
            "p50": latency.get("p50"),
            "p99": latency.get("p99"),
            "max": latency.get("max"),
        }
        self.seconds.append(second)
        p99 = f", p99 {latency['p99']:.1f} ms" if latency else ""
        self._show(
            f"{second['second']:5.0f} s  {second['deliveries']:>9,} deliveries/s{p99}"
            f"  {second['ready']:,} clients"
        )


def measure(
    scenario: Scenario, cluster: Cluster, generators: Generators, show: Callable[[str], None]
) -> Report:
    """Run a scenario; gives everything that the report tells of it."""
    before = cluster.usages()
    connected = _come_in(scenario, cluster, generators, show)
    connecting = Stretch(before, cluster.usages())
    timeline = Timeline(len(generators), scenario.warmup, show)
    usages, observer = _run(scenario, cluster, generators)
    results = generators.answers(timeline.take)
    observer.join()
    report: Report = {
        "scenario": asdict(scenario) | {"nodes": len(cluster.nodes)},
        "connects": connected,
    } | _what_was_heard(scenario, results)
    report |= cost(
        connecting, Stretch(*usages), seconds=scenario.seconds, ready=connected["ready"],
        deliveries=report["deliveries"], messages=report["achieved"] * scenario.seconds,
    )  # fmt: skip
    report["faults"] = faults(scenario, report)
    report["timeline"] = timeline.seconds
    report["generator_cpu"] = [round(r["cpu"] / scenario.seconds, 3) for r in results]
    # With so many in flight the generator sets the pace itself: it can be no one's bottleneck.
    report["void"] = scenario.rate > 0 and not scenario.in_flight and _is_busy(report)
    return report


def _is_busy(report: Report) -> bool:
    return bool(max(report["generator_cpu"]) > BUSY)


def _people(scenario: Scenario, urls: Sequence[str]) -> list[list[Any]]:
    return [
        [
            number,
            scenario.room_of(number),
            [urls[node] for node in scenario.nodes_of(number, len(urls))],
            scenario.is_sampled(number),
            scenario.clients <= number < scenario.clients + scenario.movers,
            scenario.clients - scenario.deaf <= number < scenario.clients,
        ]
        for number in range(scenario.everybody)
    ]


def _shared_out(
    scenario: Scenario, people: list[list[Any]], generators: int
) -> list[list[list[Any]]]:
    """Give each generator its people, the last one the pingers if there are any.

    Pingers among very many listeners would tell how long the generator took to come to them.
    """
    others = scenario.clients + scenario.movers
    last = [people[others:]] if scenario.pingers else []
    busy = generators - len(last)
    return [people[number:others:busy] for number in range(busy)] + last


def _come_in(
    scenario: Scenario, cluster: Cluster, generators: Generators, show: Callable[[str], None]
) -> Report:
    people = _people(scenario, [node.url for node in cluster.nodes])
    show(f"{len(people):,} clients come in")
    for number, share in enumerate(_shared_out(scenario, people, len(generators))):
        generators.ask(
            number, "come_in", people=share, ramp=scenario.ramp / len(generators),
            seconds=CONNECT_SECONDS,
        )  # fmt: skip
    answers = generators.answers(lambda *_: None)
    ready, seconds = sum(a["ready"] for a in answers), max(a["seconds"] for a in answers)
    return {
        "ready": ready,
        "seconds": seconds,
        "per_second": ready / seconds if seconds else 0.0,
        "failures": _total(answers, "failures"),
        "latency": merged([a["joins"] for a in answers]).summary(),
        "generator_cpu": [round(a["cpu"] / seconds, 3) for a in answers],
    }


def _run(
    scenario: Scenario, cluster: Cluster, generators: Generators
) -> tuple[list[dict[str, Usage]], threading.Thread]:
    """Start the run, and read what the cluster uses when its measured part begins and ends."""
    time.sleep(2.0)  # what the comers told each other has been delivered
    start = now() + HEAD_START
    movers_end = scenario.clients + scenario.movers
    for number in range(len(generators)):
        generators.ask(
            number, "run", start=start, warmup=scenario.warmup, seconds=scenario.seconds,
            rate=scenario.rate, senders=[0, scenario.senders], in_flight=scenario.in_flight,
            payload=scenario.payload, pings=scenario.pings,
            pingers=[movers_end, movers_end + scenario.pingers],
            seed=scenario.seed, drop_at=scenario.seconds / 4 if scenario.storm == "drop" else 0.0,
        )  # fmt: skip
    usages: list[dict[str, Usage]] = []

    def observe() -> None:
        begin = start / 1e6 + scenario.warmup
        _sleep_until(begin)
        usages.append(cluster.usages())
        if scenario.storm == "kill":
            _sleep_until(begin + scenario.seconds / 4)
            cluster.nodes[0].kill()
        _sleep_until(begin + scenario.seconds)
        usages.append(cluster.usages())

    observer = threading.Thread(target=observe, daemon=True)
    observer.start()
    return usages, observer


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def _what_was_heard(scenario: Scenario, results: list[dict[str, Any]]) -> Report:
    delivered = merged([r["delivered"] for r in results])
    heard = settle([r["rooms"] for r in results])
    deliveries = sum(r["deliveries"] for r in results)
    return {
        "offered": sum(r["offered"] for r in results) / scenario.seconds,
        "achieved": sum(r["achieved"] for r in results) / scenario.seconds,
        "deliveries": deliveries,
        "deliveries_per_second": deliveries / scenario.seconds,
        "delivered": delivered.summary(),
        "acked": merged([r["acked"] for r in results]).summary(),
        "pings": merged([r["pings"] for r in results]).summary(),
        "rejoined": merged([r["rejoins"] for r in results]).summary(),
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


def _total(told: list[dict[str, Any]], counts: str) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in told:
        total.update(each[counts])
    return dict(total)
