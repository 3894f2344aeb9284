"""A generator process: ``python -m tests.load.generator``.

It reads one JSON object a line from its standard input and answers each with lines of its own on
its standard output; the last line of an answer has ``done``.
"""

from __future__ import annotations

import gc
import json
import math
import resource
import sys
import time
from typing import Any

from tests.load.generator.client import ClientSpec
from tests.load.generator.fleet import Fleet
from tests.load.generator.run import MeasuredRun, ScheduleCursor
from tests.load.generator.schedule import arrivals


def tell(**fields: Any) -> None:
    """Write one line of an answer."""
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


class LoadGenerator:
    """The commands of the conductor, one at a time; each answers by `tell`."""

    def __init__(self) -> None:
        self._fleet = Fleet([])

    def come_in(self, specs: list[list[Any]], ramp: float, seconds: float) -> None:
        """Have clients connect, say hello and join.

        - ``ramp``: clients a second; 0: as fast as they can
        - ``seconds``: after so long it ends, whoever is still on the way
        """
        self._fleet = fleet = Fleet([ClientSpec(*spec) for spec in specs])
        began, cpu, admitted = time.monotonic(), time.process_time(), 0
        while not fleet.all_in and time.monotonic() - began < seconds:
            so_far = (time.monotonic() - began) * ramp if ramp else math.inf
            admitted += fleet.step(admit=int(min(so_far - admitted, len(specs))))
        took = time.monotonic() - began
        tell(
            done=True, ready=fleet.ready, seconds=took, failures=fleet.failures,
            joins=fleet.joins.as_json(), sign_ins=fleet.sign_ins.as_json(),
            cpu=time.process_time() - cpu,
        )  # fmt: skip

    def run(
        self, *, start: int, warmup: float, seconds: float, rate: float, senders: list[int],
        in_flight: int, payload: int, pings: float, pingers: list[int], storm: str,
        storm_at: float, seed: int | None,
    ) -> None:  # fmt: skip
        """Send on schedule and count what comes; tell of every second, and of all at the end.

        - ``start``: microseconds of the clock that all generators share
        - ``senders``, ``pingers``: first and last number plus one, of all generators
        - ``storm_at``: seconds after the warm-up at which the ``storm`` breaks out, if there is one
        """
        fleet = self._fleet
        run = MeasuredRun(fleet, tell, start=start, warmup=warmup, seconds=seconds, payload=payload)
        fleet.deafen()
        if not in_flight:
            run.messages = self._arrivals(senders, rate, warmup + seconds, seed)
        elif own := self._own(senders):
            run.keep_in_flight(own, in_flight)
        run.pings = self._arrivals(pingers, pings, warmup + seconds, None)
        if storm:
            run.await_storm(storm, storm_at)
        run.go()
        tell(done=True, **run.result())

    def _own(self, numbers: list[int]) -> list[int]:
        return [number for number in range(*numbers) if number in self._fleet.clients]

    def _arrivals(
        self, numbers: list[int], rate: float, seconds: float, seed: int | None
    ) -> ScheduleCursor:
        return ScheduleCursor(arrivals(self._own(numbers), range(*numbers), rate, seconds, seed))


def main() -> None:
    """Obey the conductor until standard input ends."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    gc.freeze()
    generator = LoadGenerator()
    for line in sys.stdin:
        asked = json.loads(line)
        getattr(generator, asked.pop("do"))(**asked)


if __name__ == "__main__":
    main()
