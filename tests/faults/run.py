"""One run: clients talk while faults come and go; then all heals, and everybody reads all."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
from unittest.mock import patch

import trio

from client.session.pending_sends import PendingSends as Outbox
from tests.faults.checker import check
from tests.faults.cluster import Struck, open_struck, way_to_nodes
from tests.faults.faults import (
    LASTING,
    LOSSES,
    MOVED_SECONDS,
    NAMED,
    NEED_SENTINELS,
    endless,
    faults_of,
)
from tests.faults.history import History, Memory, Strike
from tests.faults.verdict import Verdict
from tests.faults.workload import Client
from tests.load.cluster import usage

ROOMS: Final = ("lobby", "kitchen", "garden")
PROXIED: Final = 2
"""Clients that have a proxy before the nodes, so that faults can befall them."""


@dataclass(frozen=True)
class Plan:
    """What is asked for on the command line."""

    nodes: int = 3
    clients: int = 12
    seconds: float = 180.0
    mix: str = "all"
    seed: int = 0
    interval: tuple[float, float] = (5.0, 8.0)
    grace: float = 12.0
    sabotage: str | None = None
    strikes: int = 0
    """How many faults there are at least, however long that takes."""
    talk: int = 0
    """How many messages everybody says in rooms at least before each fault, and at the end."""
    settle: float = 30.0
    """Seconds in which everybody must be well again once the last fault is over, for each step."""
    hearing: float = 30.0
    """The same for the nodes to be ready, and for everybody to hear the last message."""

    @property
    def patience(self) -> float:
        """How long somebody gone may stay listed: the grace, being noticed, being released."""
        return self.grace + self.settle / 2


async def run(plan: Plan, folder: Path, show: Callable[[str], None]) -> tuple[History, Verdict]:
    """Do it, and judge it."""
    chance = random.Random(plan.seed)
    async with AsyncExitStack() as stack:
        if plan.sabotage == "idempotency":
            # A client that hears what it said does not say it again: that must be off as well.
            stack.enter_context(patch.object(Outbox, "heard", return_value=False))
        faults = faults_of(plan.mix)
        struck = await stack.enter_async_context(
            open_struck(
                folder, plan.nodes, grace=plan.grace, sabotage=plan.sabotage, random_=chance,
                sentinels=any(fault in NEED_SENTINELS for fault in faults),
            )
        )  # fmt: skip
        history, clients = struck.history, struck.people
        for number in range(plan.clients):
            urls = struck.urls
            if number < PROXIED:
                urls = await stack.enter_async_context(way_to_nodes(struck, chance))
            seed = f"{plan.seed}-{number}"
            name, is_loud = f"c{number}", partial(getattr, struck, "loud")
            clients.append(
                Client(name, urls, ROOMS, history, seed=seed, is_loud=is_loud, people=clients)
            )
        talked, finish = trio.Event(), trio.Event()
        async with trio.open_nursery() as nursery:
            for client in clients:
                nursery.start_soon(client.run, talked, finish)
            over = trio.current_time() + plan.seconds
            if faults:
                await _strike(plan, struck, clients, chance, show, until=over)
            await trio.sleep_until(over)
            await _talk(plan, clients, history)
            show("settling")
            _weigh(struck, history)
            with trio.move_on_after(plan.hearing) as waiting:
                await struck.ready()
            if waiting.cancelled_caught:
                history.complaints.append(f"not every node was ready in {plan.hearing:g} s")
            talked.set()
            await _settle(plan, clients, history)
            finish.set()
            nursery.cancel_scope.deadline = trio.current_time() + plan.settle
        if nursery.cancel_scope.cancelled_caught:
            history.complaints.append(f"not everybody could go within {plan.settle:g} s")
        if not any(sending.seq is not None for sending in history.sendings):
            history.complaints.append("nothing that was said was acknowledged")
        if faults and not history.strikes:
            history.complaints.append(f"nothing struck in {plan.seconds:g} s")
        history.complaints += [
            f"{line['event']}: {line}" for node in struck.cluster.nodes for line in node.errors
        ]
    return history, check(history, patience=plan.patience)


async def _strike(
    plan: Plan,
    struck: Struck,
    clients: list[Client],
    chance: random.Random,
    show: Callable[[str], None],
    *,
    until: float,
) -> None:
    """Have one fault after the other, each with a while of peace before it."""
    history = struck.history
    for fault in endless(faults_of(plan.mix), chance):
        _weigh(struck, history)
        span = chance.uniform(*plan.interval)
        hold = span * chance.uniform(0.2, 0.8)
        begin_at = trio.current_time() + span - hold
        if begin_at > until and len(history.strikes) >= plan.strikes:
            return
        await trio.sleep_until(begin_at)
        await _talk(plan, clients, history)
        next_at = trio.current_time() + hold
        strike = Strike(
            fault.__name__, "", trio.current_time(),
            losses=LOSSES.get(fault, 0), late=MOVED_SECONDS if fault in NAMED else None,
        )  # fmt: skip
        async with fault(struck, chance) as strike.where:
            strike.deleted, struck.deleted = struck.deleted, frozenset()
            strike.erased, struck.erased = struck.erased, frozenset()
            history.strikes.append(strike)
            number, sent = len(history.strikes), len(history.sendings)
            show(f"{number} {strike.fault} ({strike.where}); {sent} messages so far")
            if fault not in LASTING:
                strike.ended = trio.current_time()
            await trio.sleep_until(next_at)
        strike.ended = strike.ended or trio.current_time()


async def _talk(plan: Plan, clients: list[Client], history: History) -> None:
    """Wait until everybody has had enough answers, or complain that they did not come."""
    with trio.move_on_after(plan.settle) as scope:
        await _all(partial(client.talk_on, plan.talk) for client in clients)
    if scope.cancelled_caught:
        history.complaints.append(f"not everybody could talk within {plan.settle:g} s")


def _weigh(struck: Struck, history: History) -> None:
    """Note how much memory the Redis and those nodes have that live through the whole run."""
    processes = {
        "redis": struck.redis.process,
        "node 1": struck.places[0].node.process,
    }
    for name, process in processes.items():
        if process is not None:
            history.memory.append(Memory(name, trio.current_time(), usage(process.pid).rss))


async def _settle(plan: Plan, clients: list[Client], history: History) -> None:
    """Have everybody read everything; what cannot be done in time is left, and complained of."""

    async def step(
        name: str, tasks: Iterable[Callable[[], Awaitable[None]]], seconds: float = plan.settle
    ) -> None:
        with trio.move_on_after(seconds) as scope:
            await _all(tasks)
        if scope.cancelled_caught:
            history.complaints.append(f"{name}: not everybody could within {seconds:g} s")

    await step("come in", [client.attend for client in clients])
    present = [client for client in clients if client.session is not None]
    reading = plan.settle + plan.seconds / 10  # the longer a run, the more there is to read
    await step("read the logs", [client.read_logs for client in present], reading)
    hearing = [client.hear_all for client in present]
    await step("hear the last message", hearing, plan.hearing)
    everybody = frozenset(client.session.nick for client in present if client.session)
    await step("list", [partial(client.list_all, everybody, plan.patience) for client in present])


async def _all(tasks: Iterable[Callable[[], Awaitable[None]]]) -> None:
    async with trio.open_nursery() as nursery:
        for task in tasks:
            nursery.start_soon(task)
