"""The exceptions of a session; refused commands raise `gateway.wire.CommandError`."""

from __future__ import annotations


class CannotConnect(Exception):
    """No node could be reached; the text says why.

    ``retry_after`` is the number of seconds a node asked us to wait, or None if no node did.
    """

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class NotConnected(Exception):
    """There is no connection, or it was lost before the answer came; the text says which."""
