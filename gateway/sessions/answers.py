"""Sends answers to clients, and composes the larger ones."""

from __future__ import annotations

from typing import Final

from gateway import wire
from gateway.backplane import Unavailable, member_line, payloads
from gateway.config import Settings
from gateway.delivery.room import Room
from gateway.net.websocket import text_frame
from gateway.net.write_buffer import WriteBuffer
from gateway.sessions.record import SessionRecord
from gateway.wire import CommandError

RETRY_SECONDS: Final = 1.0
"""Seconds until a command that Redis could not carry out should be sent again."""


def send(write_buffer: WriteBuffer, event: wire.Event) -> None:
    """Send an event to a client; the ``ok`` to a command without an id is left out."""
    if not isinstance(event, wire.Ok) or event.id is not None:
        write_buffer.write(text_frame(wire.encode(event)))


def unavailable(error: Unavailable, *, uncertain: bool) -> CommandError:
    """Return the refusal of a command that Redis could not carry out now.

    ``uncertain`` is whether it may have been carried out, or may yet be.
    """
    if error.passes:
        message = "The server cannot do this right now; try again with the same id."
    else:
        message = "The server cannot do this until its operator has mended something."
    return CommandError(
        "unavailable", message,
        retry_after=RETRY_SECONDS, temporary=error.passes, uncertain=uncertain,
    )  # fmt: skip


def refused(error: CommandError, command_id: str | None, *, uncertain: bool) -> wire.Error:
    """Return the answer to a command that is refused.

    ``uncertain`` is whether this attempt, or an earlier one, may have been carried out.
    """
    return wire.Error(
        id=command_id,
        code=error.code,
        message=error.message,
        retry_after=error.retry_after,
        suggestion=error.suggestion,
        reason=error.reason,
        until=error.until,
        temporary=error.temporary,
        uncertain=uncertain,
    )


def limits(settings: Settings, limited_as: str | None) -> wire.Limits:
    """Return the limits in the ``welcome`` of a node with these settings.

    ``limited_as`` is `ConnectionHandle.limited_as`: who is exempt is told of no limit by address.
    """
    is_limited = limited_as is not None
    return wire.Limits(
        frame_bytes=wire.MAX_FRAME_BYTES,
        text_bytes=wire.MAX_TEXT_BYTES,
        rooms=settings.max_rooms,
        history=wire.MAX_HISTORY,
        flood_burst=settings.flood_burst,
        flood_rate=settings.flood_rate,
        grace_seconds=settings.grace_seconds,
        ping_interval=settings.ping_interval,
        registration=settings.registration,
        password_length=settings.password_length,
        nicks=settings.address_nicks * is_limited,
        new_rooms=settings.session_rooms * is_limited,
        directs=settings.stranger_directs * is_limited,
        connections=settings.address_connections * is_limited,
    )


def joined(
    room: Room,
    record: SessionRecord,
    messages: list[bytes],
    *,
    command_id: str | None,
    recovered: bool | None,
) -> wire.Joined:
    """Return the answer to a session that joins a room: the room as it is now.

    Its page of members lists the session already; the other members are notified next.
    """
    roster, line = room.roster, record.line
    newcomer = member_line.read(line) if roster.introduce(record.sid, line) else None
    page = roster.page()
    return wire.Joined(
        id=command_id,
        room=room.name,
        epoch=room.epoch,
        seq=room.position,
        last_id=_last_id(room, messages),
        version=roster.announced_version,
        count=roster.count() + (newcomer is not None),
        members=payloads.as_members(page.encoded, newcomer),
        messages=payloads.as_messages(messages),
        recovered=recovered,
        next=page.next,
    )


def _last_id(room: Room, messages: list[bytes]) -> str | None:
    """Return the id of the message at a room's position; None if that is not at hand."""
    for message in (*room.recent.all[-1:], *messages[-1:]):
        if payloads.message_seq(message) == room.position:
            return payloads.message_id(message)
    return None
