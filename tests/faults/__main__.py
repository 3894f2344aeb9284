"""``python -m tests.faults``: strike a cluster, and see whether it keeps its promises."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import NoReturn

import trio

from tests.faults import race
from tests.faults.faults import MIXES, faults_of
from tests.faults.report import as_json, table
from tests.faults.run import Plan, run
from tests.faults.sabotaged import SABOTAGES


def main() -> None:
    """Run once; exit status 0 only if nothing went wrong."""
    if sys.argv[1:2] == ["race"]:
        _race(sys.argv[2:])
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--clients", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--mix", default="all", help=f"some of {', '.join(MIXES)}; or all [all]")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--grace", type=float, default=6.0, help="the nodes' grace time [6]")
    parser.add_argument("--sabotage", choices=sorted(SABOTAGES), help="what the nodes do wrong")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    try:
        faults_of(options.mix)
    except ValueError as error:
        parser.error(str(error))
    plan = Plan(**{k: v for k, v in vars(options).items() if k != "json"})
    with tempfile.TemporaryDirectory(prefix="chat-faults-") as folder:
        history, verdict = trio.run(run, plan, Path(folder), _show)
    _show("")
    sys.stdout.write(table(history, verdict))
    if options.json:
        options.json.write_text(json.dumps(as_json(verdict, **asdict(plan)), indent=1) + "\n")
    sys.exit(not verdict.clean)


def _race(arguments: list[str]) -> NoReturn:
    parser = argparse.ArgumentParser(prog="python -m tests.faults race", description=race.__doc__)
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--kills", action="store_true", help="nodes die meanwhile")
    asked = vars(parser.parse_args(arguments))
    with tempfile.TemporaryDirectory(prefix="chat-faults-") as folder:
        outcome = trio.run(partial(race.race, Path(folder), show=_show, **asked))
    _show("")
    sys.stdout.write(f"{outcome}\n")
    sys.exit(not outcome.clean)


def _show(line: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{line}")
    elif line:
        sys.stderr.write(line + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
