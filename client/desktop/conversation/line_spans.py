"""A line as pieces of text with tags; `line_tags` says how each tag looks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from client.desktop.theme.palette import sender_tag
from client.i18n.days import in_words
from client.i18n.texts import _, ngettext
from client.model import (
    ACTION,
    FOLDED_ROWS,
    DateLine,
    Draft,
    Entry,
    MembershipLine,
    MessageLine,
    SystemLine,
    shown,
)
from gateway.wire.text.links import find_links

_RULE: Final = "\u2500" * 12
Span = tuple[str, tuple[str, ...]]
"""A piece of text and its tags."""


def entry_spans(entry: Entry) -> Sequence[Span]:
    """Return the pieces of an entry."""
    line = entry.line
    match line:
        case MessageLine(action=True):
            tag = "mention" if line.mention else "line"
            return (
                (line.sender, (tag, "head", "actor", sender_tag(line.sender))),
                *_text_of(entry, line, " ", (tag, "head", "action")),
                (f"  {clock(line.at)}", (tag, "head", "time")),
            )
        case MessageLine():
            tag = "mention" if line.mention else "line"
            text = _text_of(entry, line, "", (tag,))
            return text if entry.continued else (*head_spans(line.sender, line.at, tag), *text)
        case MembershipLine():
            return ((line.text, ("told",)), (f"  {clock(line.at)}", ("told", "time")))
        case SystemLine(at, text, warning):
            kind = "warning" if warning else "told"
            return ((text, (kind,)), (f"  {clock(at)}", (kind, "time")))
        case DateLine(day=day):
            rule = (_RULE, ("centred", "rule"))
            return (rule, (f"  {in_words(day)}  ", ("centred", "day")), rule)


def head_spans(sender: str, at: int | None = None, tag: str = "line") -> Sequence[Span]:
    """Return the pieces of the row above a message: sender and time."""
    name = (sender, (tag, "head", "name", sender_tag(sender)))
    time = "" if at is None else f"  {clock(at)}"
    return (name, (f"{time}\n", (tag, "head", "time")))


def _text_of(entry: Entry, line: MessageLine, before: str, tags: tuple[str, ...]) -> Sequence[Span]:
    if line.erased:
        erased = _("(message erased)")
        return ((f"{before}{erased}", (*tags, "erased")),)
    if not entry.is_folded:
        return _linked(f"{before}{line.text}", tags)
    beginning = "\n".join(line.text.split("\n", FOLDED_ROWS)[:FOLDED_ROWS])
    hidden = entry.all_rows - FOLDED_ROWS
    more = ngettext("Show {count:,} more row", "Show {count:,} more rows", hidden)
    link = (more.format(count=hidden), (tags[0], "link", "more"))
    return (*_linked(f"{before}{beginning}", tags), ("\n", tags), link)


def _linked(text: str, tags: tuple[str, ...]) -> Sequence[Span]:
    """Return a text in pieces, so that each link is one."""
    spans: list[Span] = []
    end = 0
    for start, stop in find_links(text):
        if start > end:
            spans.append((text[end:start], tags))
        spans.append((text[start:stop], (*tags, "url")))
        end = stop
    if end < len(text) or not spans:
        spans.append((text[end:], tags))
    return spans


def unread_text() -> str:
    """Return the text of the mark above unread messages."""
    return f"{_RULE}  {_('New messages')}  {_RULE}"


def draft_spans(draft: Draft) -> Sequence[Span]:
    """Return the pieces of a draft."""
    text = shown(draft.text.removeprefix(ACTION))
    spans: list[Span] = [(text, ("line", "draft"))]
    if draft.refusal is None:
        waiting = _("not confirmed yet \u2026") if draft.uncertain else _("waiting \u2026")
        return [*spans, (f"  {waiting}", ("line", "draft", "time"))]
    link = ("line", "link", f"draft:{draft.id}")
    problem = _("Not confirmed: {reason}") if draft.uncertain else _("Not sent: {reason}")
    again = _("Try again")
    if draft.stranger is not None:
        problem, again = _("Not sent: {reason} Send it to them anyway?"), _("Send anyway")
    return [
        *spans,
        (f"\n{problem.format(reason=draft.refusal)}  ", ("line", "refusal")),
        (again, (*link, "retry")),
        ("  ", ("line",)),
        (_("Discard"), (*link, "discard")),
    ]


def clock(at: int) -> str:
    """Return the local time of day of a time in Unix milliseconds."""
    return f"{datetime.fromtimestamp(at / 1000, tz=UTC).astimezone():%H:%M}"
