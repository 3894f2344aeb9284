"""The parts of frames that have no type of their own: members, rooms, limits."""

from __future__ import annotations

from msgspec import Struct, field

from gateway.wire.shared import State


class Limits(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The limits of this node; bytes are of UTF-8, ``flood_rate`` is in tokens per second.

    - ``grace_seconds``: how long a session without a connection may be resumed;
    - ``ping_interval``: seconds of silence after which the client is pinged; after twice that its
      connection is closed;
    - ``registration``: who may make an account: ``open``, ``invite`` or ``closed`` (nobody);
    - ``password_length``: the least characters of its password;
    - ``nicks`` and ``directs`` are per minute, ``new_rooms`` per hour, ``connections`` those of one
      address; 0 means no limit.

    Nodes of earlier versions leave out all of these.
    """

    frame_bytes: int
    text_bytes: int
    rooms: int
    history: int
    flood_burst: int
    flood_rate: float
    grace_seconds: float | None = None
    ping_interval: float | None = None
    registration: str | None = None
    password_length: int | None = None
    nicks: int = 0
    new_rooms: int = 0
    directs: int = 0
    connections: int = 0


class AccountRoom(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A room of an account, at ``seq``, and how far it has been ``read``.

    ``unread`` is ``seq`` less ``read``; ``mentions`` counts, of the newest 200 unread messages at
    most, those in which the account's nickname is mentioned.
    """

    room: str
    seq: int
    read: int
    unread: int = 0
    mentions: int = 0


class Member(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A member of a room, with their status; ``registered`` is whether the nickname is reserved."""

    nick: str
    state: State = "online"
    text: str = ""
    registered: bool = False


class Renamed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A member with a new nickname or status; ``was`` is the nickname before the change."""

    nick: str
    was: str
    state: State = "online"
    text: str = ""
    registered: bool = False


class RoomInfo(Struct, frozen=True, kw_only=True):
    """A room and its number of members."""

    room: str
    members: int


class Device(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A device that is signed in to an account.

    - ``name``: what the account's owner calls it;
    - ``last_seen``: the hour in which it was used last, in Unix milliseconds;
    - ``current``: whether it is the one that asks.
    """

    id: str
    name: str
    last_seen: int
    current: bool = False


class ConversationInfo(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The direct messages that an account has exchanged with one person.

    - ``with``: their nickname, as it was when the last of them came;
    - ``person``: their tag, as in `DirectMessage`;
    - ``seq``: that of the last message in the account's inbox; ``read``: up to which it was read;
    - ``unread``: messages from them after that.
    """

    with_: str = field(name="with")
    person: str
    seq: int
    read: int
    unread: int = 0
