"""The load test's command line: ``python -m tests.load`` and ``python -m tests.load compare``."""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn

from tests.load import floor
from tests.load.cluster import running, spawned
from tests.load.compare import compare
from tests.load.machine import describe
from tests.load.measure import Generators, Report, measure
from tests.load.page import page
from tests.load.report import table
from tests.load.scenario import SCENARIOS, Scenario, adapted

_ROOT: Final = Path(__file__).parent.parent.parent
_FLOOR_SECONDS: Final = 4.0
_ENDING: Final = (signal.SIGINT, signal.SIGTERM)


def main() -> None:
    """Measure, or compare what was measured."""
    if sys.argv[1:2] == ["compare"]:
        parser = argparse.ArgumentParser(prog="python -m tests.load compare")
        parser.add_argument("before", help="JSON of one or several runs, separated by commas")
        parser.add_argument("after", help="the same")
        options = parser.parse_args(sys.argv[2:])
        sys.stdout.write(compare(_runs(options.before), _runs(options.after)))
        return
    for number in _ENDING:
        signal.signal(number, _end)
    options = _parser().parse_args()
    if (options.nodes is None) == (options.spawn is None):
        raise SystemExit("say where the nodes are with --nodes, or have some made with --spawn")
    scenario = _scenario(options)
    runs = [_one_run(options, scenario) for _ in range(options.repeat)]
    if options.json:
        Path(options.json).write_text(json.dumps(runs, indent=1) + "\n")
    if options.html:
        Path(options.html).write_text(page(runs))
    if any(run["void"] for run in runs):
        sys.exit(3)


def _end(number: int, _: FrameType | None) -> NoReturn:
    """End, but first all that was started; another signal meanwhile changes nothing."""
    for each in _ENDING:
        signal.signal(each, signal.SIG_IGN)
    raise SystemExit(128 + number)


def _parser() -> argparse.ArgumentParser:
    names = "\n".join(f"  {s.name:16} {s.about}" for s in SCENARIOS.values())
    parser = argparse.ArgumentParser(
        prog="python -m tests.load", epilog=f"scenarios:\n{names}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Put a cluster under load and report what it bore. What is not given is as "
        "the scenario has it. Exit status 3: the generators were too busy to be believed.",
    )  # fmt: skip
    parser.add_argument("--scenario", choices=SCENARIOS, default="broadcast")
    where = parser.add_argument_group("where")
    where.add_argument("--nodes", metavar="URL,URL", help="nodes that run already")
    where.add_argument("--spawn", type=int, metavar="N", help="start N nodes and a Redis instead")
    where.add_argument(
        "--gateway", type=Path, default=_ROOT, help="checkout whose gateway is spawned [this one]"
    )
    where.add_argument(
        "--pin", action="store_true", help="nodes on core 0, Redis and generators on core 1"
    )
    what = parser.add_argument_group("what")
    for name, kind in (
        ("clients", int), ("rooms", int), ("senders", int), ("rate", float), ("in_flight", int),
        ("seconds", float), ("warmup", float), ("ramp", float), ("payload", int), ("pings", float),
        ("pingers", int), ("deaf", int), ("movers", int),
    ):  # fmt: skip
        what.add_argument(f"--{name.replace('_', '-')}", type=kind)
    what.add_argument("--storm", choices=["kill", "drop"])
    what.add_argument(
        "--senders-apart", action="store_true", default=None,
        help="senders on the last node: the others' cost is then that of delivering alone",
    )  # fmt: skip
    how = parser.add_argument_group("how")
    how.add_argument("--generators", type=int, default=1, metavar="N", help="processes [1]")
    how.add_argument("--repeat", type=int, default=1, metavar="N", help="runs [1]")
    how.add_argument("--seed", type=int, default=0, help="shuffles nothing but the padding [0]")
    how.add_argument("--floor", action="store_true", help="measure the bare-socket floor, too")
    how.add_argument("--json", metavar="FILE")
    how.add_argument("--html", metavar="FILE")
    return parser


def _scenario(options: argparse.Namespace) -> Scenario:
    names = (
        "clients", "rooms", "senders", "rate", "in_flight", "seconds", "warmup", "ramp", "payload",
        "pings", "pingers", "deaf", "movers", "storm", "senders_apart",
    )  # fmt: skip
    scenario = adapted(options.scenario, **{name: getattr(options, name) for name in names})
    if scenario.in_flight and options.generators > 1:
        raise SystemExit("--in-flight needs the one generator that sees every client")
    if scenario.in_flight:
        scenario = replace(scenario, senders=min(scenario.in_flight, scenario.clients))
    if options.floor and not scenario.in_flight:
        raise SystemExit("--floor is measured with messages in flight: say how many, --in-flight")
    if scenario.storm == "kill" and not options.spawn:
        raise SystemExit("only nodes of our own are killed: use --spawn, or --storm drop")
    return scenario


def _one_run(options: argparse.Namespace, scenario: Scenario) -> Report:
    random.seed(options.seed)
    node_core, other_core = (0, 1) if options.pin else (None, None)
    if other_core is not None:
        os.sched_setaffinity(0, {other_core})
    with ExitStack() as stack:
        if options.spawn:
            cluster = stack.enter_context(
                spawned(
                    options.spawn,
                    gateway=options.gateway,
                    node_core=node_core,
                    other_core=other_core,
                )
            )
        else:
            cluster = running(options.nodes.split(","))
        count = options.generators + (scenario.pingers > 0)
        generators = stack.enter_context(closing(Generators(count, other_core)))
        report = measure(scenario, cluster, generators, _show)
    report["machine"] = describe(options.gateway, arguments=sys.argv[1:], seed=options.seed)
    if options.floor:
        report["floor"] = floor.measure(
            processes=options.spawn or 1, members=scenario.clients,
            in_flight=scenario.in_flight, payload=scenario.payload, seconds=_FLOOR_SECONDS,
            node_core=node_core, other_core=other_core,
        )  # fmt: skip
    _show("")
    sys.stdout.write(table(report))
    return report


def _show(line: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{line}")
    elif line:
        sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _runs(files: str) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = []
    for name in files.split(","):
        runs += json.loads(Path(name).read_text())
    return runs


if __name__ == "__main__":
    main()
