"""The exceptions of a session; refused commands raise `gateway.wire.CommandError`."""

from __future__ import annotations


class CannotConnect(Exception):
    """No node could be reached; the text says why.

    - ``retry_after``: the number of seconds a node asked us to wait, or None if no node did;
    - ``uncertain``: whether a registration was sent, and the account may have been made: open a
      session with the same `Registration`, of the same ``id``, to find out;
    - ``too_fast``: whether nodes were reached, and refused because it was tried too often.
    """

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        self.uncertain = self.too_fast = False


class NotConnected(Exception):
    """A command was not carried out, because there is no connection."""


class NotConfirmed(NotConnected):
    """A command may have been carried out, or may yet be: no answer says so for certain.

    The text says why, such as a connection lost before the answer. ``repeatable`` is whether the
    same command with the same id may be sent again without being carried out twice.
    """

    def __init__(self, reason: str, *, repeatable: bool = True) -> None:
        super().__init__(reason)
        self.repeatable = repeatable
