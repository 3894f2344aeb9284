"""Refusals that several commands have in common."""

from __future__ import annotations

from typing import Final

from gateway.policy.storage import Shortage
from gateway.sessions.context import NodeContext
from gateway.wire import CommandError

SHORTAGE_SECONDS: Final = 30.0
"""Seconds after which something that is refused for want of memory may be tried again."""


def check_memory(context: NodeContext, least: Shortage) -> None:
    """Check that Redis has memory for what is refused from a degree of shortage on.

    :raises CommandError: ``unavailable``, with certainty that nothing was done.
    """
    if context.backplane.memory.shortage >= least:
        text = "The server is short of memory; try again later."
        raise CommandError("unavailable", text, retry_after=SHORTAGE_SECONDS, uncertain=False)


def too_fast(message: str, wait: float) -> CommandError:
    """Return the refusal of what may be done in ``wait`` seconds, rounded up to a millisecond."""
    return CommandError("too_fast", message, retry_after=round(wait + 0.0005, 3))
