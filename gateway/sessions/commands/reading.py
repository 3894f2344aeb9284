"""Commands about what was read: markers, conversations, and the messages of one."""

from __future__ import annotations

from gateway import wire
from gateway.auth.session_secrets import person_tag
from gateway.backplane import payloads
from gateway.backplane.account_events import ReadEvent
from gateway.backplane.account_rooms import Marker
from gateway.policy import room_names
from gateway.policy.nicknames import MAX_CHARS, MOST_READ, fold
from gateway.sessions.session import Session
from gateway.wire import MAX_ROOM_CHARS, CommandError


async def mark_read(session: Session, command: wire.MarkRead) -> None:
    """Move a read marker forward, and tell the account's other devices."""
    account, backplane = session.record.account, session.context.backplane
    if command.room is not None:
        name, moved = await _mark_room(session, command.room, command.seq)
        event = ReadEvent(room=name, seq=command.seq, by=session.sid)
    else:
        nick = command.with_ or ""
        tag = await _tag_of(session, nick)
        incoming = await backplane.inboxes.count_incoming(account, tag, command.seq)
        moved = await backplane.account_rooms.read_person(account, tag, command.seq, incoming)
        event = ReadEvent(peer=nick, seq=command.seq, by=session.sid)
    if moved:
        await session.context.accounts.publish(account, event)
    session.answer_once(command, wire.Ok(id=command.id))


async def _mark_room(session: Session, written: str, seq: int) -> tuple[str, bool]:
    """Move the marker of a room; return the room's name, and whether the marker moved."""
    account, store = session.record.account, session.context.backplane.account_rooms
    key = room_names.key(written)
    name = (await store.rooms(account)).get(key)
    if name is None:
        shown = written[:MAX_ROOM_CHARS]
        raise CommandError("not_in_room", f"Your account is not in the room {shown!r}.")
    room = session.context.relay.rooms.get(key)
    if room is not None and seq > room.position:
        await session.context.relay.catch_up_to(room, wire.Position(room.epoch, seq))
        seq = min(seq, room.position)
    return name, await store.read_room(account, key, seq)


async def conversations(session: Session, command: wire.Conversations) -> None:
    """List the account's conversations, the newest first."""
    account, backplane = session.record.account, session.context.backplane
    kept = await backplane.inboxes.conversations(account)
    markers = (await backplane.account_rooms.markers(account)).persons
    listed = []
    for each in kept[: wire.MAX_CONVERSATIONS]:
        marker = markers.get(each.tag, Marker())
        unread = max(0, each.incoming - marker.incoming)
        listed.append(
            wire.ConversationInfo(
                with_=each.nick, person=each.tag, seq=each.last_seq, read=marker.seq, unread=unread
            )
        )
    session.send(wire.ConversationList(id=command.id, conversations=listed))


async def history_with(session: Session, command: wire.History) -> None:
    """Return older direct messages between the account and somebody."""
    if not session.record.account:
        raise CommandError("forbidden", "Direct messages are kept of accounts alone.")
    nick = command.with_ or ""
    tag = await _tag_of(session, nick)
    page = await session.context.backplane.inboxes.history_with(
        session.record.account, tag, command.before, max(1, command.limit)
    )
    messages = session.fitting(page.messages)
    before = payloads.message_seq(messages[0]) if messages else page.before
    is_cut = len(messages) < len(page.messages)
    session.send(
        wire.HistoryPage(
            id=command.id,
            with_=nick,
            directs=payloads.as_directs(messages),
            before=before if page.more or is_cut else None,
            more=page.more or is_cut,
        )
    )


async def _tag_of(session: Session, nick: str) -> str:
    """Return the tag of whoever has a nickname, or had it in the newest conversation.

    :raises CommandError: ``no_such_nick``.
    """
    backplane = session.context.backplane
    if len(nick) <= MOST_READ:
        if (owner := await backplane.nicks.owner(nick)) is not None:
            return person_tag(owner.session)
        folded = fold(nick)
        for each in await backplane.inboxes.conversations(session.record.account):
            if fold(each.nick) == folded:
                return each.tag
    raise CommandError("no_such_nick", f"Nobody here is called {nick[:MAX_CHARS]!r}.")
