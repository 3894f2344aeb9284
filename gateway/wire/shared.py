"""What commands and events have in common: limits, refusals, positions."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from gateway.wire.error_codes import OUTCOMES, UNKNOWN

SUBPROTOCOL: Final = "chat.v1"
PATH: Final = "/ws"

MAX_FRAME_BYTES: Final = 16 * 1024
"""The largest frame a client may send, in bytes of UTF-8; a larger one closes with 1009."""
MAX_TEXT_BYTES: Final = 4096
"""The longest message text, in bytes of UTF-8."""
MAX_ROOM_CHARS: Final = 64
MAX_HISTORY: Final = 200
"""The most messages one ``join`` or ``history`` returns."""
MAX_STATUS_BYTES: Final = 128
"""The longest text of a status, in bytes of UTF-8."""
MAX_LISTED_MEMBERS: Final = 1000
"""The most members on one page of a room's list, in the answers to ``join`` and ``members``."""
MAX_DEVICE_CHARS: Final = 64
"""The longest name of a device, in characters."""
LEAST_ATTEMPT_CHARS: Final = 16
"""Characters of an ``id`` by which a repeated sign-in is recognised; shorter ones may recur."""
MAX_CONVERSATIONS: Final = 1000
"""The most conversations in the answer to ``conversations``."""
LOBBY: Final = "lobby"
"""The room that always exists."""


def may_reconnect(close_code: int) -> bool:
    """Return whether a client closed with this code should reconnect by itself.

    True for all codes but 4500-4999, with which it would be closed again for the same reason.
    """
    return not 4500 <= close_code <= 4999  # noqa: PLR2004


class CommandError(Exception):
    """A refused command: what the ``error`` frame says, as an exception.

    The gateway raises it to refuse a command, the client library when a command was refused.

    - ``retry_after``: in seconds;
    - ``suggestion``: a free variant of a taken nickname, the room that a room's name looks like, or
      the tag of whoever has a nickname now;
    - ``reason``, ``until``: those of a ban; ``until`` is a Unix time in milliseconds;
    - ``temporary``: whether the same command may succeed later;
    - ``uncertain``: whether it may have been carried out, or may yet be.

    The last two follow from the code where they are not given.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retry_after: float | None = None,
        suggestion: str | None = None,
        reason: str | None = None,
        until: int | None = None,
        temporary: bool | None = None,
        uncertain: bool | None = None,
    ) -> None:
        super().__init__(message)
        usual = OUTCOMES.get(code, UNKNOWN)
        self.code = code
        self.message = message
        self.retry_after = retry_after
        self.suggestion = suggestion
        self.reason = reason
        self.until = until
        self.temporary = usual.temporary if temporary is None else temporary
        self.uncertain = usual.uncertain if uncertain is None else uncertain


Id = Annotated[str, Meta(min_length=1, max_length=64)]
Secret = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{22,64}\\Z")]
"""A session's secret, known only to its client and its node: at least 128 random bits."""
LEAST_DIFFERENT: Final = 10
"""The least number of different characters in a secret that somebody has chosen."""
Limit = Annotated[int, Meta(ge=0, le=MAX_HISTORY)]
PageLimit = Annotated[int, Meta(ge=1, le=MAX_LISTED_MEMBERS)]
Cursor = Annotated[str, Meta(max_length=128)]
"""Where a page of a list ends; only the node that made it knows what it means."""


class Position(Struct, frozen=True, omit_defaults=True):
    """A place in a log: everything up to ``seq`` of ``epoch`` has been seen.

    ``id`` is that of the message at ``seq``. If Redis has another message there, it lost that one.
    """

    epoch: str
    seq: Annotated[int, Meta(ge=0, le=2**53)]
    id: Id | None = None


State = Literal["online", "away", "busy"]
"""The state in a person's status."""


class Frame(Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """The base of all frames. A field at its default is left out on the wire."""


_encode = msgspec.json.Encoder().encode


def encode(frame: Frame) -> bytes:
    """Return a frame as JSON, to be sent as one text frame."""
    return _encode(frame)
