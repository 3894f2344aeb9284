"""Commands about direct messages: direct; also typing, to a person or a room."""

from __future__ import annotations

from functools import partial

import trio

from gateway import wire
from gateway.auth.identity import account_of
from gateway.auth.session_secrets import person_tag
from gateway.backplane import Owner
from gateway.policy.storage import Shortage
from gateway.sessions.refusals import check_memory, too_fast
from gateway.sessions.session import Session


async def send(session: Session, command: wire.SendDirect) -> None:
    """Deliver a direct message; the answer has its ``seq`` in the sender's inbox."""
    context = session.context
    check_memory(context, Shortage.REGISTERED_ONLY)
    seq = await session.direct_messages.send(
        session.nick, command, term=session.record.term, check=partial(_check_stranger, session)
    )
    session.inbox.log.acknowledge(seq, context.backplane.replication_id)
    context.metrics.counts.messages_in += 1
    session.send(wire.Sent(id=command.id, seq=seq))


async def note_typing(session: Session, command: wire.NoteTyping) -> None:
    """Notify a room or a person that the session's client is typing."""
    await session.direct_messages.notify_typing(session.nick, command)
    session.send(wire.Ok(id=command.id))


async def _check_stranger(session: Session, recipient: Owner) -> None:
    """Refuse a message to somebody who is written to by very many strangers.

    Whoever has written to this session is none; nor to this account, whose inbox knows that.
    """
    if session.inbox.heard_from.include(recipient.nick):
        return
    if account := account_of(session.sid):
        known = await session.context.backplane.inboxes.conversation(
            account, person_tag(recipient.session)
        )
        if known is not None and known.incoming:
            return
    limits, now = session.context.limits, trio.current_time()
    if wait := limits.stranger_direct(session.limited_as, recipient.session, now):
        raise too_fast(f"{recipient.nick} is written to by too many strangers now.", wait)
