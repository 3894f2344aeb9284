"""Close codes: why a node closes a connection, and whether its client should reconnect.

4000-4499 mean "reconnect, to any node"; 4500-4999 mean "do not, it would end the same way".
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Close(NamedTuple):
    """Why a node closes a connection: the WebSocket close code and its reason (RFC 6455 7.4)."""

    code: int
    reason: str


NORMAL: Final = Close(1000, "goodbye")
TOO_BIG: Final = Close(1009, "a frame is at most 16384 bytes")

DRAINING: Final = Close(4000, "this node is going away")
SLOW_READER: Final = Close(4001, "you read too slowly")
SILENT: Final = Close(4002, "no answer to pings")
INTERNAL: Final = Close(4003, "this node failed")
UNAVAILABLE: Final = Close(4004, "the server cannot take you in now")
SESSION_OVER: Final = Close(4005, "your session is too old: begin another one")
JWT_EXPIRED: Final = Close(4006, "your token has expired: come with a new one")

NO_HELLO: Final = Close(4500, "no hello in time")
NICK_LOST: Final = Close(4501, "your nickname now belongs to somebody else")
REPLACED: Final = Close(4502, "your session goes on over another connection")
BANNED: Final = Close(4503, "an operator has banned you")
KICKED: Final = Close(4504, "an operator has ended your session")
SIGNED_OUT: Final = Close(4505, "this device was signed out")
ACCOUNT_CLOSED: Final = Close(4506, "your account was disabled or deleted")

ALL: Final = (
    NORMAL, TOO_BIG, DRAINING, SLOW_READER, SILENT, INTERNAL, UNAVAILABLE, SESSION_OVER,
    JWT_EXPIRED, NO_HELLO, NICK_LOST, REPLACED, BANNED, KICKED, SIGNED_OUT, ACCOUNT_CLOSED,
)  # fmt: skip
