"""Commands about direct messages: direct; also typing, to a person or a room."""

from __future__ import annotations

from gateway import wire
from gateway.sessions.session import Session


async def send(session: Session, command: wire.SendDirect) -> None:
    """Deliver a direct message; the answer has its ``seq`` in the sender's inbox."""
    context = session.context
    seq = await session.direct_messages.send(session.nick, command, term=session.record.term)
    session.inbox.log.acknowledge(seq, context.backplane.replication_id)
    context.metrics.counts.messages_in += 1
    session.send(wire.Sent(id=command.id, seq=seq))


async def note_typing(session: Session, command: wire.NoteTyping) -> None:
    """Notify a room or a person that the session's client is typing."""
    await session.direct_messages.notify_typing(session.nick, command)
    session.send(wire.Ok(id=command.id))
