"""How the bytes that may wait for one client (``--outbox-bytes``) are shared out. Pure.

Every answer fits, however slowly its client reads: what may wait when the client's next command is
carried out, and the largest answer to it, are less than the whole together.

========  ====================================================================
1/4       what waits from before; while it is more, the next command waits
1/2       the messages in an answer, or its rooms
1/8       a page of members in an answer, beside the messages
1/8       the rest of the answer, and the events that come meanwhile
========  ====================================================================

Each function returns bytes, given what may wait altogether.
"""

from __future__ import annotations


def backlog(limit: int) -> int:
    """Return how much may wait when the next command of a client is carried out."""
    return limit // 4


def messages(limit: int) -> int:
    """Return how long the messages in one answer may be together; so its rooms."""
    return limit // 2


def page(limit: int) -> int:
    """Return how long the members on one page may be together."""
    return limit // 8


def presence(limit: int) -> int:
    """Return how long the changes in one ``presence`` may be together.

    That is less than `page`, since every member of the room gets it unasked.
    """
    return limit // 16
