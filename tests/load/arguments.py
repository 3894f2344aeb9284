"""The load test's command line, checked before anything runs."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from gateway.wire import MAX_TEXT_BYTES
from tests.load.report.compare import differences
from tests.load.scenario import SCENARIOS, Scenario, adapted
from tests.load.target.cluster import ROOT, running

_LEAST_TEXT: Final = 20
"""Bytes that a message needs to say when it was to be sent."""


def between(kind: type[int | float], least: float, most: float = 1e6) -> Callable[[str], float]:
    """Return an argparse type for numbers from ``least`` to ``most``."""

    def number(text: str) -> float:
        value = kind(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} is not between {least:g} and {most:,.0f}")
        return value

    number.__name__ = "whole number" if kind is int else "number"  # argparse puts it into its error
    return number


def writable(text: str) -> Path:
    """Read an argument that names a file to write; the file is created."""
    file = Path(text)
    try:
        file.open("a").close()
    except OSError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return file


_COUNT: Final = between(int, 0)
_SOME: Final = between(int, 1)
_RATE: Final = between(float, 0)
_WHAT: Final = {
    "clients": (_SOME, "clients in the rooms"),
    "rooms": (_SOME, "rooms that they are spread over"),
    "senders": (_COUNT, "clients who send"),
    "rate": (_RATE, "messages a second, of all senders together"),
    "in_flight": (_COUNT, "instead of a rate: so many messages are always on their way"),
    "seconds": (between(float, 0.1, 86_400), "what is measured, after the warm-up"),
    "warmup": (between(float, 0, 86_400), "seconds of sending before that"),
    "ramp": (_RATE, "clients that come in each second; 0: as fast as they can"),
    "payload": (between(int, _LEAST_TEXT, MAX_TEXT_BYTES), "bytes of a message's text"),
    "pings": (_RATE, "signs of life asked for each second, of all pingers together"),
    "pingers": (_COUNT, "clients who ask for them, each in a room of its own"),
    "deaf": (_COUNT, "clients who stop reading when the warm-up begins"),
    "movers": (_COUNT, "clients whose connections the storm cuts"),
    "account_rooms": (_COUNT, "rooms that the account of each mover is in"),
    "unread": (_COUNT, "unread messages in each of them"),
    "seed": (_COUNT, "send at random moments, the same for the same seed; without it evenly"),
}  # fmt: skip
"""The options that set a field of the scenario: its type, and its help."""


def parse(arguments: Sequence[str]) -> tuple[argparse.Namespace, Scenario]:
    """Return the arguments of a run; wrong ones end the program with status 2."""
    parser = _parser()
    options = parser.parse_args(arguments)
    given = {
        name: getattr(options, name)
        for name in (*_WHAT, "storm", "sign_in", "join_rooms", "senders_apart")
    }
    scenario = adapted(options.scenario, **given)
    for words, wrong in _contradictions(options, scenario).items():
        if wrong:
            parser.error(words)
    try:
        options.cluster = running(options.nodes.split(",")) if options.nodes else None
    except ValueError as error:
        parser.error(str(error))
    return options, scenario


def parse_compare(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the arguments of a comparison, with the reports that they name."""
    parser = argparse.ArgumentParser(prog="python -m tests.load compare")
    about = "JSON of one or several runs, separated by commas"
    parser.add_argument("before", type=_reports, help=about)
    parser.add_argument("after", type=_reports, help="the same, of the same scenario")
    options = parser.parse_args(arguments)
    if different := differences([*options.before, *options.after]):
        parser.error(f"these runs cannot be compared, they differ in: {', '.join(different)}")
    return options


def _contradictions(options: argparse.Namespace, scenario: Scenario) -> dict[str, object]:
    cores = {0, 1} - os.sched_getaffinity(0)
    return {
        "--in-flight needs the one generator that sees every client": (
            scenario.in_flight and options.generators > 1
        ),
        "--floor is measured with messages in flight: say how many, --in-flight": (
            options.floor and not scenario.in_flight
        ),
        "only nodes of our own are killed: use --spawn 2 or more, or --storm drop": (
            scenario.storm == "kill" and (options.spawn or 0) < 2
        ),
        "a storm needs --movers": scenario.storm and not scenario.movers,
        "accounts are made only in a Redis of our own: use --spawn": (
            scenario.sign_in and not options.spawn
        ),
        "only accounts have --account-rooms: say how they come in, --sign-in": (
            scenario.account_rooms and not scenario.sign_in
        ),
        "--unread and --join-rooms need --account-rooms": (
            (scenario.unread or scenario.join_rooms) and not scenario.account_rooms
        ),
        "somebody must hear: fewer --deaf, or more --clients": scenario.deaf >= scenario.clients,
        "with a --rate there must be --senders": scenario.rate and not scenario.senders,
        "--pings and --pingers need each other": bool(scenario.pings) != bool(scenario.pingers),
        "--tls goes with --spawn; of nodes that run, the URL says it": (
            options.tls and not options.spawn
        ),
        "--pin needs cores 0 and 1": options.pin and cores,
    }


def _parser() -> argparse.ArgumentParser:
    names = "\n".join(f"  {s.name:17} {s.about}" for s in SCENARIOS.values())
    parser = argparse.ArgumentParser(
        prog="python -m tests.load", epilog=f"scenarios:\n{names}", allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Put a cluster under load and report what it bore. What is not given is as "
        "the scenario has it.\nExit status: 0 if all was in order; 1 if anything was refused, "
        "lost, doubled or out of order,\nor somebody did not come in; 2 for wrong arguments; 3 if "
        "the generators were too busy to be\nbelieved.",
    )  # fmt: skip
    parser.add_argument("--scenario", choices=SCENARIOS, default="broadcast", help="[broadcast]")
    where = parser.add_argument_group("where (one of --nodes and --spawn)")
    either = where.add_mutually_exclusive_group(required=True)
    either.add_argument("--nodes", metavar="URL,URL", help="nodes that run already")
    either.add_argument(
        "--spawn", type=between(int, 1, 64), metavar="N", help="start N nodes and a Redis instead"
    )
    where.add_argument(
        "--gateway", type=checkout, default=ROOT, metavar="FOLDER",
        help="checkout whose gateway is spawned [this one]",
    )  # fmt: skip
    where.add_argument(
        "--pin", action="store_true", help="nodes on core 0, Redis and generators on core 1"
    )
    where.add_argument(
        "--tls", action="store_true", help="the nodes that are started speak TLS themselves"
    )
    what = parser.add_argument_group("what")
    for name, (kind, about) in _WHAT.items():
        what.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar="N", help=about)
    what.add_argument(
        "--storm", choices=["kill", "drop", "churn"],
        help="a quarter through, kill the movers' node, or drop their connections: once, or each "
        "time they are back",
    )  # fmt: skip
    what.add_argument(
        "--sign-in", choices=["token", "password"],
        help="the movers have accounts, and come in by this",
    )  # fmt: skip
    what.add_argument(
        "--join-rooms", action="store_true", default=None,
        help="each joins all rooms of its account after it has signed in",
    )  # fmt: skip
    what.add_argument(
        "--senders-apart", action="store_true", default=None,
        help="senders on the last node: the others' cost is then that of delivering alone",
    )  # fmt: skip
    how = parser.add_argument_group("how")
    how.add_argument(
        "--generators", type=between(int, 1, 64), default=1, metavar="N", help="processes [1]"
    )
    how.add_argument("--repeat", type=_SOME, default=1, metavar="N", help="runs [1]")
    how.add_argument("--floor", action="store_true", help="measure the bare-socket floor, too")
    how.add_argument("--json", type=writable, metavar="FILE", help="write the figures of all runs")
    how.add_argument("--html", type=writable, metavar="FILE", help="write a page with plots")
    return parser


def checkout(text: str) -> Path:
    """Read the argument that names a checkout of this project."""
    folder = Path(text).resolve()
    if not (folder / "gateway" / "node.py").exists():
        raise argparse.ArgumentTypeError(f"{text} is no checkout of the gateway")
    return folder


def _reports(text: str) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = []
    for name in text.split(","):
        try:
            read = json.loads(Path(name).read_text())
        except (OSError, ValueError) as error:
            raise argparse.ArgumentTypeError(f"{name}: {error}") from None
        if not (isinstance(read, list) and read and all("faults" in run for run in read)):
            raise argparse.ArgumentTypeError(f"{name}: no report of this load test")
        runs += read
    return runs
