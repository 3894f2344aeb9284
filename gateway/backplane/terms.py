"""Terms: fencing tokens, by which a node that has lost a session can change nothing for it.

Each time that a session is taken up, on whichever node, a *term* begins, with a higher number than
all terms of the session before. Every change for a session names its term. A session's nickname,
its memberships and its inbox are stored with the term of their last change, and a script changes
nothing that belongs to a later term than its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

NO_TERM: Final = 0
"""In place of a session's term where this node does not know it."""
_LAST: Final = 2**53


def up_to_terms(sessions: Mapping[str, int]) -> Iterator[str | int]:
    """Yield each session and the last term that is meant, as arguments of a script.

    With `NO_TERM` any term is meant.
    """
    for session, term in sessions.items():
        yield session
        yield term or _LAST
