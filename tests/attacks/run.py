"""One run: innocents on nodes of their own, first in peace, then under attack, then afterwards."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import trio

from tests.attacks.attack import Attack
from tests.attacks.attackers import attacking
from tests.attacks.bounds import Bounds, Cost, Latency
from tests.attacks.innocents import Innocents, Observed
from tests.attacks.kinds.arriving import FORGED_NETWORK
from tests.attacks.meter import Meter, metered
from tests.load.target.cluster import ROOT, has_setting
from tests.nodes import Cluster, NodeProcess, open_cluster
from tests.redis_server import RedisServer

MOST_NODE_MIB: Final = 1_500.0
"""The attackers are ended when a node has so much memory: they have shown what was to be shown."""
_LIMITS: Final[dict[str, object]] = {"flood_rate": 10, "flood_burst": 20, "exempt_networks": "none"}
"""The limits that innocents and attackers have alike: a node's defaults, with nobody exempt.

Attackers are on this machine, which is exempt by default. A checkout that lacks a setting goes
without."""


@dataclass(frozen=True)
class Options:
    """How attacks are carried out. Times are in seconds.

    - ``gateway``: the checkout that nodes are run from
    - ``seconds``: how long an attack lasts at most; without it as long as the table says
    - ``until``: an outcome, and how often attackers have got it when an attack ends earlier
    - ``peace``: how long innocents are observed before the attack
    - ``control``: whether other nodes run beside that nobody attacks, to tell what is the machine's
    - ``aftermath``: how long an attack that is over may still be the reason of a delay
    - ``patience``: after how long an innocent gives up waiting
    - ``scale``: how large an attack's crowd is, compared with the table
    """

    gateway: Path = ROOT
    nodes: int = 1
    seconds: float | None = None
    until: tuple[str, float] = ("", math.inf)
    peace: float = 3.0
    control: bool = True
    aftermath: float = 2.0
    patience: float = 8.0
    scale: float = 1.0
    bounds: Bounds = field(default_factory=Bounds)


def missing_settings(gateway: Path) -> list[str]:
    """Return the limits that a checkout has no setting for."""
    return [name for name in _LIMITS if not has_setting(gateway, name)]


async def carry_out(
    attack: Attack, sources: int, options: Options, folder: Path, show: Callable[[str], None]
) -> Cost:
    """Run an attack from so many addresses; return what it cost.

    - ``folder``: for what the two sites store; the path of a socket in it must not be too long
    """
    async with AsyncExitStack() as stack:
        attacked = await stack.enter_async_context(_site(attack, options, folder / "a"))
        spared = (
            await stack.enter_async_context(_site(attack, options, folder / "b"))
            if options.control
            else None
        )
        before = attacked.innocents.observed
        await trio.sleep(options.peace)
        during = attacked.innocents.observe()
        elsewhere = before if spared is None else spared.innocents.observe()
        await before.complete()  # else the attack might delay what is to be compared with it
        meter = await stack.enter_async_context(metered(attacked.cluster))
        outcomes = await _strike(
            attack, sources, options, innocents=attacked.innocents, meter=meter, show=show
        )
        node_cpu, redis_cpu = meter.cpu()
        await trio.sleep(options.aftermath)
        afterwards = attacked.innocents.observe()
        if spared is not None:
            spared.innocents.observe()
        await during.complete()
        await elsewhere.complete()
        settled = await meter.settle(options.bounds)
        return Cost(
            attack=attack.name, sources=sources,
            before=_latency(before), during=_latency(during), elsewhere=_latency(elsewhere),
            newcomer=_longest_arrival(during), newcomer_elsewhere=_longest_arrival(elsewhere),
            node=meter.nodes, redis=meter.redis, settled=settled,
            node_cpu=node_cpu, redis_cpu=redis_cpu,
            closed=during.closed + afterwards.closed, wrong=during.wrong + afterwards.wrong,
            outcomes=outcomes, complaints=tuple(_complaints(attacked.cluster.nodes)),
        )  # fmt: skip


async def _strike(
    attack: Attack, sources: int, options: Options, *, innocents: Innocents, meter: Meter,
    show: Callable[[str], None],
) -> dict[str, int]:  # fmt: skip
    """Attack the nodes that innocents are on; return what the attackers got."""
    size = max(1, round(attack.crowd * options.scale))
    async with attacking(attack.name, innocents, sources, size) as attackers:
        await attackers.begun.wait()
        show(f"{attack.name} from {sources}: {attack.about}")
        with trio.move_on_after(options.seconds or attack.seconds):
            await _first_of(
                partial(attackers.got, *options.until), partial(meter.exceeds, MOST_NODE_MIB)
            )
    return attackers.outcomes


class _Site(NamedTuple):
    """Nodes with a Redis of their own, and the innocents on them."""

    cluster: Cluster
    innocents: Innocents


@asynccontextmanager
async def _site(attack: Attack, options: Options, folder: Path) -> AsyncIterator[_Site]:
    wanted = _LIMITS | dict(attack.settings)
    known = {name: value for name, value in wanted.items() if has_setting(options.gateway, name)}
    await trio.Path(folder).mkdir(parents=True)
    async with (
        RedisServer(folder) as redis,
        open_cluster(redis, options.nodes, checkout=options.gateway, **known) as cluster,
        trio.open_nursery() as nursery,
    ):
        innocents = Innocents([node.port for node in cluster.nodes], options.patience)
        await nursery.start(innocents.run)
        yield _Site(cluster, innocents)
        nursery.cancel_scope.cancel()


async def _first_of(*waits: Callable[[], Awaitable[None]]) -> None:
    """Wait until one of several has come to an end."""
    async with trio.open_nursery() as nursery:

        async def wait_for(wait: Callable[[], Awaitable[None]]) -> None:
            await wait()
            nursery.cancel_scope.cancel()

        for wait in waits:
            nursery.start_soon(wait_for, wait)


def _latency(observed: Observed) -> Latency:
    return Latency(*(observed.echoes.percentile(percent) / 1e6 for percent in (50, 99, 100)))


def _longest_arrival(observed: Observed) -> float:
    return observed.arrivals.percentile(100) / 1e6


def _complaints(nodes: Sequence[NodeProcess]) -> list[str]:
    """Return what nodes logged as errors or untruly, and whether one has ended."""
    found = {f"a node logged: {line['event']}" for node in nodes for line in node.errors}
    found |= {"a node ended" for node in nodes if node.process.returncode is not None}
    remotes = (str(line.get("remote", "")) for node in nodes for line in node.log)
    if any(remote.startswith(FORGED_NETWORK) for remote in remotes):
        found.add("a forged address is in the log as a client's")
    return sorted(found)
