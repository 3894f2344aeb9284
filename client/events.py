"""The events of a session: changes of its connection, and the events of the server."""

from __future__ import annotations

from dataclasses import dataclass

from gateway import wire


@dataclass(frozen=True)
class Connected:
    """The session has a connection; each of its rooms is joined again, see `Rejoined`.

    ``resumed`` is whether the server took up the same session, so that others have noticed nothing.
    """

    url: str
    node: str
    nick: str
    resumed: bool


@dataclass(frozen=True)
class Disconnected:
    """The connection was lost; ``next_url`` is tried in ``retry_in`` seconds."""

    reason: str
    retry_in: float
    next_url: str


@dataclass(frozen=True)
class Rejoined:
    """A room was joined again after a reconnection.

    ``joined`` has what was missed or, if it is not ``recovered``, the most recent messages. ``was``
    is the name that the room had before, if it has another one now.
    """

    joined: wire.Joined
    was: str | None = None


@dataclass(frozen=True)
class Ended:
    """The session is over and does not come back; the last event."""

    reason: str


@dataclass(frozen=True)
class NotRejoined:
    """A room was left, because the server refused to let the session join it again."""

    room: str
    reason: str


Event = Connected | Disconnected | Rejoined | NotRejoined | Ended | wire.AnyEvent | wire.MemberList
"""`wire.MemberList` comes unasked when changes of a room's members were missed."""
