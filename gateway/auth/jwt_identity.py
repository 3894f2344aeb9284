"""Whom a JWT is about, and why one is refused, or its keys are. Pure.

Without the libraries that verify them, which take 9 MiB: a node that takes no JWTs loads none.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

MOST_CHARS: Final = 12_000
"""Characters of a token that are read."""

Reason = Literal[
    "malformed", "algorithm", "key", "signature", "audience", "issuer", "expired", "not_yet_valid",
    "no_exp", "no_sub", "no_nick", "too_long", "unavailable",
]  # fmt: skip

_TEXTS: Final[dict[Reason, str]] = {
    "malformed": "The token is not a JWT that can be read.",
    "algorithm": "The token is signed by an algorithm for which there is no key here.",
    "key": "The token names a key that is not known here.",
    "signature": "The signature of the token is wrong.",
    "audience": "The token is not meant for this server.",
    "issuer": "The token is of another issuer.",
    "expired": "The token has expired.",
    "not_yet_valid": "The token is not valid yet.",
    "no_exp": "The token does not say when it expires.",
    "no_sub": "The token does not say whose it is.",
    "no_nick": "The token has no nickname.",
    "too_long": f"The token has more than {MOST_CHARS} characters.",
    "unavailable": "The keys for tokens cannot be had at the moment; try again soon.",
}


class BadJwt(Exception):
    """A JWT is refused; ``reason`` says why, by a word of the wire, and its text in a sentence."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(_TEXTS[reason])
        self.reason: Reason = reason


class JwtRules(NamedTuple):
    """What a token must say: its audience, its issuer unless that is '', the nickname's claim."""

    audience: str
    issuer: str = ""
    nick_claim: str = "preferred_username"


class JwtIdentity(NamedTuple):
    """Whom a token is about.

    - ``issuer``, ``subject``: who it is, for good; '' if the token names no issuer;
    - ``nick``: the nickname as the token says it, of 1 to 255 characters, not checked otherwise;
    - ``expires``: when it ends, in seconds of the Unix epoch;
    - ``issued``: when it was made, likewise; 0 if the token does not say.
    """

    issuer: str
    subject: str
    nick: str
    expires: float
    issued: float = 0.0


class BadKeys(Exception):
    """There are no keys to be had; the text says why, without what is in them."""
