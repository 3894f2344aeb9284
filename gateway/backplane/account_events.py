"""What the nodes tell each other of an account, on its channel: what one device did. Pure.

An event is published after `EVENT_MARK`, as JSON. Nodes that do not know an event ignore it.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec
from msgspec import Struct

from gateway.backplane.account_keys import account_channel
from gateway.backplane.redis.calls import Calls

EVENT_MARK: Final = b"!"
"""Published before every event of an account."""


class UnknownEvent(ValueError):
    """A publication that is no event of an account, or one of another release."""


RevocationCode = Literal["signed_out", "disabled", "deleted"]


class AccountEvent(Struct, frozen=True, omit_defaults=True, tag_field="type"):
    """What all events of an account are."""


class ReadEvent(AccountEvent, frozen=True, kw_only=True, tag="read"):
    """The marker of a room, by its key, or of a conversation, by the person's tag, has moved."""

    room: str = ""
    peer: str = ""
    seq: int


class JoinedEvent(AccountEvent, frozen=True, tag="joined"):
    """One session has joined a room: its key, its name, and the session."""

    room: str
    name: str
    by: str


class LeftEvent(AccountEvent, frozen=True, tag="left"):
    """One session has left a room, by its key: and with it the account."""

    room: str
    by: str


class RenamedEvent(AccountEvent, frozen=True, tag="renamed"):
    """The account has another nickname, and another member line."""

    nick: str
    line: str


class StatusEvent(AccountEvent, frozen=True, tag="status"):
    """The person has chosen another status."""

    state: str
    text: str = ""


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


AnyAccountEvent = ReadEvent | JoinedEvent | LeftEvent | RenamedEvent | StatusEvent | RevokedEvent

_decoder = msgspec.json.Decoder(AnyAccountEvent)


def encode_event(event: AnyAccountEvent) -> bytes:
    """Return the publication of an event."""
    return EVENT_MARK + msgspec.json.encode(event)


def decode_event(payload: bytes) -> AnyAccountEvent:
    """Return the event in a publication; :raises UnknownEvent: if it is none that we know."""
    if not payload.startswith(EVENT_MARK):
        raise UnknownEvent("no event")
    try:
        return _decoder.decode(payload[len(EVENT_MARK) :])
    except ValueError as error:  # msgspec's own are of this kind
        raise UnknownEvent(str(error)) from error


async def publish_event(calls: Calls, scope: str, account: str, event: AnyAccountEvent) -> int:
    """Publish an event on an account's channel; return how many nodes heard it.

    :raises Unavailable: if Redis does not answer.
    """
    heard: int = await calls.call("PUBLISH", account_channel(scope, account), encode_event(event))
    return heard
