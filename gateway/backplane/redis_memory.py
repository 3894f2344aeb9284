"""How much memory Redis has left, as this node read it last."""

from __future__ import annotations

from typing import Final

import structlog

from gateway.backplane.redis.link import Link
from gateway.backplane.redis.server_check import read_facts
from gateway.policy.storage import REFUSED, Shortage, shortage

_MOST_DIGITS: Final = 18

log = structlog.get_logger("redis")


class RedisMemory:
    """The memory of Redis: unknown, and counted as enough, until `read` has succeeded.

    - ``used``, ``maximum``: in bytes; 0 if unknown, or if there is no ``maxmemory``;
    - ``shortage``: what is refused for want of memory.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self.used = 0
        self.maximum = 0
        self.shortage = Shortage.NONE

    async def read(self) -> None:
        """Ask Redis; what begins or ends to be refused by that is logged.

        :raises Unavailable: if Redis does not answer, or this user may not ask.
        """
        facts = read_facts([await self._link.call("INFO", "memory")])
        self.used, self.maximum = (_number(facts.get(n)) for n in ("used_memory", "maxmemory"))
        part = self.used / self.maximum if self.maximum else 0.0
        before, self.shortage = self.shortage, shortage(part, self.shortage)
        if self.shortage > before:
            log.warning("redis is short of memory", problem=self.problem)
        elif self.shortage < before:
            log.info("redis has more memory left", problem=self.problem or "none")

    @property
    def problem(self) -> str:
        """What the operator must know of the memory; empty if there is enough."""
        if self.shortage is Shortage.NONE:
            return ""
        used = round(100 * self.used / self.maximum)
        return f"{used} % of the memory of Redis is used: {REFUSED[self.shortage]} are refused"


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) <= _MOST_DIGITS else 0
