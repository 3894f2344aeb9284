"""Direct messages: each comes to its sender's and its reader's inbox, once and in order. Pure.

An inbox ends with its session, and nobody reads it again at the end of a run. So it is judged by
what came out of it, and by what others know to have put there: a direct message goes to its
sender's inbox as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from tests.faults.checkers.evidence import Evidence
from tests.faults.checkers.losses import AllowedLosses
from tests.faults.checkers.result import Anomaly
from tests.faults.checkers.streams import (
    overtaken,
    received_out_of_order,
    received_twice,
    skipped,
    unexplained_gap,
)
from tests.faults.generator import person_of
from tests.faults.history import Observation, RunHistory, SendOperation


def check(evidence: Evidence) -> Iterator[Anomaly]:
    """Yield everything that is wrong with the direct messages."""
    history, losses = evidence.history, evidence.losses
    by_text = {send.text: send for send in history.direct_sends}
    for inbox in history.inboxes:
        yield from skipped(inbox, {})
        yield from received_twice(inbox)
        yield from received_out_of_order(inbox)
        sends = [by_text[text] for _, text, _ in inbox.received if text in by_text]
        yield from overtaken(inbox.stream, sends)
        yield from _unexpected(inbox, by_text)
        yield from _lost(inbox, history, losses)
        if inbox.gap is not None and not losses.allow_inbox_gap(inbox.gap):
            yield unexplained_gap(inbox.gap)
    yield from _in_two_sessions(history, losses)
    yield from _diverged(history)


def missing(inbox: Observation, history: RunHistory) -> list[SendOperation]:
    """Return what must have come to an inbox, and has not.

    If something came that was sent after a message was acknowledged, that message must have come
    as well. An inbox that was kept to the end of the run must have everything.
    """
    came = {text for _, text, _ in inbox.received}
    last = max((s.invoked_at for s in history.direct_sends if s.text in came), default=-math.inf)
    until = math.inf if inbox.kept else last
    return [
        send
        for send in history.direct_sends
        if send.completed_at is not None
        and inbox.began <= send.invoked_at
        and send.completed_at <= until
        and send.text not in came
        and _belongs_in(inbox, send)
    ]


def _belongs_in(inbox: Observation, send: SendOperation) -> bool:
    """Return whether a message is by, or for, the reader of an inbox."""
    return person_of(inbox.client) in {person_of(send.client), person_of(send.target)}


def _lost(inbox: Observation, history: RunHistory, losses: AllowedLosses) -> Iterator[Anomaly]:
    for send in missing(inbox, history):
        if not losses.allow_direct(send.text, inbox, _sender_inbox(send, history)):
            yield Anomaly("lost", f"{inbox.client} did not get it in {inbox.stream}", (send.text,))


def _sender_inbox(send: SendOperation, history: RunHistory) -> Observation | None:
    """Return the inbox that the sender had when the message was acknowledged."""
    at = math.inf if send.completed_at is None else send.completed_at
    own = [each for each in history.inboxes if each.client == send.client and each.began <= at]
    return max(own, key=lambda inbox: inbox.began, default=None)


def _unexpected(inbox: Observation, by_text: dict[str, SendOperation]) -> Iterator[Anomaly]:
    for _, text, _ in inbox.received:
        send = by_text.get(text)
        if send is None or not _belongs_in(inbox, send):
            yield Anomaly("unexpected", f"nobody wrote it to {inbox.client}", (text,))


def _in_two_sessions(history: RunHistory, losses: AllowedLosses) -> Iterator[Anomaly]:
    """Yield what came to two sessions of one client."""
    first: dict[tuple[str, str], Observation] = {}
    for inbox in history.inboxes:
        for _, text, _ in inbox.received:
            other = first.setdefault((inbox.client, text), inbox)
            if other.stream != inbox.stream and not losses.allow_direct(text, other):
                what = f"{inbox.client} got it in {other.stream} and in {inbox.stream}"
                yield Anomaly("duplicated", what, (text,))


def _diverged(history: RunHistory) -> Iterator[Anomaly]:
    """Yield what came to its sender at another ``seq`` than the answer had said."""
    received: dict[tuple[str, str], set[int]] = {}
    for inbox in history.inboxes:
        for seq, text, _ in inbox.received:
            received.setdefault((inbox.client, text), set()).add(seq)
    for send in history.direct_sends:
        seqs = received.get((send.client, send.text))
        if seqs and send.seq is not None and send.seq not in seqs:
            what = f"{send.client} heard {sorted(seqs)}, and was answered {send.seq}"
            yield Anomaly("diverged", what, (send.text,))
