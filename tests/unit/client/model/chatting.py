"""A chat to look at, and what happens in it."""

from __future__ import annotations

from datetime import UTC, datetime

from client import events
from client.model import Chat, Conversation, DateLine, Line
from gateway import wire

NOON = round(datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp() * 1000)


def message(seq: int, text: str = "", *, sender: str = "bob", at: int = 0) -> wire.Message:
    return wire.Message(
        seq=seq, at=NOON + at, room="lobby", sender=sender, text=text or f"m{seq}", id=f"id{seq}"
    )


def joined(
    *messages: wire.Message,
    seq: int | None = None,
    recovered: bool | None = None,
    members: tuple[str, ...] = ("alice", "bob"),
) -> wire.Joined:
    return wire.Joined(
        room="lobby",
        epoch="e",
        seq=seq if seq is not None else (messages[-1].seq if messages else 0),
        version=1,
        count=len(members),
        members=[wire.Member(nick=nick) for nick in members],
        messages=list(messages),
        recovered=recovered,
    )


def presence(version: int, *, joined: str = "", left: str = "", changed: str = "") -> wire.Presence:
    renames = [change.split(">") for change in changed.split()]
    return wire.Presence(
        room="lobby",
        version=version,
        after=version - 1,
        joined=[wire.Member(nick=nick) for nick in joined.split()],
        left=left.split(),
        changed=[wire.Renamed(was=was, nick=nick) for was, nick in renames],
    )


def online() -> Chat:
    """Alice, in the lobby with bob."""
    chat = Chat()
    chat.sign_in("alice")
    chat.apply(events.Connected("ws://a/ws", "node-a", "alice", resumed=True), NOON)
    chat.apply(joined(message(1), message(2)), NOON)
    return chat


def texts(chat: Chat) -> list[str]:
    lines = lines_of(chat.room("lobby"))
    return [line.text for line in lines if not isinstance(line, DateLine)]


def lines_of(conversation: Conversation) -> list[Line]:
    return [entry.line for entry in conversation.transcript.entries]


def direct(seq: int, text: str) -> wire.DirectMessage:
    return wire.DirectMessage(
        seq=seq, at=NOON, epoch="e", sender="bob", to="alice", text=text, id=f"d{seq}"
    )
