"""The load test's command line: ``python -m tests.load`` and ``python -m tests.load compare``."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from contextlib import ExitStack, closing
from types import FrameType
from typing import Final, NoReturn

from gateway.embedded_redis import NoRedis
from tests.load.arguments import parse, parse_compare
from tests.load.generator_processes import GeneratorProcesses
from tests.load.measure import Report, measure
from tests.load.progress import show
from tests.load.report.compare import compare
from tests.load.report.cost import per
from tests.load.report.machine import describe
from tests.load.report.page import page
from tests.load.report.table import table
from tests.load.scenario import Scenario
from tests.load.target import floor
from tests.load.target.cluster import spawned

FAILED: Final = 1
VOID: Final = 3
_FLOOR_SECONDS: Final = 4.0
_END_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


def main() -> None:
    """Measure a cluster, or compare earlier measurements."""
    if sys.argv[1:2] == ["compare"]:
        compared = parse_compare(sys.argv[2:])
        sys.stdout.write(compare(compared.before, compared.after))
        return
    for number in _END_SIGNALS:
        signal.signal(number, _end)
    options, scenario = parse(sys.argv[1:])
    try:
        runs = [_one_run(options, scenario) for _ in range(options.repeat)]
    except NoRedis as error:
        raise SystemExit(str(error)) from None
    if options.json:
        options.json.write_text(json.dumps(runs, indent=1) + "\n")
    if options.html:
        options.html.write_text(page(runs))
    if any(run["faults"] for run in runs):
        sys.exit(FAILED)
    if any(run["void"] for run in runs):
        sys.exit(VOID)


def _end(number: int, _: FrameType | None) -> NoReturn:
    """End the program after all that it started; further signals meanwhile are ignored."""
    for each in _END_SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise SystemExit(128 + number)


def _one_run(options: argparse.Namespace, scenario: Scenario) -> Report:
    """Measure once and print the result."""
    node_core, other_core = (0, 1) if options.pin else (None, None)
    if other_core is not None:
        os.sched_setaffinity(0, {other_core})
    with ExitStack() as stack:
        cluster = options.cluster or stack.enter_context(
            spawned(
                options.spawn,
                gateway=options.gateway,
                node_core=node_core,
                other_core=other_core,
                tls=options.tls,
            )
        )
        count = options.generators + (scenario.pingers > 0)
        generators = stack.enter_context(closing(GeneratorProcesses(count, other_core)))
        report = measure(scenario, cluster, generators, show)
    report["machine"] = describe(options.gateway, arguments=sys.argv[1:])
    if options.floor:
        report["floor"] = floor.measure(
            processes=options.spawn or 1, members=scenario.clients,
            in_flight=scenario.in_flight, payload=scenario.payload, seconds=_FLOOR_SECONDS,
            node_core=node_core, other_core=other_core,
        )  # fmt: skip
        report["times_floor"] = per(report["us_per_delivery"] or 0.0, report["floor"])
    show("")
    sys.stdout.write(table(report, colour=sys.stdout.isatty()))
    sys.stdout.flush()
    return report


if __name__ == "__main__":
    main()
