"""Terms: fencing tokens, so that a node that has lost a session can change nothing of it.

Each time that a session is resumed, on whichever node, a *term* with a higher number begins. Every
change for a session names its term. Its nickname, memberships and inbox are stored with the term of
their last change, and a script changes nothing that has a later term than its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

NO_TERM: Final = 0
"""In place of a session's term: it has none yet, or this node does not know it."""
_LAST: Final = 2**53


def up_to_terms(sessions: Mapping[str, int]) -> Iterator[str | int]:
    """Yield each session and its last term to act on, as arguments of a script.

    With `NO_TERM`, the script acts on any term.
    """
    for session, term in sessions.items():
        yield session
        yield term or _LAST
