"""From the direct messages that were written and heard to what went wrong with them. Pure.

An inbox ends with its session, and nobody reads it again at the end of a run. So it is judged by
what came out of it, and by what others know to have put there: each direct message goes to its
sender's inbox as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from tests.faults.history import History, Sending, Stay
from tests.faults.losses import Losses
from tests.faults.rooms import heard_out_of_order, heard_twice, overtaken, skipped, told
from tests.faults.verdict import Anomaly


def anomalies(history: History, losses: Losses) -> Iterator[Anomaly]:
    """Judge the direct messages of a run."""
    by_text = {sending.text: sending for sending in history.directs}
    for inbox in history.inboxes:
        yield from skipped(inbox, {})
        yield from heard_twice(inbox)
        yield from heard_out_of_order(inbox)
        said = [by_text[text] for _, text, _ in inbox.heard if text in by_text]
        yield from overtaken(inbox.room, said)
        yield from _unexpected(inbox, by_text)
        yield from _lost(inbox, history, losses)
        if inbox.hole is not None and not losses.explain_inbox(inbox.hole):
            yield told(inbox.hole)
    yield from _delivered_twice(history, losses)
    yield from _diverged(history)


def concerns(inbox: Stay, sending: Sending) -> bool:
    """Tell whether a message is its reader's: by them, or for them.

    All nicknames that a client ever takes begin with its name.
    """
    return inbox.client in {sending.client, sending.room.partition("-")[0]}


def missing(inbox: Stay, history: History) -> list[Sending]:
    """Give what must have come to an inbox, and has not.

    What was acknowledged before something else was written that came is before that in the inbox;
    to the end of a run everything comes.
    """
    came = {text for _, text, _ in inbox.heard}
    last = max((s.asked_at for s in history.directs if s.text in came), default=-math.inf)
    until = math.inf if inbox.kept else last
    return [
        sending
        for sending in history.directs
        if sending.answered_at is not None
        and inbox.began <= sending.asked_at
        and sending.answered_at <= until
        and sending.text not in came
        and concerns(inbox, sending)
    ]


def _lost(inbox: Stay, history: History, losses: Losses) -> Iterator[Anomaly]:
    for sending in missing(inbox, history):
        if not losses.of_direct(sending.text, inbox, _inbox_of(sending, history)):
            what = f"{inbox.client} did not get it in {inbox.room}"
            yield Anomaly("lost", what, (sending.text,))


def _inbox_of(sending: Sending, history: History) -> Stay | None:
    """Give the inbox that its sender had when it was acknowledged."""
    at = math.inf if sending.answered_at is None else sending.answered_at
    own = [i for i in history.inboxes if i.client == sending.client and i.began <= at]
    return max(own, key=lambda inbox: inbox.began, default=None)


def _unexpected(inbox: Stay, by_text: dict[str, Sending]) -> Iterator[Anomaly]:
    for _, text, _ in inbox.heard:
        sending = by_text.get(text)
        if sending is None or not concerns(inbox, sending):
            yield Anomaly("unexpected", f"nobody wrote it to {inbox.client}", (text,))


def _delivered_twice(history: History, losses: Losses) -> Iterator[Anomaly]:
    """Give what came to two sessions of one client."""
    first: dict[tuple[str, str], Stay] = {}
    for inbox in history.inboxes:
        for _, text, _ in inbox.heard:
            other = first.setdefault((inbox.client, text), inbox)
            if other.room != inbox.room and not losses.of_direct(text, other):
                what = f"{inbox.client} got it in {other.room} and in {inbox.room}"
                yield Anomaly("duplicated", what, (text,))


def _diverged(history: History) -> Iterator[Anomaly]:
    """Give what its sender heard in another place than the answer had told."""
    heard: dict[tuple[str, str], set[int]] = {}
    for inbox in history.inboxes:
        for seq, text, _ in inbox.heard:
            heard.setdefault((inbox.client, text), set()).add(seq)
    for sending in history.directs:
        seqs = heard.get((sending.client, sending.text))
        if seqs and sending.seq is not None and sending.seq not in seqs:
            what = f"{sending.client} heard {sorted(seqs)}, and was answered {sending.seq}"
            yield Anomaly("diverged", what, (sending.text,))
