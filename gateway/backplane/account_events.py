"""What the nodes tell each other of an account, on its channel: what one device did. Pure.

Events are published after `ACCOUNT_EVENT_MARK`, as JSON. Nodes ignore those they do not know.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from gateway.backplane.account_keys import account_channel
from gateway.backplane.payloads import ACCOUNT_EVENT_MARK
from gateway.backplane.redis.calls import Calls

RevocationCode = Literal["signed_out", "disabled", "deleted"]


class AccountEvent(Struct, frozen=True, omit_defaults=True, tag_field="type"):
    """What all events of an account are."""


class ReadEvent(AccountEvent, frozen=True, kw_only=True, tag="read"):
    """The marker of a room, by its name, or of a conversation, by the nickname, has moved."""

    room: str = ""
    peer: str = ""
    seq: int
    by: str


class JoinedEvent(AccountEvent, frozen=True, tag="joined"):
    """The session ``by`` has joined a room, of this name."""

    name: str
    by: str


class LeftEvent(AccountEvent, frozen=True, tag="left"):
    """The session ``by`` has left a room, by its key and name: and with it the account."""

    room: str
    name: str
    by: str


class ChangedEvent(AccountEvent, frozen=True, tag="changed"):
    """The account has another member line by the session ``by``; its rooms have it already."""

    line: str
    by: str


class RevokedEvent(AccountEvent, frozen=True, kw_only=True, tag="revoked"):
    """Devices are signed out, or the account cannot be used any more.

    - ``devices``: their ids; None for all but ``except_for``;
    - ``version``: of the account once it is disabled or deleted; 0 if only devices are revoked.
    """

    devices: list[str] | None = None
    except_for: str | None = msgspec.field(default=None, name="except")
    code: RevocationCode = "signed_out"
    version: int = 0

    def concerns(self, device: str) -> bool:
        """Return whether a device is signed out."""
        return device != self.except_for if self.devices is None else device in self.devices


AnyAccountEvent = ReadEvent | JoinedEvent | LeftEvent | ChangedEvent | RevokedEvent

_decoder = msgspec.json.Decoder(AnyAccountEvent)


def encode_event(event: AnyAccountEvent) -> bytes:
    """Return the publication of an event."""
    return ACCOUNT_EVENT_MARK + msgspec.json.encode(event)


def decode_event(encoded: bytes) -> AnyAccountEvent:
    """Return the event in a publication after its mark; :raises ValueError: if there is none."""
    return _decoder.decode(encoded)


async def publish_event(calls: Calls, scope: str, account: str, event: AnyAccountEvent) -> int:
    """Publish an event on an account's channel; return how many nodes heard it.

    :raises Unavailable: if Redis does not answer.
    """
    heard: int = await calls.call("PUBLISH", account_channel(scope, account), encode_event(event))
    return heard
