"""One run: clients talk while faults come and go; then everybody reads everything."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import trio

from tests.faults.checkers.compose import check
from tests.faults.checkers.result import CheckResult
from tests.faults.client.account_holders import AccountHolders
from tests.faults.client.chat_client import ChatClient
from tests.faults.client.final_reads import (
    come_in,
    come_to_rest,
    read_logs,
    read_rosters,
    receive_all,
)
from tests.faults.history import RunHistory
from tests.faults.nemesis.mixes import faults_of
from tests.faults.nemesis.strikes import sample_memory, strike
from tests.faults.sabotaged import sabotaged_client
from tests.faults.system.cluster import ClusterUnderTest, open_cluster_under_test

PROXIED: Final = 2
"""How many clients have a proxy before the nodes, so that faults can strike their connections."""


@dataclass(frozen=True)
class RunOptions:
    """What a run is asked for. All times are in seconds.

    - ``seconds``: how long clients talk; ``strikes`` and ``talk`` may make it longer
    - ``clients``: guests; ``accounts``: people with two devices each, and with any of them others
      who register and go away
    - ``interval``: the least and the most time from one fault to the next
    - ``grace``: the nodes' grace time
    - ``beside``: another checkout, whose gateway every second start of a node runs
    - ``strikes``: how many faults there are at least
    - ``talk``: how many messages in rooms every client has answered at least before each fault, and
      at the end
    - ``settle``: how long each step may take that follows the faults
    - ``hearing``: the same for the nodes to be ready, and for everybody to receive everything
    """

    nodes: int = 3
    clients: int = 12
    accounts: int = 3
    seconds: float = 180.0
    mix: str = "all"
    seed: int = 0
    interval: tuple[float, float] = (5.0, 8.0)
    grace: float = 12.0
    sabotage: str | None = None
    beside: Path | None = None
    strikes: int = 0
    talk: int = 0
    settle: float = 30.0
    hearing: float = 30.0

    @property
    def patience(self) -> float:
        """How long who is gone may stay listed: the grace time, and to notice and release."""
        return self.grace + self.settle / 2


async def run(
    options: RunOptions, folder: Path, show: Callable[[str], None]
) -> tuple[RunHistory, CheckResult]:
    """Run clients and nemesis; return what was observed, and how it is judged."""
    chance = random.Random(options.seed)
    faults = faults_of(options.mix)
    async with AsyncExitStack() as stack:
        stack.enter_context(sabotaged_client(options.sabotage))
        cluster = await stack.enter_async_context(
            open_cluster_under_test(
                folder, options.nodes, grace=options.grace, sabotage=options.sabotage,
                beside=options.beside, random_=chance,
                sentinels=any(fault.needs_sentinels for fault in faults),
                # Passwords and tokens are taken from other machines over TLS only.
                namespaced=not options.accounts,
            )
        )  # fmt: skip
        history = cluster.history
        clients = await _make_clients(options, cluster, chance, stack)
        people = AccountHolders(options.accounts, cluster, seed=str(options.seed))
        clients += people.devices
        talk = partial(_talk, options, clients, history)
        talked, finish = trio.Event(), trio.Event()
        async with trio.open_nursery() as nursery:
            for client in clients:
                nursery.start_soon(client.run, talked, finish)
            nursery.start_soon(people.run, talked)
            over = trio.current_time() + options.seconds
            if faults:
                await strike(
                    cluster, faults, chance, bounds=options.interval, until=over,
                    least=options.strikes, talk=talk, show=show,
                )  # fmt: skip
            await trio.sleep_until(over)
            await talk()
            show("settling")
            sample_memory(cluster)
            await _within(
                history, options.hearing, "not every node was ready", {"nodes": cluster.ready}
            )
            talked.set()
            await _read_everything(options, clients, people, history)
            finish.set()
            nursery.cancel_scope.deadline = trio.current_time() + options.settle
        if nursery.cancel_scope.cancelled_caught:
            history.errors.append(f"not everybody could go within {options.settle:g} s")
        history.errors += _failings(options, history, cluster, struck=bool(faults))
    return history, check(history, patience=options.patience)


async def _make_clients(
    options: RunOptions, cluster: ClusterUnderTest, chance: random.Random, stack: AsyncExitStack
) -> list[ChatClient]:
    """Return the clients; their proxies, where they have one, last as long as the stack."""
    clients: list[ChatClient] = []
    for number in range(options.clients):
        urls = cluster.urls
        if number < PROXIED:
            urls = await stack.enter_async_context(cluster.client_urls(chance))
        client = ChatClient(
            f"c{number}", urls, cluster.history, seed=f"{options.seed}-{number}",
            is_flooding=lambda: cluster.flooding, others=clients,
        )  # fmt: skip
        clients.append(client)
    return clients


def _failings(
    options: RunOptions, history: RunHistory, cluster: ClusterUnderTest, *, struck: bool
) -> list[str]:
    """Return why a run proves nothing, and what the nodes logged as errors."""
    failings = []
    if not any(send.seq is not None for send in history.room_sends):
        failings.append("nothing that was said was acknowledged")
    if options.accounts and not history.conversations:
        failings.append("no account was read")
    if struck and not history.faults:
        failings.append("nothing struck")
    return failings + [f"{line['event']}: {line}" for node in cluster.nodes for line in node.errors]


async def _talk(options: RunOptions, clients: list[ChatClient], history: RunHistory) -> None:
    """Wait until every client has had enough answers."""
    tasks = {client.name: partial(client.talk_on, options.talk) for client in clients}
    await _within(history, options.settle, "not everybody could talk", tasks)


async def _read_everything(
    options: RunOptions, clients: list[ChatClient], people: AccountHolders, history: RunHistory
) -> None:
    """Have everybody read everything that the checkers need."""

    async def step(
        what: str,
        work: Callable[[ChatClient], Awaitable[None]],
        whom: Iterable[ChatClient],
        seconds: float = options.settle,
    ) -> None:
        tasks = {client.name: partial(work, client) for client in whom}
        await _within(history, seconds, f"not everybody could {what}", tasks)

    # Of two devices of an account, one enters and leaves rooms for the other.
    await step("come to rest", come_to_rest, clients)
    await step("come in", come_in, clients)
    present = [client for client in clients if client.session is not None]
    # The longer a run, the more there is to read.
    longer = options.settle + options.seconds / 10
    await step("read the logs", read_logs, present, longer)
    await step("receive the last message", receive_all, present, options.hearing)
    await _within(
        history, longer, "not every account could be read", {"accounts": people.read_everything}
    )
    everybody = frozenset(client.session.nick for client in present if client.session)
    rosters = partial(read_rosters, everybody=everybody, patience=options.patience)
    await step("read the rosters", rosters, present)


async def _within(
    history: RunHistory,
    seconds: float,
    failing: str,
    tasks: Mapping[str, Callable[[], Awaitable[None]]],
) -> None:
    """Run tasks side by side; after so many seconds end them and record whose are not done."""
    waiting_for = set(tasks)

    async def carry_out(name: str) -> None:
        await tasks[name]()
        waiting_for.discard(name)

    with trio.move_on_after(seconds) as scope:
        async with trio.open_nursery() as nursery:
            for name in tasks:
                nursery.start_soon(carry_out, name)
    if scope.cancelled_caught:
        names = ", ".join(sorted(waiting_for))
        history.errors.append(f"{failing} within {seconds:g} s; waiting for {names}")
