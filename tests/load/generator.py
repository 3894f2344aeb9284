"""A generator process: its share of the clients and of the schedule, told by the conductor.

It reads one JSON object a line from its standard input and answers each with lines of its own; the
last line of an answer has ``done``. Run as ``python -m tests.load.generator``.
"""

from __future__ import annotations

import gc
import json
import math
import resource
import sys
import time
from collections.abc import Iterator
from typing import Any, Final

from tests.load import frames
from tests.load.fleet import Fleet, Person, State, now
from tests.load.schedule import arrivals
from tests.load.tally import encoded, histogram

SETTLE_SECONDS: Final = 15.0
QUIET_SECONDS: Final = 1.0


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
            joins=encoded(fleet.joins), cpu=time.process_time() - cpu,
        )  # fmt: skip

    def run(
        self, *, start: int, warmup: float, seconds: float, rate: float, senders: list[int],
        in_flight: int, payload: int, pings: float, pingers: list[int], deaf: list[int],
        drop_at: float,
    ) -> None:  # fmt: skip
        """Send by the schedule and listen; tells of every second, and of the whole at the end."""
        fleet = self._fleet
        run = _Run(fleet, start, warmup, seconds, payload)
        fleet.deafen(self._own(deaf))
        if not in_flight:
            run.messages = self._arrivals(senders, rate, warmup + seconds)
        elif own := self._own(senders):
            run.keep_in_flight(own, in_flight)
        run.pings = self._arrivals(pingers, pings, warmup + seconds)
        if drop_at:
            run.drop_at = start + int((warmup + drop_at) * 1e6)
        run.go()
        tell(done=True, **run.result())

    def _own(self, numbers: list[int]) -> list[int]:
        return [number for number in range(*numbers) if number in self._fleet.clients]

    def _arrivals(self, numbers: list[int], rate: float, seconds: float) -> Due:
        return Due(arrivals(self._own(numbers), range(*numbers), rate, seconds))


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
        self._from = start + int(warmup * 1e6)
        self._until = self._from + int(seconds * 1e6)
        self._padding = b"x" * max(0, payload - 20)
        self.messages = self.pings = Due(iter(()))
        self._own: list[int] = []
        self._in_flight = self._members = 0
        self._sent = self._acked = self._numbers = self._failed_sends = 0
        self._at_from = self._at_until = (0, 0, 0.0)
        self.drop_at = 0

    def keep_in_flight(self, own: list[int], in_flight: int) -> None:
        """Send the next message whenever fewer than so many are not yet with everybody."""
        self._own, self._in_flight = own, in_flight
        self._fleet.on_ack = self._count_ack
        ready = sum(c.state is State.READY for c in self._fleet.clients.values())
        self._members = ready // len(self._fleet.rooms)

    def _count_ack(self) -> None:
        self._acked += 1

    def go(self) -> None:
        """Run to the end, and until all that was sent has been heard or nothing comes any more."""
        fleet, second = self._fleet, 0
        before, cpu = fleet.deliveries, time.process_time()
        base = fleet.deliveries
        marked = False
        while (at := now()) < self._until:
            if not marked and at >= self._from:
                marked = fleet.recording = True
                self._at_from = (fleet.deliveries, self._sent, time.process_time())
            self._send_what_is_due(at, base)
            if self.drop_at and at >= self.drop_at:
                self.drop_at = 0
                fleet.drop_all()
            fleet.step()
            if at - self._start >= (second + 1) * 1_000_000:
                second += 1
                used = time.process_time() - cpu
                self._tell_second(second, fleet.deliveries - before, used)
                before, cpu = fleet.deliveries, time.process_time()
        fleet.recording = False
        self._at_until = (fleet.deliveries, self._sent, time.process_time())
        self._settle()

    def _send_what_is_due(self, at: int, base: int) -> None:
        if self._in_flight:
            landed = min(self._acked, (self._fleet.deliveries - base) // max(1, self._members))
            while self._sent - landed < self._in_flight:
                self._send(self._own[self._sent % len(self._own)], at)
        elapsed = (at - self._start) / 1e6
        for due, sender in self.messages.until(elapsed):
            self._send(sender, self._start + int(due * 1e6))
        for due, pinger in self.pings.until(elapsed):
            self._numbers += 1
            ping = frames.ping(self._numbers, self._start + int(due * 1e6))
            self._fleet.say(pinger, ping)

    def _send(self, sender: int, due: int) -> None:
        room = self._fleet.clients[sender].person.room
        self._numbers += 1
        if self._fleet.say(sender, frames.send(room, self._numbers, due, self._padding)):
            self._sent += 1
            self._fleet.rooms[room].sent += 1
        else:
            self._failed_sends += 1

    def _tell_second(self, second: int, deliveries: int, cpu: float) -> None:
        fleet = self._fleet
        latency, fleet.second_delivered = fleet.second_delivered, histogram()
        told = {
            "second": second, "deliveries": deliveries, "sent": self._sent, "ready": fleet.ready,
            "cpu": cpu, "latency": encoded(latency),
        }  # fmt: skip
        tell(**told)

    def _settle(self) -> None:
        fleet = self._fleet
        give_up = time.monotonic() + SETTLE_SECONDS
        quiet_since, heard = time.monotonic(), fleet.deliveries
        while time.monotonic() < give_up and time.monotonic() - quiet_since < QUIET_SECONDS:
            fleet.step()
            if fleet.deliveries != heard or not fleet.all_in:
                quiet_since, heard = time.monotonic(), fleet.deliveries
        fleet.hear_the_deaf()

    def result(self) -> dict[str, Any]:
        """Give all that was counted."""
        fleet = self._fleet
        (heard_from, sent_from, cpu_from), (heard, sent, cpu) = self._at_from, self._at_until
        sampled = [c.sequences for c in fleet.clients.values() if c.listener is not None]
        return {
            "deliveries": heard - heard_from,
            "sent": sent - sent_from,
            "cpu": cpu - cpu_from,
            "rooms": fleet.counted(),
            "failed_sends": self._failed_sends,
            "refusals": fleet.refusals,
            "lost_connections": fleet.lost_connections,
            "closed": {str(code): count for code, count in fleet.closed.items()},
            "ready": fleet.ready,
            "failures": fleet.failures,
            "reordered": sum(each.reordered for each in sampled),
            "gaps": sum(each.lost for each in sampled),
            "repeated": sum(each.duplicated for each in sampled),
            "delivered": encoded(fleet.delivered),
            "acked": encoded(fleet.acked),
            "pings": encoded(fleet.pings),
            "rejoins": encoded(fleet.rejoins),
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
