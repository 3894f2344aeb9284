"""Commands about the messages of a room: send, history."""

from __future__ import annotations

import trio

from gateway import wire
from gateway.backplane import payloads
from gateway.policy.storage import Shortage
from gateway.sessions.commands import reading
from gateway.sessions.refusals import check_memory
from gateway.sessions.session import Session


async def send(session: Session, command: wire.Send) -> None:
    """Publish a message in a room; the answer acknowledges it with its ``seq``."""
    context = session.context
    room = session.room(command.room)
    if room.key not in context.backplane.rooms.retention.registered:
        check_memory(context, Shortage.REGISTERED_ONLY)
    began = trio.current_time()
    tail = payloads.encode_message_tail(
        room=room.name, sender=session.nick, text=command.text, id=command.id
    )
    seq = await context.backplane.rooms.publish(
        room.key, session.sid, command.id, tail,
        term=session.record.term, digest=payloads.digest_of(command.text),
    )  # fmt: skip
    room.log.acknowledge(seq, context.backplane.replication_id)
    context.metrics.counts.messages_in += 1
    context.metrics.publish_seconds.observe(trio.current_time() - began)
    session.send(wire.Sent(id=command.id, seq=seq))


async def history_page(session: Session, command: wire.History) -> None:
    """Return older messages of a room that the session is in, or of a conversation."""
    if command.room is None:
        await reading.history_with(session, command)
        return
    room = session.room(command.room)
    messages = await session.context.backplane.rooms.messages_before(
        room.key, command.before, command.limit + 1
    )
    newest = messages[-command.limit :] if command.limit else []
    page = session.fitting(room.erasures.conceal(newest))
    session.send(
        wire.HistoryPage(
            id=command.id,
            room=room.name,
            messages=payloads.as_messages(page) or payloads.NO_MESSAGES,
            more=len(page) < len(messages),
        )
    )
