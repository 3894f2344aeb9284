"""One measured run: what is sent when, and what is counted meanwhile."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from tests.load.generator import frames
from tests.load.generator.client import ClientState, now
from tests.load.generator.fleet import Fleet
from tests.load.generator.histogram import Histogram

SETTLE_MICROSECONDS: Final = 60_000_000
"""How long it is waited for the last messages at the most."""
QUIET_MICROSECONDS: Final = 5_000_000
"""After so long without anything, nothing more is expected to come."""


class ScheduleCursor:
    """A position in a schedule, which moves on as time passes."""

    def __init__(self, schedule: Iterator[tuple[float, int]]) -> None:
        self._schedule = schedule
        self._next = next(schedule, None)

    def until(self, seconds: float) -> Iterator[tuple[float, int]]:
        """Yield what is due by a time, in seconds from the start, and was not yielded before."""
        while self._next is not None and self._next[0] <= seconds:
            yield self._next
            self._next = next(self._schedule, None)


class MeasuredRun:
    """A warm-up and the measured part after it, over clients that are in.

    ``tell`` is called with what was counted in each second.
    """

    def __init__(
        self,
        fleet: Fleet,
        tell: Callable[..., None],
        *,
        start: int,
        warmup: float,
        seconds: float,
        payload: int,
    ) -> None:
        self._fleet = fleet
        self._tell = tell
        self._start = start
        self._warmup = warmup
        self._measure_from = start + int(warmup * 1e6)
        self._measure_until = self._measure_from + int(seconds * 1e6)
        self._padding = b"x" * max(0, payload - 20)
        self.messages = self.pings = ScheduleCursor(iter(()))
        self._talking: Iterator[int] = iter(())
        self._in_flight = self._members = 0
        self._offered = self._sent = self._unsent = self._numbers = 0
        self._counts_from = self._counts_until = (0, 0, 0.0)
        self._second, self._before = 0, (0, 0.0)
        self._drop_at = 0
        self._churns = False
        self._rejoined = 0

    def await_storm(self, storm: str, seconds: float) -> None:
        """Cut the movers off so long after the warm-up, unless the conductor kills their node.

        With ``churn``, again whenever they are back, until the end of the measured part.
        """
        self._fleet.storm_at = self._measure_from + int(seconds * 1e6)
        self._drop_at = self._fleet.storm_at if storm != "kill" else 0
        self._churns = storm == "churn"

    def keep_in_flight(self, own: list[int], in_flight: int) -> None:
        """Send whenever fewer than ``in_flight`` messages are on their way, not on schedule."""
        self._talking, self._in_flight = itertools.cycle(own), in_flight
        ready = sum(c.state is ClientState.READY for c in self._fleet.clients.values())
        self._members = ready // len(self._fleet.rooms)

    def go(self) -> None:
        """Run to the end, and on until nothing comes any more."""
        fleet = self._fleet
        base = fleet.deliveries
        self._before = base, time.process_time()
        fleet.window = range(self._measure_from, self._measure_until)
        marked = False
        while (at := now()) < self._measure_until:
            if not marked and at >= self._measure_from:
                marked = True
                self._counts_from = self._counts()
            if self._in_flight:
                self._keep_in_flight(at, base)
            self._send_what_is_due(at)
            if self._drop_at and at >= self._drop_at:
                self._drop_at = 0
                fleet.churns = self._churns
                fleet.drop_all()
            fleet.step()
            self._tell_of_seconds(at)
        self._tell_of_seconds(self._measure_until - 1)  # however late the last step was
        self._counts_until = self._counts()
        self._rejoined = fleet.rejoined
        fleet.churns = False
        self._send_what_is_due(self._measure_until)
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
        room = self._fleet.clients[sender].spec.room
        self._numbers += 1
        sent = self._fleet.say(sender, frames.send(room, self._numbers, due, self._padding))
        if sent:
            self._sent += 1
            self._fleet.rooms[room].sent += 1
        else:
            self._unsent += 1
        return sent

    def _tell_of_seconds(self, at: int) -> None:
        """Report each second that is over and was not reported yet."""
        fleet = self._fleet
        while at - self._start >= (self._second + 1) * 1_000_000:
            self._second += 1
            deliveries, cpu = self._before
            self._before = fleet.deliveries, time.process_time()
            latency, fleet.second_delivered = fleet.second_delivered, Histogram()
            self._tell(
                second=self._second, deliveries=self._before[0] - deliveries, sent=self._sent,
                ready=fleet.ready, cpu=self._before[1] - cpu, latency=latency.as_json(),
            )  # fmt: skip

    def _settle(self) -> None:
        """Listen until nothing has come for a while and everybody who comes back is in."""
        fleet = self._fleet
        fleet.hear_the_deaf()
        give_up = now() + SETTLE_MICROSECONDS
        fleet.heard_at = now()
        while (at := now()) < give_up and (
            at < fleet.heard_at + QUIET_MICROSECONDS or not fleet.all_in
        ):
            fleet.step()

    def result(self) -> dict[str, Any]:
        """Return all that was counted, for the conductor."""
        fleet = self._fleet
        (heard_from, acked_from, cpu_from), (heard, acked, cpu) = (
            self._counts_from,
            self._counts_until,
        )
        sampled = [c.sequences for c in fleet.clients.values() if c.messages is not None]
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
            "delivered_before": fleet.delivered_before.as_json(),
            "acked": fleet.acked.as_json(),
            "pings": fleet.pings.as_json(),
            "rejoins": fleet.rejoins.as_json(),
            "rejoined": fleet.rejoined,
            "rejoined_measured": self._rejoined,
            "sign_ins": fleet.sign_ins.as_json(),
        }
