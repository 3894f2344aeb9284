"""Commands about oneself: nickname, status."""

from __future__ import annotations

from contextlib import suppress

import trio

from gateway import wire
from gateway.backplane import Refused, Unavailable, member_line
from gateway.backplane.account_events import ChangedEvent
from gateway.policy import nicknames
from gateway.policy.registration import check_account_nick, check_guest
from gateway.sessions import bans
from gateway.sessions.claims import claim_or_suggest, enter_again
from gateway.sessions.refusals import too_fast
from gateway.sessions.session import Session
from gateway.sessions.states import RoomState
from gateway.wire import CommandError


async def rename(session: Session, command: wire.Nick) -> None:
    """Change the nickname, and keep the status."""
    allow_unicode = session.context.settings.unicode_nicks
    nick = nicknames.check(command.nick, allow_unicode=allow_unicode)
    if ban := session.context.bans.find(nick=nick):
        raise bans.refusal(ban, nick)
    if nick != session.nick:
        limits = session.context.limits
        if wait := limits.new_nick(session.limited_as, trio.current_time()):
            raise too_fast("Too many nicknames are asked for from your address.", wait)
    if session.record.account:
        await _rename_account(session, nick)
    else:
        prefix = session.context.settings.guest_prefix
        check_guest(nick, allowed=True, prefix=prefix)
        await _choose(session, member_line.renamed(session.record.chosen, nick))
    session.answer_once(command, wire.Named(id=command.id, nick=nick))


async def set_status(session: Session, command: wire.SetStatus) -> None:
    """Change the status that was chosen, and keep the nickname."""
    _require_pace(session)
    account, backplane = session.record.account, session.context.backplane
    chosen = member_line.write(session.nick, command.state, command.text, registered=bool(account))
    if account:
        await backplane.accounts.set_status(account, f"{command.state} {command.text}")
        await _change_everywhere(session, chosen, status=(command.state, command.text))
    else:
        await _choose(session, chosen)
    session.answer_once(command, wire.Ok(id=command.id))


async def set_idle(session: Session, command: wire.SetIdle) -> None:
    """Change whether nobody uses this device, and keep the status that was chosen."""
    if command.idle != session.record.idle:
        _require_pace(session)
    session.record.idle = command.idle
    await _change_line(session, session.record.shown(session.record.chosen))
    session.answer_once(command, wire.Ok(id=command.id))


def _require_pace(session: Session) -> None:
    """Count a change of what members see; :raises CommandError: ``too_fast``."""
    rooms = max(1, len(session.record.rooms_in(RoomState.FOLLOWED)))
    if wait := session.context.limits.status(session.limited_as, rooms, trio.current_time()):
        raise too_fast("Too many changes of status come from your address.", wait)


async def _rename_account(session: Session, nick: str) -> None:
    """Reserve another nickname for an account, and change it in all rooms and sessions."""
    record, accounts = session.record, session.context.backplane.accounts
    check_account_nick(nick, prefix=session.context.settings.guest_prefix)
    account = await accounts.read(record.account)
    if account is None:
        raise Unavailable("the account is gone")
    answer = await accounts.set_nick(account, nick, nicknames.fold(nick))
    if answer != "ok":
        reason = "registered" if answer == "registered" else None
        raise CommandError("nick_taken", f"The nickname {nick} is taken.", reason=reason)
    await _change_everywhere(session, member_line.renamed(record.chosen, nick), nick=nick)


async def _change_everywhere(
    session: Session,
    chosen: str,
    *,
    nick: str | None = None,
    status: tuple[wire.State, str] | None = None,
) -> None:
    """Change an account's line in all its rooms, and in all its sessions on all nodes."""
    record, backplane = session.record, session.context.backplane
    for room in await backplane.account_rooms.rooms(record.account):
        with suppress(Refused):  # the link has logged it; the other rooms are changed
            await backplane.rooms.people.change(room, record.account, nick=nick, status=status)
    await session.context.accounts.publish(record.account, ChangedEvent(chosen, session.sid))
    record.chosen, record.line = chosen, record.shown(chosen)


async def _choose(session: Session, chosen: str) -> None:
    """Change the nickname or the status of a guest."""
    await _change_line(session, session.record.shown(chosen))
    session.record.chosen = chosen


async def _change_line(session: Session, line: str) -> None:
    """Change the session's member line, in Redis and in all rooms that list it."""
    backplane, registry = session.context.backplane, session.context.registry
    record = session.record
    async with registry.claiming(record):
        try:
            if line != record.line:
                await claim_or_suggest(backplane, record, line)
            # Also if the line is the same: an earlier attempt may have failed half way.
            await enter_again(backplane, record)
        except (Unavailable, trio.Cancelled):
            # Which line Redis has is unknown: the one that this node has is claimed again.
            registry.mark_unverified(record)
            raise
