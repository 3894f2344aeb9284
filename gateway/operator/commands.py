"""An operator's commands about people; each works on Redis, and has the nodes carry it out."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from gateway.backplane import Unavailable
from gateway.backplane.operator import OperatorAccess, Replies
from gateway.backplane.operator_requests import (
    Announce,
    EndSessions,
    ListSessions,
    ReadBans,
    SessionInfo,
)
from gateway.policy.bans import FOREVER, Ban, Target, time_in_words

MOST_LISTED: Final = 500
"""Sessions on one page of `who`."""
MOST_REASON_BYTES: Final = 300
MOST_ANNOUNCEMENT_BYTES: Final = 2_000
MOST_DAYS: Final = 3_650
"""Days that a ban may last, unless it has no end."""

_DURATION: Final = re.compile(r"([0-9]{1,9})([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_PLACE: Final = re.compile(r"([^ ]{0,200}) ([A-Za-z0-9_-]{0,64})")


class WrongArgument(ValueError):
    """An argument that cannot be used; the text is one line for the operator."""


class SessionPage(Struct, frozen=True):
    """Sessions in the order of nickname and id.

    - ``next``: where the next page begins; None if this is the last;
    - ``silent``: nodes that have not answered in time, whose sessions are missing.
    """

    sessions: list[SessionInfo]
    next: str | None
    silent: list[str]


class CommandResult(Struct, frozen=True, omit_defaults=True):
    """What a command has done.

    - ``count``: sessions ended, or clients told something;
    - ``nodes``: how many nodes have carried it out;
    - ``silent``: nodes that have not confirmed it in time;
    - ``warning``: a line about replicas of Redis; empty if there is nothing to say.
    """

    count: int
    nodes: int
    silent: list[str] = []
    warning: str = ""


async def who(
    access: OperatorAccess, target: Target | None = None, *, after: str = "", limit: int
) -> SessionPage:
    """Return a page of the sessions of all nodes, or of a target's.

    ``after`` is the `next` of the page before; ``limit`` is from 1 to `MOST_LISTED`.

    :raises WrongArgument: if ``after`` is no such place.
    """
    place = _PLACE.fullmatch(after or " ")
    if place is None:
        raise WrongArgument("after: give the `next` of the page before, as it is")
    found = await access.ask_nodes(
        ListSessions(target=target, after=(place[1], place[2]), limit=limit)
    )
    listed = sorted(
        (session for reply in found.replies for session in reply.sessions),
        key=lambda session: session.place,
    )
    page = listed[:limit]
    more = len(listed) > limit or any(reply.more for reply in found.replies)
    return SessionPage(page, " ".join(page[-1].place) if more and page else None, found.silent)


async def kick(access: OperatorAccess, target: Target, reason: str) -> CommandResult:
    """End all sessions of a target; they may come back, as others."""
    return _result(await access.ask_nodes(EndSessions(target=target, reason=reason)))


async def ban(access: OperatorAccess, made: Ban) -> CommandResult:
    """Record a ban, in place of the one that its target may have, and end the target's sessions.

    :raises CannotBan: if it cannot be recorded.
    """
    await access.bans.add(made)
    replies = await access.ask_nodes(ReadBans())
    return _result(replies, await unconfirmed(access, "there is no such ban: ban again"))


async def unban(access: OperatorAccess, target: Target) -> CommandResult | None:
    """Lift a target's ban; return None if there is none."""
    if not await access.bans.remove(target):
        return None
    replies = await access.ask_nodes(ReadBans())
    return _result(replies, await unconfirmed(access, "the ban is back: lift it again"))


async def bans(access: OperatorAccess) -> list[Ban]:
    """Return the bans that hold, those that were made first before the others."""
    now = (await access.bans.version()).now
    found = [ban for ban in await access.bans.all() if ban.holds(now)]
    return sorted(found, key=lambda ban: (ban.made, ban.target.kind, ban.target.key))


async def announce(access: OperatorAccess, text: str) -> CommandResult:
    """Send a text to all clients that have said hello."""
    return _result(await access.ask_nodes(Announce(text=text)))


async def unconfirmed(access: OperatorAccess, otherwise: str) -> str:
    """Return a warning if not all replicas of Redis have confirmed what was done; else nothing.

    ``otherwise`` says what is the case, and to be done, if one of them takes over.
    """
    try:
        confirmed, replicas = await access.replicated()
    except Unavailable as refused:
        if refused.passes:
            raise
        return f"whether replicas have confirmed it cannot be asked: {refused}"
    if confirmed >= replicas:
        return ""
    return (
        f"{confirmed} of {replicas} replicas have confirmed it; should one of the "
        f"others take over before it does, {otherwise}"
    )


def _result(found: Replies, warning: str = "") -> CommandResult:
    count = sum(reply.count for reply in found.replies)
    return CommandResult(count, len(found.replies), found.silent, warning)


# --- arguments --------------------------------------------------------------------------------


async def read_ban(
    access: OperatorAccess,
    target: Target,
    *,
    reason: str,
    lasts: str | None,
    until: str | None,
    name: str,
) -> Ban:
    """Return a ban to be made now, by the clock of Redis.

    - ``name``: what the operator called the target by; kept of nicknames, whose keys are folded;
    - ``lasts``: a duration such as ``90s``, ``30m``, ``12h`` or ``7d``;
    - ``until``: a time such as ``2027-01-31T18:00Z``; without an offset it is in UTC.

    :raises WrongArgument: if one of them cannot be used, or both are given.
    """
    if lasts is not None and until is not None:
        raise WrongArgument("give either how long the ban lasts or when it ends")
    reason = check_reason(reason)
    now = (await access.bans.version()).now
    end = FOREVER
    if lasts is not None:
        end = now + read_duration(lasts)
    elif until is not None:
        end = _time(until)
        if end <= now:
            raise WrongArgument(f"{until} is in the past; now it is {time_in_words(now)}")
    if end > now + MOST_DAYS * 86_400_000:
        raise WrongArgument(f"a ban lasts {MOST_DAYS} days at most, or has no end")
    return Ban(target, reason, end, now, name if target.kind == "nick" else "")


def check_reason(text: str) -> str:
    """Return a reason that is told to clients; :raises WrongArgument: if it cannot be shown."""
    return _check_text(text, "the reason", MOST_REASON_BYTES)


def check_announcement(text: str) -> str:
    """Return a text for all clients; :raises WrongArgument: if it cannot be shown."""
    if not text.strip():
        raise WrongArgument("the announcement is empty")
    return _check_text(text, "the announcement", MOST_ANNOUNCEMENT_BYTES, allowed="\n")


def _check_text(text: str, what: str, most: int, *, allowed: str = "") -> str:
    if len(text.encode("utf-8", "surrogateescape")) > most:
        raise WrongArgument(f"{what} has more than {most} bytes")
    if not all(c.isprintable() or c in allowed for c in text):
        raise WrongArgument(f"{what} has control characters")
    return text


def read_duration(text: str) -> int:
    """Return a duration such as ``30m`` in milliseconds; :raises WrongArgument: if it is none."""
    found = _DURATION.fullmatch(text)
    if found is None or not int(found[1]):
        raise WrongArgument(f"{text[:40]!r} is no duration; one looks like 30m, 12h or 7d")
    return int(found[1]) * _SECONDS[found[2]] * 1000


def _time(text: str) -> int:
    try:
        time = datetime.fromisoformat(text)
        aware = time if time.tzinfo else time.replace(tzinfo=UTC)
        return round(aware.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise WrongArgument(f"{text[:40]!r} is no time; one looks like 2027-01-31T18:00Z") from None
