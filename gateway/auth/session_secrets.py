"""Session secrets, and the session ids made from them. Pure."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Final

_SECRET_BYTES: Final = 18
_ID_BYTES: Final = 15


def new_secret() -> str:
    """Return a new secret, which only the client keeps: 144 random bits as URL-safe text."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def session_id(secret: str) -> str:
    """Return the public id of the session that has a secret; it does not reveal the secret."""
    digest = hashlib.sha256(secret.encode()).digest()
    return base64.urlsafe_b64encode(digest[:_ID_BYTES]).decode()
