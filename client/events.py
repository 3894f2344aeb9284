"""What a session tells: its own ups and downs, and the node's events between them."""

from __future__ import annotations

from dataclasses import dataclass

from gateway import wire


@dataclass(frozen=True)
class Connected:
    """The session has a connection; its rooms are joined again, each told by `Rejoined`.

    ``resumed`` tells whether it is the session that it was, so that nobody has noticed.
    """

    url: str
    node: str
    nick: str
    resumed: bool


@dataclass(frozen=True)
class Disconnected:
    """There is no connection; the next attempt is in ``retry_in`` seconds, at ``next_url``."""

    reason: str
    retry_in: float
    next_url: str


@dataclass(frozen=True)
class Rejoined:
    """A room after a reconnection: what was missed or, with ``recovered`` false, what is recent."""

    joined: wire.Joined


@dataclass(frozen=True)
class Ended:
    """The session is over and will not come back by itself; the last event."""

    reason: str


@dataclass(frozen=True)
class NotRejoined:
    """A room that this session is in no more: after a reconnection it was refused."""

    room: str
    reason: str


Event = Connected | Disconnected | Rejoined | NotRejoined | Ended | wire.AnyEvent | wire.MemberList
"""`wire.MemberList` comes unasked when changes of a room's members were missed."""
