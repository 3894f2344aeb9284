"""The operator's token: read from a file, compared in constant time, and failures throttled."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Final

import trio

from gateway.policy.rate_limits import TokenBucket
from gateway.process.files import CannotRead, read_bounded
from gateway.wire.shared import LEAST_DIFFERENT

LEAST_CHARS: Final = 22
"""Characters of a token, at least: 128 random bits as URL-safe text."""
MOST_BYTES: Final = 1_024
FAILURES_AT_ONCE: Final = 5
FAILURES_PER_SECOND: Final = 0.5
"""Wrong tokens that are answered as such; of further ones it is said that they are too many."""


class BadToken(Exception):
    """A file has no token that can be used; the text is one line for the operator."""


def read_token(path: str) -> bytes:
    """Return the token in a file; :raises BadToken: if there is none, or others may know it."""
    name = repr(path[:300])
    try:
        data = read_bounded(Path(path), name=name, most=MOST_BYTES, others_may=False)
    except CannotRead as error:
        raise BadToken(str(error)) from None
    token = data.strip()
    if not all(0x21 <= byte <= 0x7E for byte in token):  # noqa: PLR2004 - visible ASCII
        raise BadToken(f"{name} has characters other than visible ones of ASCII")
    if len(token) < LEAST_CHARS or len(set(token)) < LEAST_DIFFERENT:
        raise BadToken(
            f"the token in {name} is too easy to guess: it has at least {LEAST_CHARS} characters, "
            f"{LEAST_DIFFERENT} of them different, as `openssl rand -base64 32` makes it"
        )
    return token


class OperatorToken:
    """The token of a running node.

    A right token is never kept waiting because of somebody's wrong ones.
    """

    def __init__(self, path: str) -> None:
        """Read the token; :raises BadToken: if there is none in the file."""
        self._path = path
        self._digest = _digest(read_token(path))
        self._failures = TokenBucket(
            burst=FAILURES_AT_ONCE, rate=FAILURES_PER_SECOND, now=trio.current_time()
        )

    def reload(self) -> None:
        """Read the file again; :raises BadToken: if that fails, and the token stays as it was."""
        self._digest = _digest(read_token(self._path))

    def accepts(self, token: bytes) -> bool:
        """Return whether this is the token; takes as long for any wrong one."""
        return hmac.compare_digest(_digest(token), self._digest)

    def failed(self) -> float:
        """Count a wrong token; return the seconds to wait if there were too many of late, or 0."""
        return self._failures.take(trio.current_time(), 1.0)


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()
