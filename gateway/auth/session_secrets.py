"""Session secrets, and the session ids made from them. Pure."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Final

_SECRET_BYTES: Final = 18
_ID_BYTES: Final = 15
_TAG_BYTES: Final = 12


def new_secret() -> str:
    """Return a new secret, which only the client keeps: 144 random bits as URL-safe text."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def session_id(secret: str) -> str:
    """Return the public id of the session that has a secret; it does not reveal the secret."""
    digest = hashlib.sha256(secret.encode()).digest()
    return base64.urlsafe_b64encode(digest[:_ID_BYTES]).decode()


def person_tag(session: str) -> str:
    """Return the tag by which clients tell whose messages they get, given a session's id.

    It is the same for as long as the session lasts, under whatever nickname, and does not reveal
    the id.
    """
    digest = hashlib.sha256(b"person " + session.encode()).digest()
    return base64.urlsafe_b64encode(digest[:_TAG_BYTES]).decode()
