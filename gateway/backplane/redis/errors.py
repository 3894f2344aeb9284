"""The errors of Redis, as exceptions of this package."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ClassVar, Final, ParamSpec, TypeVar

import structlog
from redis import exceptions as redis_exceptions

P = ParamSpec("P")
T = TypeVar("T")

log = structlog.get_logger("redis")


class Unavailable(Exception):
    """Redis cannot do this now: away, starting, full, read-only, or access denied. Try again later.

    Repeating the command is safe, whether it took effect or not.
    """

    passes: ClassVar[bool] = True
    """Whether the same command may succeed soon without an operator's help."""

    def __init__(self, *args: object, uncertain: bool = False) -> None:
        super().__init__(*args)
        self.uncertain = uncertain
        """Whether the command may have taken effect, or may yet: Redis may have received it."""


class Refused(Unavailable, redis_exceptions.ResponseError):
    """Redis refuses a command for good: the command, or what is stored under its key, is wrong.

    It is an `Unavailable`, so that a key that another program has corrupted affects its room only.
    """

    passes = False


class Denied(Unavailable):
    """Redis answers that it cannot do this now: full, starting, or unable to save."""


class Forbidden(Denied, redis_exceptions.ResponseError):
    """Redis refuses a command whatever its key: unknown, or not allowed to this user."""

    passes = False


class ReadOnly(Unavailable):
    """The server is a replica now; another one is the primary."""


class NoScript(Exception):
    """Redis does not have a script any more, after a restart, failover or SCRIPT FLUSH."""


class Unsuitable(Exception):
    """The server answers, but cannot be used until somebody changes something.

    The text is one line for the operator: what is wrong, and what to do.
    """


_PASSING = (
    "BUSY", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "MISCONF", "NOREPLICAS", "OOM", "TRYAGAIN",
    "UNBLOCKED",
)  # fmt: skip
_FORBIDDEN = ("NOAUTH", "NOPERM", "WRONGPASS")
_SAYS_FORBIDDEN = (
    "unknown command", "unknown redis command", "unknown subcommand", "wrong number of arg",
    "error compiling script", "acl failure in script", "the user executing the script can't",
)  # fmt: skip
"""Lower-case parts of the errors that mean the same in servers of several versions."""
_INSIDE_A_SCRIPT: Final = "@user_script"
"""In the errors of a script that had begun to run: its earlier commands may have taken effect."""
_ARGUMENTS: Final = ", with args beginning with"
"""Followed, in an error, by arguments: a whole script, or a message's text."""
_LONGEST: Final = 400


def translate(error: str) -> Exception:
    """Return the exception for an error reply of Redis."""
    error = error.partition(_ARGUMENTS)[0]
    had_begun = _INSIDE_A_SCRIPT in error
    error = error[:_LONGEST]
    word = error.split(" ", 1)[0]
    if word == "NOSCRIPT":
        return NoScript(error)
    # A write refused inside a script comes as "ERR ... -OOM ..." or with the script's name first.
    if word == "READONLY" or "-READONLY " in error:
        return ReadOnly(error)
    if word in _FORBIDDEN:
        return Forbidden(error, uncertain=had_begun)
    # Redis raises these for a script's first write only: nothing has changed.
    if word in _PASSING or any(f"-{passing} " in error for passing in _PASSING):
        return Denied(error)
    if word == "ERR" and says_forbidden(error):
        return Forbidden(error, uncertain=had_begun)
    return Refused(error, uncertain=had_begun)


def says_forbidden(error: str) -> bool:
    """Return whether an error, of a command or within a script, refuses a command to this user."""
    return error.startswith(_FORBIDDEN) or any(words in error.lower() for words in _SAYS_FORBIDDEN)


def first_message(group: BaseExceptionGroup[Exception]) -> str:
    """Return the text of the first exception in a group; nurseries may have nested it."""
    leaf: BaseException = group
    while isinstance(leaf, BaseExceptionGroup):
        leaf = leaf.exceptions[0]
    return str(leaf)


def reading(method: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Make a method raise `Refused` if it cannot parse a reply, since the data are corrupt."""

    @wraps(method)
    async def read(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await method(*args, **kwargs)
        except (ValueError, TypeError, IndexError) as error:
            log.exception("what redis holds cannot be read", asked=method.__name__)
            raise Refused(f"what Redis holds cannot be read: {error}") from error

    return read
