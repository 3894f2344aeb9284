"""What a store needs of a connection to Redis: `Link`, or one that waits until it is durable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from gateway.backplane.redis.connection import Argument
from gateway.backplane.redis.scripts import Script


class Calls(Protocol):
    """Commands to Redis; each raises `Unavailable` if Redis cannot carry it out."""

    async def call(self, *command: Argument) -> Any:  # noqa: ANN401
        """Run one command, and return its reply; bulk strings are bytes."""

    async def call_all(self, commands: Sequence[tuple[Argument, ...]]) -> list[Any]:
        """Run commands together, in this order, and return their replies."""

    async def run_script(self, script: Script, keys: tuple[str, ...], *arguments: Argument) -> Any:  # noqa: ANN401
        """Run a script, and return its reply."""
