"""Close codes: what happened to a connection, and whether its client should come back.

4000-4499 mean "reconnect, to any node"; 4500-4999 mean "do not, it would end the same way".
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Closing(NamedTuple):
    """Why a node closes a connection: the WebSocket close code and its reason (RFC 6455 7.4)."""

    code: int
    reason: str


NORMAL: Final = Closing(1000, "goodbye")
TOO_BIG: Final = Closing(1009, "a frame is at most 16384 bytes")

DRAINING: Final = Closing(4000, "this node is going away")
SLOW_READER: Final = Closing(4001, "you read too slowly")
SILENT: Final = Closing(4002, "no answer to pings")
INTERNAL: Final = Closing(4003, "this node failed")
UNAVAILABLE: Final = Closing(4004, "the server cannot take you in now")

NO_HELLO: Final = Closing(4500, "no hello in time")
REPLACED: Final = Closing(4502, "your session goes on over another connection")
NICK_LOST: Final = Closing(4501, "your nickname now belongs to somebody else")

ALL: Final = (
    NORMAL, TOO_BIG, DRAINING, SLOW_READER, SILENT, INTERNAL, UNAVAILABLE, NO_HELLO, NICK_LOST,
    REPLACED,
)  # fmt: skip
