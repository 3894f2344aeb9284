"""The scenarios: who is there, and what they do. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

MOST_SAMPLED: Final = 4_000
"""Deliveries a second that are read in full; all others are only counted."""

_HELD_BYTES: Final = 6 * 1024 * 1024
"""More than a node holds for a slow reader: 1 MiB of its own buffer, 4 MiB of `tcp_wmem`."""

_ROOM_ACCOUNTS: Final = 100
"""Accounts in each of their rooms."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One measurement. Rates are per second and for the whole cluster; times are in seconds.

    - ``in_flight``: instead of a rate, so many messages are always on their way
    - ``pings`` are sent by ``pingers``, clients in rooms of their own
    - the ``deaf`` stop reading; ``movers`` are cut off and come back
    - ``sign_in``: how movers come in: as guests, or with an account by ``token`` or ``password``
    - ``account_rooms``: the rooms that each account is in, with ``unread`` messages in each; with
      ``join_rooms`` it joins them after each sign-in
    - ``senders_apart``: senders are on the last node, all others on the nodes before it
    - ``seed``: messages are sent at random moments instead of evenly
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
    sign_in: str = ""
    account_rooms: int = 0
    unread: int = 0
    join_rooms: bool = False
    senders_apart: bool = False
    seed: int | None = None

    @property
    def everybody(self) -> int:
        """The number of all clients."""
        return self.clients + self.movers + self.pingers

    @property
    def overfills(self) -> bool:
        """Whether the deaf are sent more than a node with default settings holds for them."""
        sent = self.rate / self.rooms * (self.warmup + self.seconds) * self.payload
        return self.deaf > 0 and not self.in_flight and sent > _HELD_BYTES

    def room_of(self, number: int) -> str:
        """Return a client's room; pingers and movers are not in the rooms that are talked in."""
        if number >= self.clients + self.movers:
            return f"ping-{number}"
        if number >= self.clients:
            return f"storm-{number % 10}"
        return f"load-{number % self.rooms}"

    def rooms_of_account(self, number: int) -> list[str]:
        """Return the rooms of a client's account; each has about a hundred accounts in it."""
        rooms = max(self.account_rooms, self.movers * self.account_rooms // _ROOM_ACCOUNTS)
        first = number * self.account_rooms
        return [f"account-{(first + each) % rooms}" for each in range(self.account_rooms)]

    def nodes_of(self, number: int, nodes: int) -> list[int]:
        """Return the nodes that a client connects to, in turn; a room is spread over all nodes."""
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
        """Return whether a client reads every message in full."""
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
            name="sign-in-storm", about="a node dies and its accounts sign in by token at the "
            "others, while a room is talked in",
            clients=50, senders=10, rate=50, movers=10_000, storm="kill", sign_in="token",
            account_rooms=10, unread=5, seconds=24,
        ),
        Scenario(
            name="password-sign-ins", about="a few sign in by password without end, while a room "
            "is talked in",
            clients=50, senders=10, rate=50, movers=8, storm="churn", sign_in="password",
            account_rooms=10, unread=5, seconds=24,
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
    """Return a scenario with what the command line changes; None means no change."""
    given = {key: value for key, value in changes.items() if value is not None}
    scenario = replace(SCENARIOS[name], **given)  # type: ignore[arg-type] # argparse made them
    if name == "busy-room" and "senders" not in given:
        scenario = replace(scenario, senders=scenario.clients)
    if name == "publish" and "clients" in given:
        scenario = replace(scenario, rooms=scenario.clients, senders=scenario.clients)
    talking = scenario.in_flight or scenario.senders
    return replace(scenario, senders=min(talking, scenario.clients - scenario.deaf))
