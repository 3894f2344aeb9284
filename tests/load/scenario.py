"""What can be measured: each scenario says who is there and what they do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

MOST_SAMPLED: Final = 4_000
"""Deliveries a second that are read in full; the others are only counted."""

_HELD_BYTES: Final = 6 * 1024 * 1024
"""1 MiB of an outbox, 4 MiB of `net.ipv4.tcp_wmem`, and some."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One measurement. Rates are per second and for the whole cluster; times are in seconds.

    With ``in_flight`` the rate follows from the server: so many messages are always on their way.
    ``pings`` are asked for by clients in rooms of their own; the ``deaf`` stop reading; ``movers``
    are cut off and come back. ``senders_apart`` has the senders on the last node, all others on
    the nodes before it. With a ``seed`` messages come at random.
    """

    name: str
    about: str = ""
    clients: int = 500
    rooms: int = 1
    senders: int = 32
    rate: float = 50.0
    in_flight: int = 0
    seconds: float = 10.0
    warmup: float = 2.0
    ramp: float = 0.0
    payload: int = 128
    pings: float = 0.0
    pingers: int = 0
    deaf: int = 0
    movers: int = 0
    storm: str = ""
    senders_apart: bool = False
    seed: int | None = None

    @property
    def everybody(self) -> int:
        """How many there are in all."""
        return self.clients + self.movers + self.pingers

    @property
    def overfills(self) -> bool:
        """Whether the deaf are sent more than a node by its default, and its kernel, hold."""
        sent = self.rate / self.rooms * (self.warmup + self.seconds) * self.payload
        return self.deaf > 0 and not self.in_flight and sent > _HELD_BYTES

    def room_of(self, number: int) -> str:
        """Give the room of a client: pingers and movers have rooms of their own."""
        if number >= self.clients + self.movers:
            return f"ping-{number}"
        if number >= self.clients:
            return f"storm-{number % 10}"
        return f"load-{number % self.rooms}"

    def nodes_of(self, number: int, nodes: int) -> list[int]:
        """Give the nodes that a client connects to, in turn; every room is spread over all."""
        others = list(range(nodes))
        if self.storm == "kill":
            others = others[1:] or others
            if self.clients <= number < self.clients + self.movers:
                return [0, *(others[(number + turn) % len(others)] for turn in range(nodes * 4))]
        elif self.senders_apart and nodes > 1:
            if number < self.senders:
                return others[-1:]
            others.pop()
        return [others[(number // self.rooms + number % self.rooms) % len(others)]]

    def is_sampled(self, number: int) -> bool:
        """Tell whether a client reads every message in full."""
        if number >= self.clients:
            return number >= self.clients + self.movers
        if self.clients == self.rooms:
            return True
        heard = self.rate * self.clients / self.rooms if not self.in_flight else 1e6
        every = max(1, round(heard / MOST_SAMPLED))
        return number // self.rooms % every == 0


SCENARIOS: Final = {
    scenario.name: scenario
    for scenario in (
        Scenario(name="broadcast", about="a few people talk to a large room"),
        Scenario(
            name="busy-room", about="everybody in one room talks",
            clients=200, senders=200, rate=1000,
        ),
        Scenario(
            name="many-rooms", about="many small rooms, all of them talked in",
            clients=15_000, rooms=3_000, senders=3_000, rate=1_000, ramp=2_000,
        ),
        Scenario(
            name="publish", about="everybody talks, alone in a room: the cost of one message",
            clients=100, rooms=100, senders=100, rate=1_000,
        ),
        Scenario(
            name="idle", about="very many are there and nothing happens",
            clients=10_000, rooms=100, senders=0, rate=0, seconds=60, ramp=2_000,
        ),
        Scenario(
            name="connect-storm", about="everybody comes at once",
            clients=5_000, rooms=50, senders=0, rate=0, seconds=1, warmup=0,
        ),
        Scenario(
            name="reconnect-storm", about="a node dies and its clients go to the others, while a "
            "room is talked in",
            clients=50, senders=10, rate=50, movers=3_000, storm="kill", seconds=15, ramp=1_500,
        ),
        Scenario(
            name="slow-readers", about="some stop reading; the others must not notice",
            clients=200, senders=20, rate=400, deaf=20, payload=2_000,
        ),
        Scenario(
            name="fairness", about="a room is flooded while others ask for a sign of life",
            clients=2_000, senders=32, in_flight=32, pings=50, pingers=20, ramp=1_500,
        ),
        Scenario(
            name="mixed", about="rooms of all kinds, pings, and a few slow readers",
            clients=1_000, rooms=20, senders=200, rate=200, pings=20, pingers=20, deaf=10,
            ramp=1_000,
        ),
    )
}  # fmt: skip


def adapted(name: str, **changes: object) -> Scenario:
    """Give a scenario with what the command line says otherwise."""
    given = {key: value for key, value in changes.items() if value is not None}
    scenario = replace(SCENARIOS[name], **given)  # type: ignore[arg-type] # argparse made them
    if name == "busy-room" and "senders" not in given:
        scenario = replace(scenario, senders=scenario.clients)
    if name == "publish" and "clients" in given:
        scenario = replace(scenario, rooms=scenario.clients, senders=scenario.clients)
    talking = scenario.in_flight or scenario.senders
    return replace(scenario, senders=min(talking, scenario.clients - scenario.deaf))
