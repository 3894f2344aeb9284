"""The ways in which everything shared fails."""

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
    """Redis cannot do this now: away, starting, full, read-only, or closed to us. Try again later.

    Whether a command that was under way took effect is unknown; every command here may be repeated.
    """

    passes: ClassVar[bool] = True
    """Whether it may be otherwise soon without anybody's doing."""


class Refused(Unavailable, redis_exceptions.ResponseError):
    """Redis refuses a command for a reason that does not pass by itself: a fault, here or there.

    It counts as `Unavailable`, so that a key somebody else spoilt costs the room it belongs to,
    and not the node with everybody on it.
    """

    passes = False


class Denied(Unavailable):
    """Redis answers, and says why it does not do this now: full, starting, or unable to save."""


class Forbidden(Denied, redis_exceptions.ResponseError):
    """Redis refuses a command whatever its key: this user may not run it, or it is not known."""

    passes = False


class ReadOnly(Unavailable):
    """This server is a replica now: the primary is elsewhere."""


class NoScript(Exception):
    """Redis has forgotten a script (restart, failover, SCRIPT FLUSH): load it again."""


class Unsuitable(Exception):
    """The server answers, and cannot be used until somebody changes something.

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
"""How servers of several versions say it, in small letters, beside the words above."""
_ARGUMENTS: Final = ", with args beginning with"
"""What follows may be a whole script, or what somebody wrote."""
_LONGEST: Final = 400


def translate(error: str) -> Exception:
    """Turn Redis's error reply into what this package raises for it."""
    error = error.partition(_ARGUMENTS)[0][:_LONGEST]
    word = error.split(" ", 1)[0]
    if word == "NOSCRIPT":
        return NoScript(error)
    # A write refused inside a script comes as "ERR ... -OOM ..." or with the script's name first.
    if word == "READONLY" or "-READONLY " in error:
        return ReadOnly(error)
    if word in _FORBIDDEN:
        return Forbidden(error)
    if word in _PASSING or any(f"-{passing} " in error for passing in _PASSING):
        return Denied(error)
    if word == "ERR" and any(words in error.lower() for words in _SAYS_FORBIDDEN):
        return Forbidden(error)
    return Refused(error)


def reading(method: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Make a method raise `Refused` for a reply that it cannot read: what is stored was spoilt."""

    @wraps(method)
    async def read(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await method(*args, **kwargs)
        except (ValueError, TypeError, IndexError) as error:
            log.exception("what redis holds cannot be read", asked=method.__name__)
            raise Refused(f"what Redis holds cannot be read: {error}") from error

    return read
