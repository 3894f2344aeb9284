"""The operator's token: read from a file, compared in constant time, and failures throttled."""

from __future__ import annotations

import hashlib
import hmac
import stat
from pathlib import Path
from typing import Final

import trio

from gateway.policy.rate_limits import TokenBucket

LEAST_CHARS: Final = 22
"""Characters of a token, at least: 128 random bits as URL-safe text."""
LEAST_DIFFERENT: Final = 10
"""Different characters of a token, at least."""
MOST_BYTES: Final = 1_024
FAILURES_AT_ONCE: Final = 5
FAILURES_PER_SECOND: Final = 0.5
"""Wrong tokens that are answered as such; of further ones it is said that they are too many."""

_OTHERS_MAY_CHANGE: Final = stat.S_IWGRP | stat.S_IWOTH
_OTHERS_MAY_READ: Final = stat.S_IROTH


class BadToken(Exception):
    """A file has no token that can be used; the text is one line for the operator."""


def read_token(path: str) -> bytes:
    """Return the token in a file; :raises BadToken: if there is none, or others may know it."""
    name = repr(path[:300])
    try:
        found = Path(path).stat()
        if not stat.S_ISREG(found.st_mode):
            raise BadToken(f"{name} is not a file")
        if found.st_mode & (_OTHERS_MAY_CHANGE | _OTHERS_MAY_READ):
            raise BadToken(
                f"others may read or change {name} (mode {stat.S_IMODE(found.st_mode):04o}): "
                "chmod it to 0600 or 0640"
            )
        if found.st_size > MOST_BYTES:
            raise BadToken(f"{name} has more than {MOST_BYTES} bytes")
        token = Path(path).read_bytes().strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BadToken(f"cannot read {name}: {reason}") from None
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
