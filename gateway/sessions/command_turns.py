"""Fair turns: how many commands and requests a node reads before it looks at its sockets again.

When thousands of clients send at the same moment, each of their commands is short, but together
they would keep the node from everything else for a tenth of a second or more. So only some are read
in each round of Trio's loop; the others wait, and are read in turns by address. Whoever has an
address of their own waits for one command of each other address, not for all those of a crowd.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import trio

COMMANDS_PER_ROUND: Final = 32
"""Commands and pieces of HTTP requests that are read in one round of the loop, at most."""


class CommandTurns:
    """The turns of one node's clients.

    Most commands begin at once: only after `COMMANDS_PER_ROUND` of them others have to wait for a
    round of the loop. Once a command has begun, however long it takes, it has no part in this.
    """

    def __init__(self) -> None:
        self._left = COMMANDS_PER_ROUND
        self._waiting: dict[str | None, deque[trio.lowlevel.Task]] = {}
        """Those who wait, by address; the address whose turn is next comes first."""
        self._exhausted = trio.Event()

    async def run(self) -> None:
        """Let those begin who wait; runs for as long as the node does."""
        while True:
            await self._exhausted.wait()
            self._exhausted = trio.Event()
            self._left = COMMANDS_PER_ROUND
            while self._waiting:
                self._wake(COMMANDS_PER_ROUND)
                await trio.lowlevel.checkpoint()

    async def begin(self, address: str | None) -> None:
        """Wait until a command of an address may begin; None stands for all who are exempt."""
        if self._left > 0 and not self._waiting:
            self._left -= 1
            return
        self._exhausted.set()
        task = trio.lowlevel.current_task()
        self._waiting.setdefault(address, deque()).append(task)

        def abort(_: object) -> trio.lowlevel.Abort:
            waiting = self._waiting[address]
            waiting.remove(task)
            if not waiting:
                del self._waiting[address]
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)

    def _wake(self, most: int) -> None:
        """Let the first of each address begin, one address after the other."""
        for _ in range(most):
            if not self._waiting:
                return
            address = next(iter(self._waiting))
            waiting = self._waiting.pop(address)
            trio.lowlevel.reschedule(waiting.popleft())
            if waiting:
                self._waiting[address] = waiting
