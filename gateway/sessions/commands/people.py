"""Commands about oneself: nickname, status."""

from __future__ import annotations

import trio

from gateway import wire
from gateway.backplane import Unavailable, member_line
from gateway.policy import nicknames
from gateway.sessions.claims import claim_or_suggest, enter_again
from gateway.sessions.session import Session


async def rename(session: Session, command: wire.Nick) -> None:
    """Take another nickname, and keep the status."""
    allow_unicode = session.context.settings.unicode_nicks
    nick = nicknames.check(command.nick, allow_unicode=allow_unicode)
    await _become(session, member_line.renamed(session.record.line, nick))
    session.answer_once(command, wire.Named(id=command.id, nick=nick))


async def set_status(session: Session, command: wire.SetStatus) -> None:
    """Take another status, and keep the nickname."""
    await _become(session, member_line.write(session.nick, command.state, command.text))
    session.answer_once(command, wire.Ok(id=command.id))


async def _become(session: Session, line: str) -> None:
    """Have another member line, and give it to all rooms that the session is in."""
    backplane, registry = session.context.backplane, session.context.registry
    record = session.record
    async with registry.claiming(record):
        try:
            if line != record.line:
                await claim_or_suggest(backplane, record, line)
            # Also if that was done by a command like this one whose answer was `unavailable`.
            await enter_again(backplane, record)
        except (Unavailable, trio.Cancelled):
            # Which line Redis has now is unknown: have it claimed as the node has it.
            registry.mark_unverified(record)
            raise
