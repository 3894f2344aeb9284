"""What is unread after a position in a transcript. Pure."""

from __future__ import annotations

from typing import NamedTuple

from client.model.lines import Line, MessageLine
from client.model.transcript import Entry, Transcript


class Unread(NamedTuple):
    """What is unread: messages of others, those of them that mention the person, the first entry.

    ``missing`` is how many of the messages are older than all that are here.
    """

    messages: int
    mentions: int
    first: Entry | None
    missing: int


def unread_after(transcript: Transcript, read: int, me: str, *, in_row: bool) -> Unread:
    """Return what is unread after the position ``read``.

    ``me`` is the own name as displayed; ``in_row`` is whether positions have no gaps, as those of a
    room, so that what is not here can be counted.
    """
    entries: list[Entry] = []
    mentions = 0
    for entry in reversed(transcript.entries):
        line = entry.line
        if not isinstance(line, MessageLine) or not line.seq:
            continue
        if line.seq <= read:
            return Unread(len(entries), mentions, entries[-1] if entries else None, 0)
        if line.sender != me:
            entries.append(entry)
            mentions += line.mention
    oldest = transcript.oldest_seq
    missing = max(0, oldest - 1 - read) if in_row and oldest is not None else 0
    first = entries[-1] if entries else None
    return Unread(len(entries) + missing, mentions, first, missing)


def entry_to_mark(transcript: Transcript, marked: Line, since: int | None) -> Entry | None:
    """Return the entry above which the mark of what is unread belongs, after older ones have come.

    ``marked`` is the line that has had it; ``since`` the position after which it belongs, if known.
    """
    for entry in transcript.entries:
        line = entry.line
        is_after = since is not None and isinstance(line, MessageLine) and line.seq > since
        if line is marked or is_after:
            return entry
    return None
