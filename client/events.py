"""The events of a session: changes of its connection, and the events of the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
    """A room was joined without being asked for: again after a reconnection, or as the account's.

    A room of the account is joined at sign-in, and when another device has joined it. ``joined``
    has what was missed or, if it is not ``recovered``, the most recent messages. ``was``
    is the name that the room had before, if it has another one now.
    """

    joined: wire.Joined
    was: str | None = None


EndCause = Literal["closed", "refused", "signed_out", "account_closed"]
"""Why a session is over.

- ``closed``: the server closed it, or it was never begun again in time;
- ``refused``: the server does not let it go on;
- ``signed_out``: this device is not signed in any more, by itself or by another device;
- ``account_closed``: the account was disabled or deleted.
"""


@dataclass(frozen=True)
class Unsent:
    """A message that was not acknowledged; if it is ``uncertain``, it may have arrived."""

    command: wire.Send | wire.SendDirect
    uncertain: bool


@dataclass(frozen=True)
class Ended:
    """The session is over and does not come back; the last event.

    ``unsent`` are the messages that were still being sent, those of each room and person in order;
    each `send` of one has failed, too.
    """

    reason: str
    cause: EndCause = "closed"
    unsent: tuple[Unsent, ...] = ()


@dataclass(frozen=True)
class AccountState:
    """The session is an account's: told after each `Connected` that is, and after registering.

    - ``account``: its id, which never changes; ``role``: ``user``, ``admin`` or ``owner``;
    - ``device``: the id of this device;
    - ``rooms``: the account's rooms, with what is unread in each; the session joins those that it
      is not in, see `Rejoined`. In a resumed session there may be none here;
    - direct messages that came before a session that is not resumed are no events: ask for
      `conversations`;
    - ``change_password``: whether the password was a code for one use, so that a new one is needed.
    """

    account: str
    role: str
    device: str
    rooms: tuple[wire.AccountRoom, ...] = ()
    change_password: bool = False


@dataclass(frozen=True)
class NickChanged:
    """The account has another nickname, by this device or another one."""

    nick: str


@dataclass(frozen=True)
class NotRejoined:
    """A room was left, because the server refused to let the session join it again."""

    room: str
    reason: str


Event = (
    Connected | Disconnected | Rejoined | NotRejoined | Ended | AccountState | NickChanged
    | wire.AnyEvent | wire.MemberList
)  # fmt: skip
"""`wire.MemberList` comes unasked when changes of a room's members were missed."""
