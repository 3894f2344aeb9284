"""The attackers' process: carries out one attack, and says what the attackers have got so far.

It is apart from the innocents, so that its own work does not delay them, and gives way to all
others: in truth an attacker has machines of its own.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from subprocess import PIPE
from typing import Any, Final

import trio

from tests.attacks.catalogue import ATTACKS
from tests.attacks.crowd import Crowd
from tests.attacks.innocents import Innocents

TOLD_SECONDS: Final = 0.2
_NICENESS: Final = 5
_ADDRESSES: Final = 250
"""Addresses in each network of 24 bits that attackers come from."""


def addresses(number: int) -> list[str]:
    """Return so many addresses of this machine for attackers."""
    return [f"127.0.{10 + each // _ADDRESSES}.{1 + each % _ADDRESSES}" for each in range(number)]


class AttackersProcess:
    """The attackers as their conductor sees them.

    - ``begun``: set once they are at work
    - ``outcomes``: how often they got what so far
    """

    def __init__(self, process: trio.Process) -> None:
        self.process = process
        self.outcomes: dict[str, int] = {}
        self.begun = trio.Event()
        self._told = trio.Event()
        self._stopped = False

    async def listen(self) -> None:
        """Keep what they say until they are stopped; run it in a nursery.

        :raises RuntimeError: if they end by themselves.
        """
        assert self.process.stdout is not None
        buffer = b""
        async for chunk in self.process.stdout:
            *lines, buffer = (buffer + chunk).split(b"\n")
            if lines:
                self.outcomes = json.loads(lines[-1])
                self.begun.set()
                self._told.set()
                self._told = trio.Event()
        if not self._stopped:
            raise RuntimeError("the attackers' process has ended")

    async def got(self, outcome: str, often: float) -> None:
        """Wait until they have got an outcome so often."""
        while self.outcomes.get(outcome, 0) < often:
            await self._told.wait()

    async def stop(self) -> None:
        """End them, and all their connections with them."""
        self._stopped = True
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def attacking(
    name: str, innocents: Innocents, sources: int, size: int
) -> AsyncIterator[AttackersProcess]:
    """Run an attack on the nodes that innocents are on, from so many addresses.

    It ends with the context. ``size``: that of the crowd.
    """
    told = {
        "name": name, "ports": innocents.ports, "victim": innocents.victim, "sources": sources,
        "size": size,
    }  # fmt: skip
    command = [sys.executable, "-m", "tests.attacks.attackers", json.dumps(told)]
    process = await trio.lowlevel.open_process(command, stdout=PIPE)
    attackers = AttackersProcess(process)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(attackers.listen)
            yield attackers
            await attackers.stop()
    finally:
        with trio.CancelScope(shield=True):
            await attackers.stop()


def main() -> None:
    """Carry out the attack that the first argument describes, until the process is killed."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.nice(_NICENESS)
    gc.freeze()
    trio.run(_attack, json.loads(sys.argv[1]))


async def _attack(told: dict[str, Any]) -> None:
    crowd = Crowd(told["ports"], addresses(told["sources"]), told["size"], told["victim"])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_tell, crowd)
        await ATTACKS[told["name"]].strike(crowd)


async def _tell(crowd: Crowd) -> None:
    while True:
        sys.stdout.write(json.dumps(crowd.outcomes) + "\n")
        sys.stdout.flush()
        await trio.sleep(TOLD_SECONDS)


if __name__ == "__main__":
    main()
