"""What one client received of one stream: complete, once, in order. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from tests.faults.checkers.result import Anomaly
from tests.faults.history import Observation, ReportedGap, SendOperation


def skipped(observation: Observation, log: dict[int, str]) -> Iterator[Anomaly]:
    """Yield the messages between the beginning and the end of an observation that did not come."""
    if missing := _missing(observation, log):
        what = f"{observation.client} in {observation.stream} did not get {_ranges(missing)}"
        yield Anomaly("lost", what, tuple(log.get(seq, "?") for seq in missing))


def _missing(observation: Observation, log: dict[int, str]) -> list[int]:
    seqs = {seq for seq, _, _ in observation.received}
    if observation.since < 0 and not seqs:
        return []  # where it begins was not told
    last = max(seqs, default=observation.since)
    if observation.kept:
        last = max(last, *log, 0)
    return [seq for seq in range(observation.since + 1, last + 1) if seq not in seqs]


def _ranges(seqs: list[int]) -> str:
    groups = itertools.groupby(enumerate(seqs), lambda pair: pair[1] - pair[0])
    spans = [[seq for _, seq in group] for _, group in groups]
    return ", ".join(str(s[0]) if len(s) == 1 else f"{s[0]}-{s[-1]}" for s in spans)


def received_twice(observation: Observation) -> Iterator[Anomaly]:
    """Yield the messages that came more than once."""
    for text in repeated(text for _, text, _ in observation.received):
        what = f"{observation.client} in {observation.stream} got it more than once"
        yield Anomaly("duplicated", what, (text,))


def repeated(texts: Iterable[str]) -> list[str]:
    """Return every text that was there before, as often as it comes again."""
    seen: set[str] = set()
    again = []
    for text in texts:
        if text in seen:
            again.append(text)
        seen.add(text)
    return again


def received_out_of_order(observation: Observation) -> Iterator[Anomaly]:
    """Yield the messages that came after a later one."""
    for (seq, text, _), (next_seq, next_text, _) in itertools.pairwise(observation.received):
        if next_seq < seq:
            what = f"{observation.client} in {observation.stream} heard {next_seq} after {seq}"
            yield Anomaly("reordered", what, (text, next_text))


def overtaken(stream: str, sends: Iterable[SendOperation]) -> Iterator[Anomaly]:
    """Yield messages that stand after a later one of the same client to the same target.

    ``sends`` are in the order of the stream.
    """
    latest: dict[tuple[str, str], SendOperation] = {}
    for send in sends:
        before = latest.get((send.client, send.target))
        if before is not None and before.number > send.number:
            what = f"{send.client} in {stream} said {send.text} before {before.text}"
            yield Anomaly("reordered", what, (send.text, before.text))
        latest[send.client, send.target] = send


def unexplained_gap(gap: ReportedGap) -> Anomaly:
    """Return the anomaly that a client was told of a gap which no fault explains."""
    what = (
        f"{gap.client} in {gap.stream}: {gap.reason}, {gap.after} to {gap.up_to}, "
        f"at {gap.at:.2f}, epoch {gap.epoch}"
    )
    return Anomaly("unexplained gap", what)
