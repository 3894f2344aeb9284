"""``python -m tests.faults``: strike a cluster, and see whether it keeps its promises."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Final, NoReturn, Protocol, TypeVar

import trio

from tests.faults import churn, race, release
from tests.faults.faults import NAMES, faults_of
from tests.faults.report import as_json, table
from tests.faults.run import Plan, run
from tests.faults.sabotaged import SABOTAGES
from tests.load.arguments import between

ResultT = TypeVar("ResultT")

_SECONDS: Final = between(float, 0.1, 86_400)
_GRACE: Final = between(float, 0, 3600)


def main() -> None:
    """Run once; exit status 0 only if nothing went wrong."""
    asked = sys.argv[1:2]
    if asked and asked[0] in OTHERS:
        _other(asked[0], sys.argv[2:])
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults",
        description=__doc__,
        epilog=f"There are also, each with its own --help: {', '.join(OTHERS)}.",
    )
    parser.add_argument("--nodes", type=between(int, 1, 64), default=3, metavar="N", help="[3]")
    parser.add_argument("--clients", type=between(int, 1), default=12, metavar="N", help="[12]")
    parser.add_argument("--seconds", type=_SECONDS, default=180.0, metavar="N", help="[180]")
    parser.add_argument("--mix", type=_mix, default="all", help=f"some of {', '.join(NAMES)} [all]")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of all chance [0]")
    parser.add_argument(
        "--grace",
        type=_GRACE,
        default=12.0,
        metavar="N",
        help="the nodes' grace time; a node that is cut off for longer loses its sessions [12]",
    )
    parser.add_argument("--sabotage", choices=sorted(SABOTAGES), help="what the nodes do wrong")
    parser.add_argument("--json", type=_writable, metavar="FILE", help="write the verdict")
    options = parser.parse_args()
    plan = Plan(**{k: v for k, v in vars(options).items() if k != "json"})
    history, verdict = _carry_out(lambda folder: run(plan, folder, _show))
    _show("")
    sys.stdout.write(table(history, verdict))
    if options.json:
        options.json.write_text(json.dumps(as_json(verdict, **asdict(plan)), indent=1) + "\n")
    sys.exit(not verdict.clean)


def _mix(text: str) -> str:
    try:
        faults_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _writable(text: str) -> Path:
    file = Path(text)
    try:
        file.open("a").close()
    except OSError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return file


class Outcome(Protocol):
    """What another kind of run ends with; as text, it says it all."""

    @property
    def clean(self) -> bool:
        """Whether nothing went wrong."""


OTHERS: Final[dict[str, Callable[..., Awaitable[Outcome]]]] = {
    "race": race.race,
    "release": release.release,
    "churn": churn.churn,
}


def _other(name: str, arguments: list[str]) -> NoReturn:
    """Run one of the others; exit status 0 only if nothing went wrong."""
    work = OTHERS[name]
    parser = argparse.ArgumentParser(
        prog=f"python -m tests.faults {name}", description=sys.modules[work.__module__].__doc__
    )
    match name:
        case "race":
            parser.add_argument(
                "--people", type=between(int, 1, 10_000), default=100, metavar="N", help="[100]"
            )
            parser.add_argument(
                "--rounds", type=between(int, 1), default=1000, metavar="N", help="[1000]"
            )
            parser.add_argument("--kills", action="store_true", help="nodes die meanwhile")
        case "release":
            parser.add_argument(
                "--sessions", type=between(int, 1, 20_000), default=15_000, metavar="N",
                help="[15000]",
            )  # fmt: skip
            parser.add_argument(
                "--grace", type=_GRACE, default=15.0, metavar="N", help="the grace time [15]"
            )
        case "churn":
            parser.add_argument(
                "--count", type=between(int, 1), default=100_000, metavar="N", help="[100000]"
            )
    asked = vars(parser.parse_args(arguments))
    outcome = _carry_out(partial(work, show=_show, **asked))
    _show("")
    sys.stdout.write(f"{outcome}\n")
    sys.exit(not outcome.clean)


def _carry_out(work: Callable[[Path], Awaitable[ResultT]]) -> ResultT:
    """Do it in a folder of its own; ended by a signal, it first ends all that it has started."""
    results: list[ResultT] = []
    ended_by: list[int] = []

    async def until_ended() -> None:
        with (
            trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals,
            tempfile.TemporaryDirectory(prefix="chat-faults-") as folder,
        ):
            async with trio.open_nursery() as nursery:

                async def heed() -> None:
                    ended_by.append(await anext(signals))
                    nursery.cancel_scope.cancel()

                nursery.start_soon(heed)
                results.append(await work(Path(folder)))
                nursery.cancel_scope.cancel()

    try:
        trio.run(until_ended)
    except* Exception:
        if not ended_by:  # else it is what the signal did to the processes, which got it as well
            raise
    if ended_by:
        sys.exit(128 + ended_by[0])
    return results[0]


def _show(line: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{line}")
    elif line:
        sys.stderr.write(line + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
