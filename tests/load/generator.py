"""A generator process: its share of the clients and of the schedule, told by the conductor.

It reads one JSON object a line from its standard input and answers each with lines of its own; the
last line of an answer has ``done``. Run as ``python -m tests.load.generator``.
"""

from __future__ import annotations

import gc
import itertools
import json
import math
import resource
import sys
import time
from collections.abc import Iterator
from typing import Any, Final

from tests.load import frames
from tests.load.fleet import Fleet, Person, State, now
from tests.load.histogram import Histogram
from tests.load.schedule import arrivals

SETTLE_MICROSECONDS: Final = 60_000_000
QUIET_MICROSECONDS: Final = 5_000_000


def tell(**fields: Any) -> None:
    """Answer the conductor."""
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


class Generator:
    """What the conductor can ask for; one thing at a time."""

    def __init__(self) -> None:
        self._fleet = Fleet([])

    def come_in(self, people: list[list[Any]], ramp: float, seconds: float) -> None:
        """Have clients connect, say hello and join, ``ramp`` a second or as fast as they can."""
        self._fleet = fleet = Fleet([Person(*person) for person in people])
        began, cpu, admitted = time.monotonic(), time.process_time(), 0
        while not fleet.all_in and time.monotonic() - began < seconds:
            so_far = (time.monotonic() - began) * ramp if ramp else math.inf
            admitted += fleet.step(admit=int(min(so_far - admitted, len(people))))
        took = time.monotonic() - began
        tell(
            done=True, ready=fleet.ready, seconds=took, failures=fleet.failures,
            joins=fleet.joins.as_json(), cpu=time.process_time() - cpu,
        )  # fmt: skip

    def run(
        self, *, start: int, warmup: float, seconds: float, rate: float, senders: list[int],
        in_flight: int, payload: int, pings: float, pingers: list[int], drop_at: float,
        seed: int | None,
    ) -> None:  # fmt: skip
        """Send by the schedule and listen; tells of every second, and of the whole at the end."""
        fleet = self._fleet
        run = _Run(fleet, start, warmup, seconds, payload)
        fleet.deafen()
        if not in_flight:
            run.messages = self._arrivals(senders, rate, warmup + seconds, seed)
        elif own := self._own(senders):
            run.keep_in_flight(own, in_flight)
        run.pings = self._arrivals(pingers, pings, warmup + seconds, None)
        if drop_at:
            run.drop_at = start + int((warmup + drop_at) * 1e6)
        run.go()
        tell(done=True, **run.result())

    def _own(self, numbers: list[int]) -> list[int]:
        return [number for number in range(*numbers) if number in self._fleet.clients]

    def _arrivals(self, numbers: list[int], rate: float, seconds: float, seed: int | None) -> Due:
        return Due(arrivals(self._own(numbers), range(*numbers), rate, seconds, seed))


class Due:
    """A schedule that is gone through as time passes."""

    def __init__(self, schedule: Iterator[tuple[float, int]]) -> None:
        self._schedule = schedule
        self._next = next(schedule, None)

    def until(self, seconds: float) -> Iterator[tuple[float, int]]:
        """Give what is due by a time, in seconds from the start, and was not given yet."""
        while self._next is not None and self._next[0] <= seconds:
            yield self._next
            self._next = next(self._schedule, None)


class _Run:
    """One measured stretch of time."""

    def __init__(
        self, fleet: Fleet, start: int, warmup: float, seconds: float, payload: int
    ) -> None:
        self._fleet = fleet
        self._start = start
        self._warmup = warmup
        self._from = start + int(warmup * 1e6)
        self._until = self._from + int(seconds * 1e6)
        self._padding = b"x" * max(0, payload - 20)
        self.messages = self.pings = Due(iter(()))
        self._talking: Iterator[int] = iter(())
        self._in_flight = self._members = 0
        self._offered = self._sent = self._unsent = self._numbers = 0
        self._at_from = self._at_until = (0, 0, 0.0)
        self._second, self._before = 0, (0, 0.0)
        self.drop_at = 0

    def keep_in_flight(self, own: list[int], in_flight: int) -> None:
        """Send the next message whenever fewer than so many are not yet with everybody."""
        self._talking, self._in_flight = itertools.cycle(own), in_flight
        ready = sum(c.state is State.READY for c in self._fleet.clients.values())
        self._members = ready // len(self._fleet.rooms)

    def go(self) -> None:
        """Run to the end, and until all that was sent has been heard or nothing comes any more."""
        fleet = self._fleet
        base = fleet.deliveries
        self._before = base, time.process_time()
        fleet.window = range(self._from, self._until)
        marked = False
        while (at := now()) < self._until:
            if not marked and at >= self._from:
                marked = True
                self._at_from = self._counts()
            if self._in_flight:
                self._keep_in_flight(at, base)
            self._send_what_is_due(at)
            if self.drop_at and at >= self.drop_at:
                self.drop_at = 0
                fleet.drop_all()
            fleet.step()
            self._tell_of_seconds(at)
        self._tell_of_seconds(self._until - 1)  # however late the last step was
        self._at_until = self._counts()
        self._send_what_is_due(self._until)
        self._settle()

    def _counts(self) -> tuple[int, int, float]:
        return self._fleet.deliveries, self._fleet.acknowledged, time.process_time()

    def _keep_in_flight(self, at: int, base: int) -> None:
        fleet = self._fleet
        with_all = (fleet.deliveries - base) // max(1, self._members)
        landed = min(fleet.acknowledged, with_all) + fleet.refused.total()
        while self._sent - landed < self._in_flight:
            if not self._send(next(self._talking), at):
                break

    def _send_what_is_due(self, at: int) -> None:
        elapsed = (at - self._start) / 1e6
        for due, sender in self.messages.until(elapsed):
            self._offered += due >= self._warmup
            self._send(sender, self._start + int(due * 1e6))
        for due, pinger in self.pings.until(elapsed):
            self._numbers += 1
            ping = frames.ping(self._numbers, self._start + int(due * 1e6))
            self._fleet.say(pinger, ping)

    def _send(self, sender: int, due: int) -> bool:
        room = self._fleet.clients[sender].person.room
        self._numbers += 1
        sent = self._fleet.say(sender, frames.send(room, self._numbers, due, self._padding))
        if sent:
            self._sent += 1
            self._fleet.rooms[room].sent += 1
        else:
            self._unsent += 1
        return sent

    def _tell_of_seconds(self, at: int) -> None:
        """Report each second that is over and was not reported."""
        fleet = self._fleet
        while at - self._start >= (self._second + 1) * 1_000_000:
            self._second += 1
            deliveries, cpu = self._before
            self._before = fleet.deliveries, time.process_time()
            latency, fleet.second_delivered = fleet.second_delivered, Histogram()
            tell(
                second=self._second, deliveries=self._before[0] - deliveries, sent=self._sent,
                ready=fleet.ready, cpu=self._before[1] - cpu, latency=latency.as_json(),
            )  # fmt: skip

    def _settle(self) -> None:
        fleet = self._fleet
        fleet.hear_the_deaf()
        give_up = now() + SETTLE_MICROSECONDS
        fleet.heard_at = now()
        while (at := now()) < give_up and (
            at < fleet.heard_at + QUIET_MICROSECONDS or not fleet.all_in
        ):
            fleet.step()

    def result(self) -> dict[str, Any]:
        """Give all that was counted."""
        fleet = self._fleet
        (heard_from, acked_from, cpu_from), (heard, acked, cpu) = self._at_from, self._at_until
        sampled = [c.sequences for c in fleet.clients.values() if c.listener is not None]
        return {
            "deliveries": heard - heard_from,
            "offered": self._offered,
            "achieved": acked - acked_from,
            "cpu": cpu - cpu_from,
            "rooms": fleet.counted(),
            "unsent": self._unsent,
            "refused": fleet.refused,
            "unanswered": self._sent - fleet.acknowledged - fleet.refused.total(),
            "lost_connections": fleet.lost_connections,
            "slow_readers": fleet.how_the_deaf_ended(),
            "ready": fleet.ready,
            "failures": fleet.failures,
            "reordered": sum(each.reordered for each in sampled),
            "gaps": sum(each.lost for each in sampled),
            "repeated": sum(each.duplicated for each in sampled),
            "delivered": fleet.delivered.as_json(),
            "acked": fleet.acked.as_json(),
            "pings": fleet.pings.as_json(),
            "rejoins": fleet.rejoins.as_json(),
        }


def main() -> None:
    """Do what the conductor asks, until it asks no more."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    gc.freeze()
    generator = Generator()
    for line in sys.stdin:
        asked = json.loads(line)
        getattr(generator, asked.pop("do"))(**asked)


if __name__ == "__main__":
    main()
