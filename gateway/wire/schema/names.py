"""The types that the generated files describe, with their names there, and bounds of fields."""

from __future__ import annotations

from typing import Final, NamedTuple, get_args

from msgspec import Struct

from gateway.wire.commands import (
    AnyCommand,
    Hello,
    History,
    Join,
    MarkRead,
    NoteTyping,
    Register,
    Send,
    SendDirect,
    SetStatus,
)
from gateway.wire.events import AnyEvent, Ok
from gateway.wire.objects import (
    AccountRoom,
    ConversationInfo,
    Device,
    Limits,
    Member,
    Renamed,
    RoomInfo,
)
from gateway.wire.shared import (
    MAX_DEVICE_CHARS,
    MAX_ROOM_CHARS,
    MAX_STATUS_BYTES,
    MAX_TEXT_BYTES,
    Position,
)

AnyStruct = type[Struct]


def tag_of(kind: AnyStruct) -> str:
    """Return the ``type`` of a frame."""
    return str(kind.__struct_config__.tag)


def _camel(tag: str) -> str:
    return tag.title().replace("_", "")


OBJECTS: Final[tuple[AnyStruct, ...]] = (
    Position, Member, Renamed, RoomInfo, Limits, AccountRoom, Device, ConversationInfo,
)  # fmt: skip
COMMANDS: Final[tuple[AnyStruct, ...]] = get_args(AnyCommand)
EVENTS: Final[tuple[AnyStruct, ...]] = get_args(AnyEvent)
OKS: Final[tuple[AnyStruct, ...]] = (Ok, *Ok.__subclasses__())

NAMES: Final[dict[AnyStruct, str]] = {
    **{kind: kind.__name__ for kind in OBJECTS},
    **{kind: f"{_camel(tag_of(kind))}Command" for kind in COMMANDS},
    **{kind: f"{kind.__name__}Answer" for kind in OKS},
    **{kind: f"{_camel(tag_of(kind))}Frame" for kind in EVENTS},
}
"""No name is one of JavaScript's own, such as ``Error`` or ``MessageEvent``."""


class TextBound(NamedTuple):
    """The bound of a text that no type expresses, since it has an error code of its own."""

    least: int
    most: int
    unit: str


TEXT_BOUNDS: Final[dict[tuple[AnyStruct, str], TextBound]] = {
    (Hello, "device"): TextBound(0, MAX_DEVICE_CHARS, "characters"),
    (Register, "device"): TextBound(0, MAX_DEVICE_CHARS, "characters"),
    (Join, "room"): TextBound(1, MAX_ROOM_CHARS, "characters"),
    (Send, "text"): TextBound(1, MAX_TEXT_BYTES, "bytes"),
    (SendDirect, "text"): TextBound(1, MAX_TEXT_BYTES, "bytes"),
    (SetStatus, "text"): TextBound(0, MAX_STATUS_BYTES, "bytes"),
}

EITHER: Final[dict[AnyStruct, tuple[str, ...]]] = {
    Hello: ("nick", "token", "jwt", "resume"),
    NoteTyping: ("room", "to"),
    History: ("room", "with"),
    MarkRead: ("room", "with"),
}
"""Commands that have exactly one of some fields."""


def description(kind: AnyStruct) -> str:
    """Return the docstring of a type, as plain text with single backticks."""
    lines = (line.strip() for line in (kind.__doc__ or "").replace("``", "`").splitlines())
    return "\n".join(lines).strip()
