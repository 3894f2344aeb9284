"""Direct messages between accounts are all there at the end, also for who was away. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from tests.faults.checkers.evidence import Evidence
from tests.faults.checkers.losses import AllowedLosses
from tests.faults.checkers.result import Anomaly
from tests.faults.checkers.streams import overtaken, repeated
from tests.faults.generator import person_of
from tests.faults.history import ConversationRead, SendOperation


def check(evidence: Evidence) -> Iterator[Anomaly]:
    """Yield everything that is wrong with what accounts read of their conversations."""
    between: dict[frozenset[str], dict[str, SendOperation]] = {}
    for send in evidence.history.direct_sends:
        pair = frozenset((person_of(send.client), person_of(send.target)))
        between.setdefault(pair, {})[send.text] = send
    for read in evidence.history.conversations:
        sends = between.get(frozenset((read.person, read.other)), {})
        yield from _check_one(read, sends, evidence.losses)


def _check_one(
    read: ConversationRead, sends: dict[str, SendOperation], losses: AllowedLosses
) -> Iterator[Anomaly]:
    name = f"{read.person}'s conversation with {read.other}"
    texts = [text for _, text in read.messages]
    for text in repeated(texts):
        yield Anomaly("duplicated", f"{name} has it more than once", (text,))
    for (seq, text), (next_seq, next_text) in itertools.pairwise(read.messages):
        if next_seq <= seq:
            yield Anomaly("reordered", f"{name} has {next_seq} after {seq}", (text, next_text))
    yield from overtaken(name, [sends[text] for text in texts if text in sends])
    for text in texts:
        if text not in sends:
            yield Anomaly("unexpected", f"{name} has what neither wrote to the other", (text,))
    there = set(texts)
    for send in sends.values():
        is_due = send.completed_at is not None and send.invoked_at >= read.since
        if is_due and send.text not in there and not losses.allow_in_log(send.text):
            what = f"{name} does not have it, acknowledged at {send.completed_at:.2f}"
            yield Anomaly("lost", what, (send.text,))
