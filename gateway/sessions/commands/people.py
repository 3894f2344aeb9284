"""Commands about oneself: nickname, status."""

from __future__ import annotations

import trio

from gateway import wire
from gateway.backplane import Unavailable, member_line
from gateway.policy import nicknames
from gateway.sessions import bans
from gateway.sessions.claims import claim_or_suggest, enter_again
from gateway.sessions.refusals import too_fast
from gateway.sessions.session import Session


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
    await _change_line(session, member_line.renamed(session.record.line, nick))
    session.answer_once(command, wire.Named(id=command.id, nick=nick))


async def set_status(session: Session, command: wire.SetStatus) -> None:
    """Change the status, and keep the nickname."""
    await _change_line(session, member_line.write(session.nick, command.state, command.text))
    session.answer_once(command, wire.Ok(id=command.id))


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
