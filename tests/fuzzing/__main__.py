"""Runs the client against mutated handshakes and frames; prints what came of them."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Awaitable, Callable

import trio

from tests.fuzzing.handshakes import fuzz_handshakes
from tests.fuzzing.sessions import fuzz_sessions


def main() -> None:
    """Run as the arguments say; an exception that the client does not catch is raised."""
    parser = argparse.ArgumentParser("python -m tests.fuzzing", description=__doc__)
    parser.add_argument("--handshakes", type=int, default=10_000)
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    _report("handshakes", fuzz_handshakes, asked.handshakes, asked.seed)
    _report("frames", fuzz_sessions, asked.frames, asked.seed)


def _report(
    title: str, fuzz: Callable[[int, int], Awaitable[Counter[str]]], times: int, seed: int
) -> None:
    outcomes = trio.run(fuzz, times, seed)
    lines = [f"{times:,} {title}, seed {seed}: nothing uncaught"]
    lines += [f"  {count:8,}  {outcome}" for outcome, count in outcomes.most_common(40)]
    sys.stdout.write("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
