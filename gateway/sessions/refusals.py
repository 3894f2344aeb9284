"""Refusals that several commands have in common."""

from __future__ import annotations

from gateway.wire import CommandError


def too_fast(message: str, wait: float) -> CommandError:
    """Return the refusal of what may be done in ``wait`` seconds, rounded up to a millisecond."""
    return CommandError("too_fast", message, retry_after=round(wait + 0.0005, 3))
