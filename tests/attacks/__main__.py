"""``python -m tests.attacks``: attack nodes, and see what that costs those who only chat."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from typing import Any, Final

from tests.attacks.attack import Attack
from tests.attacks.bounds import Bounds, judge
from tests.attacks.catalogue import ATTACKS
from tests.attacks.report import HEADING, row
from tests.attacks.run import Options, carry_out, missing_settings
from tests.interruptible import run_interruptible
from tests.load.arguments import between, checkout, writable
from tests.load.progress import show
from tests.load.report.machine import describe

BROKEN: Final = 1
NOISY: Final = 3
SOURCES: Final = (1, 50)


def main() -> None:
    """Carry out attacks; exit with 0 only if every bound was kept, and the machine quiet enough."""
    arguments = vars(_parser().parse_args())
    report: Path | None = arguments.pop("json")
    attacks: list[Attack] = arguments.pop("attacks") or list(ATTACKS.values())
    sources: Sequence[int] = arguments.pop("addresses") or SOURCES
    bounds = Bounds()
    bounds = replace(bounds, settle=arguments.pop("settle") or bounds.settle)
    options = Options(**arguments, bounds=bounds)
    sys.stdout.write(_heading(options))
    done = run_interruptible(lambda folder: _attack_all(attacks, sources, options, folder))
    if report:
        report.write_text(json.dumps(done, indent=1) + "\n")
    if any(each["broken"] for each in done):
        sys.exit(BROKEN)
    if any(each["noisy"] for each in done):
        sys.exit(NOISY)


async def _attack_all(
    attacks: Sequence[Attack], sources: Sequence[int], options: Options, folder: Path
) -> list[dict[str, Any]]:
    """Carry out attacks one after the other, and print the row of each."""
    done: list[dict[str, Any]] = []
    for attack, number in product(attacks, sources):
        cost = await carry_out(attack, number, options, folder / str(len(done)), show)
        verdict = judge(cost, options.bounds, attack)
        done.append(asdict(cost) | asdict(verdict))
        show("")
        sys.stdout.write(row(cost, verdict))
        sys.stdout.flush()
    return done


def _heading(options: Options) -> str:
    machine = describe(options.gateway)
    without = missing_settings(options.gateway)
    lacking = f"this checkout has no settings {', '.join(without)}\n" if without else ""
    return (
        f"{machine['commit']}, {machine['cores']} x {machine['processor']}, {machine['at']}: "
        f"{options.nodes} node(s), scale {options.scale:g}\n"
        f"{lacking}\n{HEADING}"
    )


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, ATTACKS))
    names = "\n".join(f"  {name:{width}} {attack.about}" for name, attack in ATTACKS.items())
    parser = argparse.ArgumentParser(
        prog="python -m tests.attacks",
        description="Attack nodes while bystanders chat and newcomers come in, and report what "
        "that costs.\nExit status: 0 if every bound was kept; 1 if one was broken; 2 for wrong "
        "arguments; 3 if a bound\nwas exceeded on a machine that was too busy before the attack.",
        epilog=f"attacks:\n{names}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("attacks", nargs="*", type=_attack, metavar="NAME", help="[all]")
    parser.add_argument(
        "--gateway", type=checkout, default=Options.gateway, metavar="FOLDER",
        help="checkout whose nodes are attacked [this one]",
    )  # fmt: skip
    parser.add_argument(
        "--addresses", type=between(int, 1, 1_000), nargs="+", metavar="N",
        help="how many addresses each attack comes from [1 50]",
    )  # fmt: skip
    for name, kind, about in (
        ("nodes", between(int, 1, 16), "nodes, all of them attacked"),
        ("peace", between(float, 0.5, 3_600), "seconds of chat before each, to compare with"),
        ("scale", between(float, 0.01, 100), "how large each crowd is, compared with the table"),
    ):
        default = getattr(Options, name)
        parser.add_argument(
            f"--{name}", type=kind, default=default, metavar="N", help=f"{about} [{default:g}]"
        )
    parser.add_argument(
        "--seconds", type=between(float, 0.5, 3_600), metavar="N",
        help="how long each attack lasts [8 to 30]",
    )  # fmt: skip
    parser.add_argument(
        "--settle", type=between(float, 0.1, 3_600), metavar="N",
        help=f"seconds in which a node's memory must be back [{Bounds.settle:g}]",
    )  # fmt: skip
    parser.add_argument("--json", type=writable, metavar="FILE", help="write all figures")
    return parser


def _attack(name: str) -> Attack:
    """Read the argument that names an attack."""
    if name not in ATTACKS:
        raise argparse.ArgumentTypeError(f"there is no attack {name!r}; see --help")
    return ATTACKS[name]


if __name__ == "__main__":
    main()
