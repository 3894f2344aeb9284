"""What one session is to everybody else, whether it has a connection or not. Pure."""

from __future__ import annotations

from collections.abc import Callable

import trio

from gateway.backplane import NO_TERM
from gateway.backplane.member_line import nick_of
from gateway.wire.close_codes import REPLACED, Close


class SessionRecord:
    """What one session is to everybody else; ``close`` ends its connection, None if it has none."""

    __slots__ = ("claims", "close", "joined", "leaving", "moved", "over", "sid", "term", "who")

    def __init__(self, sid: str, close: Callable[[Close], None] | None) -> None:
        self.sid = sid
        self.close = close
        self.who = ""
        """Nickname and status (`gateway.backplane.member_line`); empty before it has a nickname."""
        self.term = NO_TERM
        """The term in which this node has it (`gateway.backplane.terms`)."""
        self.joined: set[str] = set()
        """The rooms that its connection follows."""
        self.leaving: set[str] = set()
        """Rooms to be given back."""
        self.over = False
        """Its nickname, too, is to be given back."""
        self.moved = False
        """Another node has taken it up."""
        self.claims = trio.Lock()
        """Held by `SessionRegistry.claiming` alone."""

    @property
    def nick(self) -> str:
        """The nickname; empty if it has none yet."""
        return nick_of(self.who)

    def replaced(self, term: int) -> None:
        """Note that another node has taken it up after ``term``; its connection is closed."""
        if self.term > term:
            return  # it has come back since
        self.moved = True
        if self.close is not None:
            self.close(REPLACED)
