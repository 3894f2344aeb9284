"""The people who have written to a session, so that answering them is not limited. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from gateway.backplane.payloads import direct_sender

MOST_KNOWN: Final = 200
"""People who are remembered; then the one who wrote least lately is forgotten."""


class KnownSenders:
    """The nicknames under which direct messages have come to one session on this node.

    They are kept as they are written in JSON, so that no message is parsed.
    """

    __slots__ = ("_nicks",)

    def __init__(self) -> None:
        self._nicks: dict[bytes, None] = {}

    def note(self, directs: Iterable[bytes]) -> None:
        """Remember who has sent these messages."""
        for direct in directs:
            sender = direct_sender(direct)
            self._nicks.pop(sender, None)
            self._nicks[sender] = None
        while len(self._nicks) > MOST_KNOWN:
            del self._nicks[next(iter(self._nicks))]

    def include(self, nick: str) -> bool:
        """Return whether somebody with this nickname has written."""
        return msgspec.json.encode(nick)[1:-1] in self._nicks
