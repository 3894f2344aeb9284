"""The operator's HTTP API: JSON in, JSON out; each path is one of `gateway.operator.commands`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

from gateway.backplane.bans import CannotBan
from gateway.backplane.operator import OperatorAccess
from gateway.operator import commands
from gateway.operator.commands import MOST_LISTED, WrongArgument
from gateway.policy.bans import KINDS, Ban, Kind, Target, WrongTarget, parse_target, time_in_words
from gateway.server.http.response import response

PREFIX: Final = "/api/"
MOST_BODY_BYTES: Final = 16 * 1024


class WhomBody(Struct, forbid_unknown_fields=True):
    """Whom a request is about: exactly one of these."""

    nick: str | None = None
    session: str | None = None
    address: str | None = None


class KickBody(WhomBody, forbid_unknown_fields=True):
    """The body of ``kick``."""

    reason: str = ""


class BanBody(WhomBody, forbid_unknown_fields=True, rename={"lasts": "for"}):
    """The body of ``ban``; it ends after ``for``, or at ``until``, or never."""

    reason: str = ""
    lasts: str | None = None
    until: str | None = None


class AnnounceBody(Struct, forbid_unknown_fields=True):
    """The body of ``announce``."""

    text: str


class NoSuchBan(Exception):
    """There is no ban to be lifted."""


BodyT = TypeVar("BodyT")
Handler = Callable[[OperatorAccess, bytes], Awaitable[Any]]


async def respond(path: str, query: bytes, body: bytes, access: OperatorAccess) -> bytes:
    """Return the response to a request that `refuse` has let through.

    :raises Unavailable: if Redis does not answer.
    """
    _, takes, handler = _HANDLERS[path]
    try:
        result = await handler(access, query if takes == "query" else body)
    except (WrongArgument, WrongTarget, CannotBan) as error:
        return problem(400, str(error))
    except NoSuchBan:
        return problem(404, "there is no such ban")
    return _as_json(200, result)


def refuse(path: str, method: bytes) -> bytes | None:
    """Return the response if there is no such path, or it wants another method; else None."""
    if path not in _HANDLERS:
        return problem(404, f"there is nothing at {path[:100]}; there are {', '.join(_HANDLERS)}")
    wanted = _HANDLERS[path][0].decode()
    if method.decode() != wanted:
        return problem(405, f"only {wanted} works here", {"Allow": wanted})
    return None


def problem(status: int, text: str, headers: Mapping[str, str] = MappingProxyType({})) -> bytes:
    """Return the response that says in one line what is wrong."""
    return _as_json(status, {"error": text}, headers)


def _as_json(
    status: int,
    result: Any,  # noqa: ANN401 - whatever is JSON
    headers: Mapping[str, str] = MappingProxyType({}),
) -> bytes:
    body = msgspec.json.encode(result) + b"\n"
    return response(status, body, "application/json", headers=headers)


# --- the commands -----------------------------------------------------------------------------


async def _who(access: OperatorAccess, query: bytes) -> commands.SessionPage:
    try:
        fields = dict(
            parse_qsl(query.decode("ascii"), strict_parsing=bool(query), max_num_fields=8)
        )
    except ValueError as error:
        raise WrongArgument(f"the query cannot be read: {error}") from None
    after, limit = fields.pop("after", ""), fields.pop("limit", str(MOST_LISTED))
    if unknown := sorted(fields.keys() - set(KINDS)):
        raise WrongArgument(f"there is no field {unknown[0][:40]!r}")
    if not (limit.isascii() and limit.isdecimal() and len(limit) < 9 and int(limit) > 0):  # noqa: PLR2004
        raise WrongArgument(f"limit: {limit[:40]!r} is no whole number from 1 to {MOST_LISTED}")
    target = _target(WhomBody(**fields)) if fields else None
    return await commands.who(access, target, after=after, limit=min(int(limit), MOST_LISTED))


async def _kick(access: OperatorAccess, body: bytes) -> commands.CommandResult:
    wanted = _decode(body, KickBody)
    return await commands.kick(access, _target(wanted), commands.check_reason(wanted.reason))


async def _ban(access: OperatorAccess, body: bytes) -> commands.CommandResult:
    wanted = _decode(body, BanBody)
    made = await commands.read_ban(
        access,
        _target(wanted),
        reason=wanted.reason,
        lasts=wanted.lasts,
        until=wanted.until,
        name=_named(wanted)[1],
    )
    return await commands.ban(access, made)


async def _unban(access: OperatorAccess, body: bytes) -> commands.CommandResult:
    result = await commands.unban(access, _target(_decode(body, WhomBody)))
    if result is None:
        raise NoSuchBan
    return result


async def _bans(access: OperatorAccess, _query: bytes) -> dict[str, Any]:
    return {"bans": [_shown(ban) for ban in await commands.bans(access)]}


async def _announce(access: OperatorAccess, body: bytes) -> commands.CommandResult:
    text = commands.check_announcement(_decode(body, AnnounceBody).text)
    return await commands.announce(access, text)


_HANDLERS: Final[dict[str, tuple[bytes, str, Handler]]] = {
    f"{PREFIX}who": (b"GET", "query", _who),
    f"{PREFIX}kick": (b"POST", "body", _kick),
    f"{PREFIX}ban": (b"POST", "body", _ban),
    f"{PREFIX}unban": (b"POST", "body", _unban),
    f"{PREFIX}bans": (b"GET", "query", _bans),
    f"{PREFIX}announce": (b"POST", "body", _announce),
}


def _shown(ban: Ban) -> dict[str, Any]:
    return {
        ban.target.kind: ban.name or ban.target.key,
        "reason": ban.reason,
        "until": time_in_words(ban.until) if ban.until else None,
        "made": time_in_words(ban.made),
    }


def _target(named: WhomBody) -> Target:
    return parse_target(*_named(named))


def _named(named: WhomBody) -> tuple[Kind, str]:
    given = {kind: text for kind in KINDS if (text := getattr(named, kind)) is not None}
    if len(given) != 1:
        raise WrongArgument(f"give exactly one of {', '.join(KINDS)}")
    [whom] = given.items()
    return whom


def _decode(body: bytes, kind: type[BodyT]) -> BodyT:
    try:
        return msgspec.json.decode(body, type=kind)
    except (ValueError, RecursionError) as error:
        raise WrongArgument(f"the body cannot be read: {error}") from None
