"""``python -m tests.faults``: strike a cluster, and see whether it keeps its promises."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Final, NoReturn

from tests.faults.nemesis.mixes import NAMES, faults_of
from tests.faults.report import as_json, table
from tests.faults.run import RunOptions, run
from tests.faults.sabotaged import SABOTAGES
from tests.faults.workloads import WorkloadResult, churn, race, release
from tests.interruptible import run_interruptible
from tests.load.arguments import between, checkout, writable
from tests.load.progress import show

WORKLOADS: Final = {"race": race, "release": release, "churn": churn}


def main() -> None:
    """Run once; the exit status is 0 only if nothing went wrong."""
    workload = WORKLOADS.get(sys.argv[1]) if sys.argv[1:] else None
    if workload is not None:
        _run_workload(workload, sys.argv[1], sys.argv[2:])
    arguments = vars(_parser().parse_args())
    report: Path | None = arguments.pop("json")
    options = RunOptions(**arguments)
    history, result = run_interruptible(lambda folder: run(options, folder, show))
    show("")
    sys.stdout.write(table(history, result))
    if report:
        report.write_text(
            json.dumps(as_json(history, result, **asdict(options)), indent=1, default=str) + "\n"
        )
    sys.exit(not result.clean)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults",
        description=__doc__,
        epilog=f"There are also, each with its own --help: {', '.join(WORKLOADS)}.",
    )
    parser.add_argument("--nodes", type=between(int, 1, 64), default=3, metavar="N", help="[3]")
    parser.add_argument(
        "--clients", type=between(int, 1), default=12, metavar="N", help="guests [12]"
    )
    parser.add_argument(
        "--accounts", type=between(int, 0), default=3, metavar="N",
        help="people with an account and two devices [3]",
    )  # fmt: skip
    parser.add_argument(
        "--seconds", type=between(float, 0.1, 86_400), default=180.0, metavar="N", help="[180]"
    )
    parser.add_argument("--mix", type=_mix, default="all", help=f"some of {', '.join(NAMES)} [all]")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of all chance [0]")
    parser.add_argument(
        "--grace",
        type=between(float, 0, 3600),
        default=12.0,
        metavar="N",
        help="the nodes' grace time; a node that is cut off for longer loses its sessions [12]",
    )
    parser.add_argument("--sabotage", choices=sorted(SABOTAGES), help="what the nodes do wrong")
    parser.add_argument(
        "--beside", type=checkout, metavar="FOLDER", help="every second node runs this checkout"
    )
    parser.add_argument("--json", type=writable, metavar="FILE", help="write the verdict")
    return parser


def _mix(text: str) -> str:
    """Read the argument that names a mix."""
    try:
        faults_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _run_workload(workload: ModuleType, name: str, arguments: list[str]) -> NoReturn:
    """Run one of `WORKLOADS`, and exit as `main` does."""
    parser = argparse.ArgumentParser(
        prog=f"python -m tests.faults {name}", description=workload.__doc__
    )
    workload.add_arguments(parser)
    options = vars(parser.parse_args(arguments))
    result: WorkloadResult = run_interruptible(partial(workload.run, show=show, **options))
    show("")
    sys.stdout.write(f"{result}\n")
    sys.exit(not result.clean)


if __name__ == "__main__":
    main()
