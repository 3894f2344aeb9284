"""What operators ask of nodes, and what nodes reply, as bytes. Pure.

A request is published on the channels of nodes. Each node that hears it carries it out, and
publishes its reply on the channel that the request names. Nodes that do not know a request ignore
it.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from gateway.policy.bans import Target

REQUEST_PREFIX: Final = b"operator "
"""Published before every request."""


class Request(Struct, frozen=True, kw_only=True, tag_field="do"):
    """What all requests have: the channel for the replies."""

    reply_to: str = ""


class ListSessions(Request, frozen=True, kw_only=True, tag="who"):
    """List sessions in the order of nickname and id, from after ``after``, at most ``limit``."""

    target: Target | None = None
    after: tuple[str, str] = ("", "")
    limit: int


class EndSessions(Request, frozen=True, kw_only=True, tag="kick"):
    """End all sessions of a target, and tell their clients the reason."""

    target: Target
    reason: str


class ReadBans(Request, frozen=True, kw_only=True, tag="bans"):
    """Read the bans, which have changed, and end the sessions of those who are banned."""


class Announce(Request, frozen=True, kw_only=True, tag="announce"):
    """Send a text to all clients."""

    text: str


AnyRequest = ListSessions | EndSessions | ReadBans | Announce


class SessionInfo(Struct, frozen=True):
    """A session as operators see it; ``address`` is where it is, or was, connected from."""

    nick: str
    session: str
    node: str
    address: str
    connected: bool
    rooms: int

    @property
    def place(self) -> tuple[str, str]:
        """Its place in the order in which sessions are listed."""
        return self.nick, self.session


class Reply(Struct, frozen=True, kw_only=True):
    """What one node has done.

    - ``count``: sessions that it has ended, or clients that it has told something;
    - ``sessions``: those asked for; ``more`` is whether there are others after them.
    """

    node: str
    count: int = 0
    sessions: list[SessionInfo] = []
    more: bool = False


_request_decoder = msgspec.json.Decoder(AnyRequest)
_reply_decoder = msgspec.json.Decoder(Reply)


def encode_request(request: AnyRequest) -> bytes:
    """Return the publication of a request."""
    return REQUEST_PREFIX + msgspec.json.encode(request)


def decode_request(payload: bytes) -> AnyRequest:
    """Return the request in a publication; :raises ValueError: if it cannot be read."""
    return _request_decoder.decode(payload.removeprefix(REQUEST_PREFIX))


def decode_reply(encoded: bytes) -> Reply:
    """Return a reply; :raises ValueError: if it cannot be read."""
    return _reply_decoder.decode(encoded)
