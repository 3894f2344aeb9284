"""State machines of Hypothesis against a real Redis."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import closing
from functools import partial
from typing import Any

import redis
import trio
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from gateway.backplane.redis.link import Link
from tests.redis_server import RedisServer


class RedisMachine(RuleBasedStateMachine):
    """A machine whose rules call the nodes' own code; they run in a thread beside Trio's."""

    link: Link
    ask: Callable[..., Any]
    """Runs one command in Redis, on a connection beside the nodes' own."""

    def do(self, call: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
        """Run an async function in Trio; return its result."""
        return trio.from_thread.run(call, *arguments)


async def run_machine(
    machine: type[RedisMachine], link: Link, server: RedisServer, *, examples: int, steps: int
) -> None:
    """Run a machine, which begins each time with whatever is in Redis."""
    often = settings(max_examples=examples, stateful_step_count=steps, deadline=None)
    with closing(redis.Redis(unix_socket_path=str(server.socket), decode_responses=True)) as client:
        bound = type("Machine", (machine,), {"link": link, "ask": client.execute_command})
        await trio.to_thread.run_sync(partial(run_state_machine_as_test, bound, settings=often))
