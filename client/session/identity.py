"""Who a session is to be: a guest, or somebody with an account. Pure."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Final

_ID_BYTES: Final = 12


def new_command_id() -> str:
    """Return an id by which a server recognises a command that is sent again."""
    return secrets.token_urlsafe(_ID_BYTES)


@dataclass(frozen=True)
class Guest:
    """Somebody with a nickname for one session."""

    nick: str


@dataclass(frozen=True)
class Password:
    """The account that has a nickname.

    - ``device``: what its owner calls this device;
    - ``id``: with the same one it is the same device, however often this is sent within ten
      minutes until it is answered.
    """

    nick: str
    password: str = field(repr=False)
    device: str | None = None
    id: str = field(default_factory=new_command_id)


@dataclass(frozen=True)
class Token:
    """A device that is signed in, by the token that the session's ``on_token`` was given."""

    token: str = field(repr=False)


@dataclass(frozen=True)
class Jwt:
    """The account of a JSON Web Token's subject."""

    jwt: str = field(repr=False)
    device: str | None = None


@dataclass(frozen=True)
class Registration:
    """A new account.

    - ``invite``: the code of an invitation, where the server asks for one;
    - ``id``: with the same one, nickname and password it is the same account, which is made once,
      however often this is sent within ten minutes.
    """

    nick: str
    password: str = field(repr=False)
    invite: str | None = field(default=None, repr=False)
    device: str | None = None
    id: str = field(default_factory=new_command_id)


Identity = Guest | Password | Token | Jwt | Registration


def nick_of(identity: Identity) -> str:
    """Return the nickname in an identity; '' if it has none."""
    return "" if isinstance(identity, (Token, Jwt)) else identity.nick
