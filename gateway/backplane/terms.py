"""Terms: what a node does for a session that goes on elsewhere by now has no effect.

Each time that a session is taken up, on whichever node, a *term* of it begins, whose number is
above those of all before: a fencing token. Whatever is changed for a session names its term, and
what is kept of it, its nickname, its places in rooms, its inbox, is kept with the term of the last
change. A script changes nothing that belongs to a later term than its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

NO_TERM: Final = 0
"""The term of a session of which this node does not know in which one it has it, if at all."""
_LAST: Final = 2**53


def up_to_terms(sessions: Mapping[str, int]) -> Iterator[str | int]:
    """Yield sessions, each before the last term that is meant, as scripts take them.

    `NO_TERM` stands for whichever term it is.
    """
    for session, term in sessions.items():
        yield session
        yield term or _LAST
